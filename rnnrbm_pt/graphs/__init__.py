"""Symbolic graphs only: no files, no loops over epochs, no printing."""
