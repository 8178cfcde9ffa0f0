"""`python -m labrig.runs.export KIND RUN FILE [samples]`: the process that writes one export.

If it fails, its last line on stderr is JSON, with `kind` and `message`. `kind` is the class of an error of labrig, or
"write" if the file cannot be written.
"""

from __future__ import annotations

import os
import re
import sys
from importlib import import_module
from pathlib import Path

from labrig.errors import LabrigError, UsageError, reason
from labrig.json_text import json_text
from labrig.runs.contents import read_contents
from labrig.runs.folder import RunFolder
from labrig.runs.samples import Samples


def main(kind: str, run: str, file: str, with_samples: str = "") -> int:
    """Write one export; return 0, or 1 after printing an error."""
    try:
        module = import_module(f"labrig.runs.export.{kind}")
        folder = RunFolder(Path(run))
        samples = Samples(folder) if with_samples else None
        if samples is not None and not samples.acquisitions:
            raise UsageError("this run has stored no samples", remedy="run it again with storage.raw=true")
        module.write(read_contents(folder), Path(file), samples)
    except ImportError as error:
        return _failed("UsageError", f"{error.name} is not installed; install it: pip install 'labrig[analysis]'")
    except LabrigError as error:
        return _failed("UsageError" if isinstance(error, UsageError) else "StorageError", str(error))
    except Exception as error:
        return _failed("write", _why(error))
    return 0


def _why(error: Exception) -> str:
    """Return why a file could not be written: the system's message without the addresses and sizes that HDF5 adds."""
    said = re.search(r"\berrno = (\d+)", str(error))
    number = int(said[1]) if said else getattr(error, "errno", None)
    return os.strerror(number) if number else reason(error)


def _failed(kind: str, message: str) -> int:
    print(json_text({"kind": kind, "message": message}), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
