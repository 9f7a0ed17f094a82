"""``python -m pytest_rawrxd``: the ``rawrxd`` command where no script is installed."""

import sys

from pytest_rawrxd.cli import main

if __name__ == "__main__":
    sys.exit(main())
