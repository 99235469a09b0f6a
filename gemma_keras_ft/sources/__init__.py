"""Reads a user's lyrics, in whatever form they come, into records."""

from gemma_keras_ft.sources.read import read_records
from gemma_keras_ft.sources.rows import ReadLimits

__all__ = ["ReadLimits", "read_records"]
