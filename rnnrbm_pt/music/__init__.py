"""MIDI files, piano-rolls, data sets, sound and pictures. Nothing here depends on the models."""
