"""Native scripts to Latin schemes and back."""
