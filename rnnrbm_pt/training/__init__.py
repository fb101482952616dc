"""Loops over epochs and what belongs to them. Knows nothing of graphs or of MIDI."""
