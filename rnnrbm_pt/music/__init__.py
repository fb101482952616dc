"""MIDI files, piano-rolls, collections of them, and pictures. Knows nothing of models."""
