"""`python -m medcls <verb>`."""

import sys

from medcls.cli import main

sys.exit(main(sys.argv[1:]))
