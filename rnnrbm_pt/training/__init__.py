"""Training loops, optimisers, schedules and settings. This package does not depend on the models or on MIDI."""
