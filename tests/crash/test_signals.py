"""A short form of signals.py, and of `labrig safe` and `labrig abort` beside a run: as a new user would use them."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from busy import stretched
from crash.signals import CONFIG, WITHIN_S, trial
from crash.world import ServedWorld, program, served_world, wait_until_playing
from trials import trials

from labrig.instruments.records import read_all

WAYS = ("SIGKILL", "SIGQUIT", "out of memory", "SIGUSR1", "killed with its group", "SIGABRT", "SIGSEGV", "SIGALRM")
SHORT = trials(1, 2, 8)


@pytest.mark.parametrize("way", WAYS[:SHORT])
def test_outputs_are_off_within_a_second_of_a_sudden_end(tmp_path: Path, way: str) -> None:
    result = trial(way, random.Random(way), tmp_path)
    assert result["were_on"]
    assert result["off_after_s"] <= stretched(WITHIN_S), result


@pytest.fixture
def world() -> Iterator[ServedWorld]:
    with served_world(CONFIG) as served:
        yield served


@pytest.fixture
def run(tmp_path: Path, world: ServedWorld) -> Iterator[subprocess.Popen[bytes]]:
    """A run that plays."""
    words = ["run", CONFIG, "--no-plots", "--run-dir", str(tmp_path / "board-7"), *world.overrides()]
    with program(tmp_path, [*words, "--set", "learning.epochs=1000"]) as process:
        wait_until_playing(world, process)
        yield process


def labrig(folder: Path, *words: str) -> tuple[int, dict]:
    """A command in a folder of its own: its exit code and what it prints as JSON."""
    command = [sys.executable, "-m", "labrig", *words, "--json"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100)
    return ended.returncode, json.loads(ended.stdout)


def kill_without_watchdog(run: subprocess.Popen[bytes]) -> None:
    """Kill a run and its watchdog at the same time."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"labrig.watchdog" in words and str(run.pid).encode() in words:
            os.kill(int(folder.name), signal.SIGKILL)
    run.kill()
    run.wait()


def test_safe_needs_neither_configuration_nor_folder(tmp_path: Path, world: ServedWorld, run) -> None:
    kill_without_watchdog(run)
    assert world.on()
    code, said = labrig(tmp_path, "safe", *world_addresses(world))
    assert not world.on()
    mine = {each["name"]: each for each in said["instruments"]}
    assert {name: (each["state"], each["alive"]) for name, each in mine.items()} == dict.fromkeys(
        ("awg", "daq", "pots", "err1", "err2"), ("safe", False)
    )
    assert all(each["pid"] == run.pid for each in mine.values())
    assert code == 0


@pytest.mark.more
def test_what_a_killed_run_left_is_made_safe_before_it_is_used_again(tmp_path: Path, world: ServedWorld, run) -> None:
    kill_without_watchdog(run)
    assert world.on()
    code, said = labrig(tmp_path, "doctor", CONFIG, "--bench", "hardware", *world.overrides())
    assert {each["state"] for each in said["instruments"]} == {"answers"}, said
    assert not world.on()
    assert code == 0


@pytest.mark.more
def test_abort_stops_a_run_in_order(tmp_path: Path, world: ServedWorld, run) -> None:
    code, said = labrig(tmp_path, "abort", "board-7", "--runs-dir", str(tmp_path))
    assert (said["how"], said["process"], said["instruments"]) == ("stopped", run.pid, [])
    assert not world.on()
    assert run.wait(10) == 130
    assert code == 0
    assert labrig(tmp_path, "abort", str(tmp_path / "board-7"))[1]["how"] == "had ended"


@pytest.mark.more
def test_a_run_goes_on_at_other_addresses(tmp_path: Path, run) -> None:
    """The instruments are plugged in again and have other names; here, other instruments of the same kind."""
    run.kill()
    run.wait(10)
    with served_world(CONFIG) as other:
        addresses = [each for each in other.overrides() if each.startswith("instruments.")]
        given = [word for address in addresses for word in ("--set", address)]
        with program(tmp_path, ["resume", str(tmp_path / "board-7"), "--no-plots", *given]) as resumed:
            wait_until_playing(other, resumed)


@pytest.mark.more
def test_abort_also_stops_a_run_that_was_suspended(tmp_path: Path, world: ServedWorld, run) -> None:
    run.send_signal(signal.SIGSTOP)
    code, said = labrig(tmp_path, "abort", str(run.pid))
    assert (code, said["how"]) == (0, "stopped")
    assert not world.on()


@pytest.mark.more
def test_safe_beside_a_living_run_switches_off_and_the_run_notices(tmp_path: Path, world: ServedWorld, run) -> None:
    code, said = labrig(tmp_path, "safe", *world_addresses(world))
    assert code == 0
    assert {each["state"] for each in said["instruments"]} == {"safe"}
    assert all(each["stopped"] and not each["alive"] for each in said["instruments"])
    assert run.wait(1) in (4, 5)
    assert not world.on()


@pytest.fixture
def starting(tmp_path: Path, world: ServedWorld) -> Iterator[subprocess.Popen[bytes]]:
    """A run that has begun to open its instruments."""
    words = ["run", CONFIG, "--no-plots", "--run-dir", str(tmp_path / "starts"), *world.overrides()]
    with program(tmp_path, words) as process:
        assert_within(20, lambda: [each for each in read_all()[0] if each.pid == process.pid])
        yield process
        process.kill()


@pytest.mark.more
def test_safe_beside_a_run_that_starts_keeps_it_from_playing(tmp_path: Path, world: ServedWorld, starting) -> None:
    code, said = labrig(tmp_path, "safe", *(each.address for each in read_all()[0] if each.pid == starting.pid))
    assert code == 0, said
    on = plays_until(starting, world)
    assert starting.returncode == 4
    assert not on


@pytest.mark.more
def test_ctrl_c_while_a_run_starts_keeps_it_from_playing(world: ServedWorld, starting) -> None:
    before = world.playing()
    starting.send_signal(signal.SIGINT)
    assert starting.wait(30) == 130
    assert world.playing() == before  # each channel with the time of its last change


def plays_until(process: subprocess.Popen[bytes], world: ServedWorld) -> list[str]:
    """The channels that were on at any time until a program ended."""
    on: set[str] = set()
    ends = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < ends:
        on.update(map(str, world.on()))
        time.sleep(0.01)
    return sorted(on)


def assert_within(seconds: float, condition: Callable[[], object]) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


@pytest.mark.more
def test_a_run_that_is_suspended_is_made_safe_by_its_watchdog(tmp_path: Path, world: ServedWorld, run) -> None:
    run.send_signal(signal.SIGSTOP)
    struck_s = time.monotonic()
    silence_s = 15.0 + 2 * 2.0  # RECOVERY_S and limits.step
    assert world.off_after(struck_s, silence_s + 10.0) <= silence_s + stretched(WITHIN_S)
    ends = time.monotonic() + 10.0
    while "has completed no acquisition" not in (tmp_path / "said").read_text():
        assert time.monotonic() < ends, "the watchdog said nothing"
        time.sleep(0.05)


def world_addresses(world: ServedWorld) -> list[str]:
    """Addresses of the instruments as drivers state them, so that no other test's instruments are touched."""
    return [
        resource.removeprefix("grpc://") if resource.startswith("grpc://") else resource
        for resource in world.resources.values()
    ]
