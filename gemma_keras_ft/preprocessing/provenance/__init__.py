"""Whose a record is, what may be done with it, and whom a corpus represents."""
