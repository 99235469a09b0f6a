"""Minor gaps are filled and recorded; substantial loss is set aside."""
