"""A sweep whose workers or client are killed or interrupted gives the same table as one that was left in peace."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from sweeps import dask_scheduler, ended, kill_a_worker, run_to_the_end, sweep_command, wait_for

from labrig.runs.lock import is_being_written

SWEEP = "config: xor.yaml\ngrid: {learning.rate: [0.3, 0.5]}\nseeds: 0..1\nset: {learning.epochs: 25}\n"


@pytest.fixture(scope="module")
def in_peace(tmp_path_factory):
    """The sweep's file, and the table of a sweep to which nothing happened."""
    folder = tmp_path_factory.mktemp("sweep")
    path = folder / "short.yaml"
    path.write_text(SWEEP)
    return path, run_to_the_end(path, folder / "runs", "--jobs", "2")


def started(path: Path, runs: Path, *more: str) -> subprocess.Popen[str]:
    command = sweep_command(path, runs, "--jobs", "2", *more)
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)


@pytest.mark.long  # the claim `sweep` kills a worker too
def test_a_killed_worker_costs_time_only(in_peace, tmp_path):
    path, table = in_peace
    with ended(started(path, tmp_path)) as client:
        kill_a_worker(tmp_path / "short")
        _, errors = client.communicate(timeout=300)
    assert client.returncode == 0, errors
    assert "Traceback" not in errors
    assert (tmp_path / "short" / "sweep.csv").read_text() == table


@pytest.mark.more
@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_a_killed_client_costs_time_only(in_peace, tmp_path, number):
    path, table = in_peace
    with ended(started(path, tmp_path)) as client:
        wait_for(lambda: any(map(is_being_written, (tmp_path / "short").glob("*/run.db"))))
        if number == signal.SIGINT:  # as a terminal sends it, to the workers too
            os.killpg(client.pid, number)
        else:
            client.kill()
        _, errors = client.communicate(timeout=60)
    assert client.returncode == (130 if number == signal.SIGINT else -9)
    assert "Traceback" not in errors
    wait_for(lambda: not any(map(is_being_written, (tmp_path / "short").glob("*/run.db"))))  # workers end with it
    assert not (tmp_path / "short" / "sweep.csv").exists()
    assert run_to_the_end(path, tmp_path, "--jobs", "2") == table


@pytest.mark.long  # the claim `sweep` has such a scheduler too
def test_a_scheduler_elsewhere_gives_the_same_table(in_peace, tmp_path):
    path, table = in_peace
    with dask_scheduler(tmp_path) as address:
        client = sweep_command(path, tmp_path / "runs", "--scheduler", address)
        with ended(subprocess.Popen(client, stderr=subprocess.DEVNULL, text=True)) as first:
            wait_for(lambda: any(map(is_being_written, (tmp_path / "runs" / "short").glob("*/run.db"))))
            first.kill()
        assert run_to_the_end(path, tmp_path / "runs", "--scheduler", address) == table


@pytest.mark.more
def test_a_scheduler_that_is_not_there(in_peace, tmp_path):
    path, _ = in_peace
    command = sweep_command(path, tmp_path, "--scheduler", "tcp://127.0.0.1:9")
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 4
    assert "no dask scheduler answers" in done.stderr
    assert "Traceback" not in done.stderr
