"""Hostile files: how to make them, what the readers do with them, and fuzzing."""
