"""How graphs are compiled: modes, rewrites, and the code behind the Ops of this package."""
