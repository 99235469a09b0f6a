"""Gemma presets, attention and adapters."""
