"""What training will take, told before any weight is loaded."""
