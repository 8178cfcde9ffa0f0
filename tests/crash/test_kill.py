"""Short forms of kill.py and damage.py, which are programs with counts of their own."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from crash.damage import flips
from crash.kill import kill
from crash.kill_wire import kill_on_the_wire
from crash.scenarios import BAD, scenarios
from trials import trials

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks, and kills by SIGKILL")


@pytest.mark.more
def test_a_killed_run_goes_on_as_if_nothing_had_happened():
    found = kill(trials(5, 8, 1000), seed=os.getpid())
    assert found.resumed > 0
    assert (found.lost, found.different) == (0, 0)


@pytest.mark.more
def test_a_flipped_bit_is_corrected_or_named():
    for line in flips(trials(5, 10, 500), seed=os.getpid()):
        assert (line["read wrong, unsaid"], line["tracebacks"]) == (0, 0), line


@pytest.mark.more
@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_a_write_that_is_torn_costs_no_step():
    program = Path(__file__).with_name("torn_writes.py")
    command = [sys.executable, str(program), "--every", str(trials(40, 30, 1)), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    found = json.loads(done.stdout)
    assert found["killed"] > 5
    assert (found["lost"], found["different"], done.returncode) == (0, 0, 0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pyvisa-py leaves sockets open
@pytest.mark.parametrize("bench", ["simulated", pytest.param("wire", marks=pytest.mark.more)])
def test_faults_at_random_end_in_recovery_or_a_named_error(bench):
    count = trials(3, 4, 200) if bench == "simulated" else trials(1, 1, 200)
    found = scenarios(count, bench, seed=os.getpid())
    gc.collect()  # here, or the warnings about these sockets make a later test fail
    assert [found[key] for key in BAD] == [0] * len(BAD)


@pytest.mark.more
def test_a_run_killed_on_the_wire_is_safe_within_a_second_and_goes_on():
    found = kill_on_the_wire(trials(2, 2, 60), seed=os.getpid())
    assert found.holds, found


@pytest.mark.more
@pytest.mark.skipif(shutil.which("gcc") is None or sys.platform != "linux", reason="needs gcc, and Linux")
def test_a_power_failure_costs_no_step():
    program = Path(__file__).with_name("power.py")
    command = [sys.executable, str(program), "--cuts", str(trials(3, 4, 1000)), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    found = json.loads(done.stdout)
    assert done.returncode == 0, found
    assert found["process"]["lost"] > 0
