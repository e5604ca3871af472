"""`python -m found`: moving, checking and compacting databases from a shell."""

import sys

from found._cli import main

if __name__ == "__main__":
    sys.exit(main())
