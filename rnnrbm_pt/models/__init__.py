"""Models that users train, save, load and generate music with."""
