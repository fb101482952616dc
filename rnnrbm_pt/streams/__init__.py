"""Random streams: their types, Ops and NumPy reference implementations. Importing this package adds the rewrites."""

import rnnrbm_pt.compile.rewriting  # noqa: F401
