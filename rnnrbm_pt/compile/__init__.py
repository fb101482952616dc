"""Compilation of graphs: backends, rewrites, and the package's own Ops."""
