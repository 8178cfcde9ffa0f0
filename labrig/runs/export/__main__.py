"""`python -m labrig.runs.export KIND RUN FILE`: the process that writes one export."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from labrig.errors import LabrigError, reason
from labrig.runs.contents import read_contents
from labrig.runs.folder import RunFolder


def main(kind: str, run: str, file: str) -> int:
    """Write one export; returns 1 after printing an error as 'KIND: message' in one line."""
    try:
        module = import_module(f"labrig.runs.export.{kind}")
        module.write(read_contents(RunFolder(Path(run))), Path(file))
    except ImportError as error:
        return _failed(f"UsageError: {error.name} is not installed; install it: pip install 'labrig[analysis]'")
    except LabrigError as error:
        return _failed(f"{type(error).__name__}: {error}")
    except Exception as error:
        return _failed(reason(error))
    return 0


def _failed(line: str) -> int:
    print(line.replace("\n", " "), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
