"""`python -m labrig.watchdog OWNER`, as started by `Watchdog`."""

import sys

from labrig.watchdog.process import main

main(int(sys.argv[1]))
