"""Run the `rnnrbm` command with ``python -m rnnrbm_pt``."""

import sys

from rnnrbm_pt.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
