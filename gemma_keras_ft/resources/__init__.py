"""What travels with the package: songs and a tiny model, with their licences."""
