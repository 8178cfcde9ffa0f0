"""A plug pulled at a random moment of a step on the wire: the trials of tests/crash/test_pulled_plug.py, counted."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from common import ROOT, Figure, at_least, seeds


def measure(short: bool) -> list[Figure]:
    (seed,) = seeds("pulled_plugs", 1)
    environment = {**os.environ, "LABRIG_TRIALS_SEED": str(seed), "LABRIG_LONG": "" if short else "1"}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
        done = subprocess.run(
            [*command, "tests/crash/test_pulled_plug.py"], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        suite = ElementTree.parse(report).getroot().find("testsuite")
    assert suite is not None
    if done.returncode:
        print(done.stdout, file=sys.stderr)
    bad = sum(int(suite.get(outcome, "0")) for outcome in ("failures", "errors", "skipped"))
    claim = "plugs pulled within a step: named error or right step, outputs off, no wrong update"
    return [at_least(claim, int(suite.get("tests", "0")) - bad, 10 if short else 200, "d")]
