"""The data card, its plots, and the formats beside JSONL."""
