"""Rows and a model -> a trained adapter."""
