"""Trained models -> scores and new text."""
