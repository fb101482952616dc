"""Timings, measured side by side in one run. They are no tests."""
