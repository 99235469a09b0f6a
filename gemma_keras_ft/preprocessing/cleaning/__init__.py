"""What a site, a file or a keyboard left around the song."""
