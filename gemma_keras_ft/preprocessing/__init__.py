"""Record -> record, or a reason to set it aside; pure Python."""
