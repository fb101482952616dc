"""Reading and writing files: atomic writes, checkpoints, and safe readers for untrusted archives and pickles."""
