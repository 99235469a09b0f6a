"""Evaluation: scores of songs, base against tuned, and the report of both."""
