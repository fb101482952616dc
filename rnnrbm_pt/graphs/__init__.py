"""The equations of the models as symbolic graphs: no files, no epochs, no printing. Importing it adds the rewrites."""

import rnnrbm_pt.compile.rewriting  # noqa: F401
