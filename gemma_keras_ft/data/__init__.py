"""Records -> token rows, served as batches."""
