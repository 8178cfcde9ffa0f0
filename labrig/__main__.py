"""`python -m labrig`."""

from labrig.cli.main import entry

entry()
