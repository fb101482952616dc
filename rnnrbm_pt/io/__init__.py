"""Files that are written whole or not at all, and settings that are checked where they come in."""
