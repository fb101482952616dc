"""Random streams: types, Ops and their reference in NumPy. Importing them registers their rewrites."""

import rnnrbm_pt.compile.rewriting  # noqa: F401
