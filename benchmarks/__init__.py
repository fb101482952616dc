"""Benchmarks: time, memory and quality of training, measured for several programs or settings."""
