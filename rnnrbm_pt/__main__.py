"""``python -m rnnrbm_pt`` is the command `rnnrbm`."""

import sys

from rnnrbm_pt.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
