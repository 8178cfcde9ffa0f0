"""One BLAS thread while a rig is open, unless the user said otherwise; the process is left as it was."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from labrig.blas import VARIABLES

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "divider.yaml"
PROGRAM = """
import json, os, sys
import numpy as np, scipy.linalg
from threadpoolctl import threadpool_info
import labrig

def threads():
    return sorted({library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"})

before = threads()
os.environ.update(json.loads(sys.argv[2]))
with labrig.open(sys.argv[1]) as rig:
    inside = threads()
print(json.dumps([before, inside, threads()]))
"""

COMMAND = """
import json, sys
from labrig.cli.main import main
code = main(sys.argv[1:])
from threadpoolctl import threadpool_info
print(json.dumps([code, sorted({each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"})]))
"""


def threads_before_inside_after(*, later=None, **environment):
    return told_by(PROGRAM, str(CONFIG), json.dumps(later or {}), **environment)


def told_by(program, *arguments, **environment):
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, env={**clean, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core has one thread anyway")
def test_an_open_rig_has_one_thread_and_a_closed_one_leaves_the_process_as_it_was():
    before, inside, after = threads_before_inside_after()
    assert inside == [1]
    assert after == before
    assert before != [1]


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core has one thread anyway")
def test_what_the_user_set_is_respected():
    assert threads_before_inside_after(OPENBLAS_NUM_THREADS="2") == [[2], [2], [2]]


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core has one thread anyway")
def test_what_the_user_set_after_numpy_was_loaded_is_respected():
    before, inside, after = threads_before_inside_after(later={"OPENBLAS_NUM_THREADS": "1"})
    assert (inside, after) == ([1], before)
    assert before != [1]


def test_every_command_has_one_thread_whether_it_opens_a_rig_or_not():
    """It loads NumPy with one thread."""
    assert told_by(COMMAND, "check", str(CONFIG)) == [0, [1]]
    assert told_by(COMMAND, "check", str(CONFIG), OPENBLAS_NUM_THREADS="2") == [0, [min(2, os.cpu_count() or 1)]]
