"""Equations as symbolic graphs: no files, no epochs, no printing. Importing them registers their rewrites."""

import rnnrbm_pt.compile.rewriting  # noqa: F401
