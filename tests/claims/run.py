"""Measure claims again: python tests/claims/run.py [NAME …] [--short] [--json] [--salt TEXT]"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: with many small solves, threads only wait
NOT_CLAIMS = {"run", "common", "random_boards"}


def main() -> int:
    names = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NOT_CLAIMS)
    parser = argparse.ArgumentParser(description="Measure labrig's claims again.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(names)} (default: all)")
    parser.add_argument("--short", action="store_true", help="fewer seeds")
    parser.add_argument("--json", action="store_true", help="one JSON line per figure")
    parser.add_argument("--salt", default="", help="draw other seeds than the commit's")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in names]
    if unknown:
        parser.error(f"no claim {unknown[0]!r}; there are {', '.join(names)}")
    os.environ["LABRIG_CLAIM_SALT"] = arguments.salt
    everything_holds = True
    for name in arguments.names or names:
        began = time.monotonic()
        for figure in importlib.import_module(name).measure(arguments.short):
            everything_holds &= figure.holds
            if arguments.json:
                line = {"claim": figure.claim, "figure": figure.figure, "goal": figure.goal, "holds": figure.holds}
                print(json.dumps({"program": name, **line}, ensure_ascii=False), flush=True)
            else:
                verdict = "DOES NOT HOLD" if not figure.holds else "" if figure.goal.startswith("stated") else "holds"
                print(f"{name:<16} {figure.claim:<72} {figure.figure:>14}  {figure.goal:<12} {verdict}", flush=True)
        if not arguments.json:
            print(f"{name:<16} took {time.monotonic() - began:.0f} s", flush=True)
    return 0 if everything_holds else 1


if __name__ == "__main__":
    sys.exit(main())
