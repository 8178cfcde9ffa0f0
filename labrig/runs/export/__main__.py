"""`python -m labrig.runs.export KIND RUN FILE [samples]`: the process that writes one export."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from labrig.errors import LabrigError, UsageError, reason
from labrig.runs.contents import read_contents
from labrig.runs.folder import RunFolder
from labrig.runs.samples import Samples


def main(kind: str, run: str, file: str, with_samples: str = "") -> int:
    """Write one export; return 0, or 1 after printing an error as one line 'CLASS: message'."""
    try:
        module = import_module(f"labrig.runs.export.{kind}")
        folder = RunFolder(Path(run))
        samples = Samples(folder) if with_samples else None
        if samples is not None and not samples.acquisitions:
            raise UsageError("this run has stored no samples", remedy="run it again with storage.raw=true")
        module.write(read_contents(folder), Path(file), samples)
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
