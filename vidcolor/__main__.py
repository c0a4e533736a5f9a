"""`python -m vidcolor` is `vidcolor`."""

import sys

from vidcolor.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
