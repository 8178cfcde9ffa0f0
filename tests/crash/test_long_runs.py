"""Short forms of fuzz.py and soak.py, which are programs with counts of their own."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from crash.fuzz import fuzz, work_folder
from crash.fuzz_files import file_targets
from crash.fuzz_replies import reply_targets
from trials import LONG, trials

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks, and looks into /proc")


@pytest.fixture(autouse=True)
def _no_garbage_of_other_tests():
    """Millions of objects are made here, so what other tests left behind would be collected, and blamed, here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_whatever_instruments_reply_there_is_an_error_by_name():
    with work_folder() as folder:
        found = fuzz(reply_targets(), trials(3_000, 10_000, 1_000_000), os.getpid(), folder)
    assert found.holds, found
    assert found.refused > 0


@pytest.mark.more
def test_whatever_stands_in_a_file_there_is_an_error_by_name():
    with work_folder() as folder:
        found = fuzz(file_targets(folder), trials(150, 1_000, 100_000), os.getpid(), folder)
    assert found.holds, found
    assert found.refused > 0


@pytest.mark.more
@pytest.mark.parametrize("bench", ["simulated", "wire"] if LONG else ["simulated"])
def test_memory_and_step_time_stay_as_they_are(tmp_path: Path, bench: str):
    """In a process of its own: what other tests left in memory would be freed or used again in the meantime.

    On the wire only in the long form: gRPC takes thousands of calls to fill its pools.
    """
    steps = trials(0, 2_000, 100_000) if bench == "simulated" else trials(0, 400, 10_000)
    program = Path(__file__).with_name("soak.py")
    command = [sys.executable, str(program), "--steps", str(steps), "--bench", bench, "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=7200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["holds"]
