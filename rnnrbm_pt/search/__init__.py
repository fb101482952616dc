"""Hyper-parameter search: a space of options of `rnnrbm train`, trials that can be resumed, and their results."""
