"""Optional variations of training songs."""
