"""Hostile files: how to make them, how the readers handle them, and fuzzing."""
