"""`python -m medcls <verb>`, and the command `medcls`."""

import sys

from medcls.cli import main


def run() -> None:
    """Carry out the command line and leave with its exit status."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
