"""What no step may change, what a reader should look at, and what they decide."""
