"""Copies of a song are found and kept on one side of the splits."""
