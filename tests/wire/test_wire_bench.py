"""The wire bench as a whole: real drivers and client libraries against virtual instruments in a child process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from busy import stretched
from unit.rig.benches import assembled
from wire.both_benches import FAST, QUIET

from labrig.errors import ConfigError, ConnectionFailed
from labrig.learning.measurement import Excitation

# Real time: only numbers of the physics are compared, never times.
SINE = (
    *FAST,
    "learning.activation=sine",
    "acquisition.tones=[1050 Hz, 1350 Hz]",
    'instruments.err2.resource="TCPIP::192.0.2.21::INSTR"',  # two tones in the pilot
)


@pytest.mark.more
def test_an_activation_from_another_instrument_than_the_pilot_is_read_on_its_own_phase():
    """The board is of resistors: nothing stands 90° beside what is played, whoever plays it, and a is as with DC."""
    dc = assembled("iris_wire", "bench=simulated", *QUIET)
    with dc.open_rig() as rig:
        rig.program(dc.update(rig).settings())
        wanted = rig.measure(Excitation(dc.task.activation[0]))
    for bench in ("simulated", "wire"):
        assembly = assembled("iris_wire", f"bench={bench}", *QUIET[:-1], *SINE)
        with assembly.open_rig() as rig:
            rig.program(assembly.update(rig).settings())
            found = rig.measure(Excitation(assembly.task.activation[0], np.array([[1e-6, -1e-6, 0.0]])))
        np.testing.assert_allclose(found.a, wanted.a, atol=3e-4)
        assert np.abs(found.quadrature).max() < 2e-3 * np.abs(found.demodulated.channel_in_phase).max()
        np.testing.assert_allclose(found.error, [[1e-6, -1e-6, 0.0]], atol=2e-8)


def test_cores_are_given_back():
    """One for this thread and another for the virtual instruments, while they run."""
    before = os.sched_getaffinity(0)
    with assembled("iris_wire").open_rig():
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before


@pytest.mark.more
def test_an_error_smaller_than_a_generator_plays_teaches_nothing():
    """An example that is known well: at 1 mV of temperature a few tens of mV make its error 1e-9 of the scale."""
    assembly = assembled("iris_wire", "learning.temperature=1 mV")
    with assembly.open_rig() as rig:
        rig.program(assembly.update(rig).settings())
        probe = assembly.probe(rig, assembly.update(rig))
        learned = [probe.gradient(int(example)).gradient for example in assembly.task.train[:40]]
    taught = [np.abs(gradient.value).max() > 0 for gradient in learned if gradient is not None]
    assert True in taught
    assert False in taught


@pytest.mark.more
def test_tones_that_no_trigger_started_are_no_measurement():
    never = "instruments.awg.start_trigger=/PXI1Slot4/PFI5"
    assembly = assembled("iris_wire", never, *SINE)
    with assembly.open_rig() as rig:
        rig.program(assembly.update(rig).settings())
        with pytest.raises(ConnectionFailed, match="no start trigger arrived, so nothing was played"):
            rig.measure(Excitation(assembly.task.activation[0]))  # the driven nodes read nothing, and here is why


@pytest.mark.parametrize(
    ("override", "place"),
    [
        ("instruments.awg.start_trigger=null", "instruments.awg.start_trigger"),
        ("instruments.err1.trigger=manual", "instruments.err1.trigger"),
    ],
)
def test_tones_that_would_start_by_a_command_are_refused(override: str, place: str):
    with pytest.raises(ConfigError, match=f"{place}: the tones of .* would be started by a command"):
        assembled("iris_wire", *SINE, override)
    if "awg" in override:  # which plays DC, where the activation is DC
        assembled("iris_wire", override)


@pytest.mark.more
def test_a_bank_with_a_watchdog_stays_awake_while_the_rig_only_measures():
    watchdog_s = stretched(1.0)
    assembly = assembled("iris_wire", f"instruments.pots.watchdog={watchdog_s:.3g} s")
    with assembly.open_rig() as rig:
        rig.program(assembly.update(rig).settings())
        rig.program({})
        ends = time.monotonic() + 2 * watchdog_s
        while time.monotonic() < ends:
            rig.measure(Excitation(assembly.task.activation[0]))
        assert not rig.program({}).interrupted


def run_of_xor(folder: Path, bench: str, *options: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and events of `labrig run xor_wire.yaml`."""
    command = [sys.executable, "-m", "labrig", "run", "xor_wire.yaml", "--bench", bench, "--json", "--no-plots"]
    command += ["--runs-dir", str(folder), "--seed", "5", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.more
def test_xor_on_the_wire_learns(tmp_path: Path) -> None:
    """A fifth of the file's epochs: the loss falls well below what it began with, and the target is missed (7)."""
    code, events = run_of_xor(tmp_path, "wire", "--set", "learning.epochs=12", "--set", "task.target.rms=1 nV")
    finished = events[-1]
    assert (code, finished["event"], finished["steps"]) == (7, "finished", 12)
    assert finished["metrics"]["loss"] < 0.5 * finished["metrics"]["initial_loss"]


@pytest.mark.long
def test_xor_of_the_wire_file_meets_its_target_on_the_simulated_bench(tmp_path: Path) -> None:
    code, events = run_of_xor(tmp_path, "simulated")
    assert code == 0
    assert events[-1]["metrics"]["patterns_right"] == 4
    assert events[-1]["metrics"]["rms_v"] < 8e-3


def test_virtual_serve_prints_endpoints_and_ends_with_sigterm():
    command = [sys.executable, "-m", "labrig", "virtual", "serve", "iris_wire.yaml", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as child:
        assert child.stdout is not None
        lines = []
        for line in child.stdout:
            lines.append(json.loads(line))
            if lines[-1]["event"] == "ready":
                break
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) == 0
    assert [line["event"] for line in lines] == ["serving"] * 5 + ["ready"]
    resources = {line["name"]: line["resource"] for line in lines[:-1]}
    assert resources["daq"].startswith("grpc://127.0.0.1:")
    assert resources["daq"].endswith("/PXI1Slot4")
    assert resources["err1"].startswith("TCPIP::127.0.0.1")
    assert resources["pots"].startswith("socket://127.0.0.1:")
    assert all(line["model"] for line in lines[:-1])


def test_a_generic_instrument_is_refused_on_a_bench_of_real_drivers():
    with pytest.raises(ConfigError, match=r"generic\.source is not a real instrument"):
        assembled("iris", "bench=wire")


def test_a_generator_left_on_its_own_clock_is_refused_by_name():
    with pytest.raises(ConfigError, match="err2 runs on its own clock"):
        assembled("iris_wire", "timing.clock.followers=[err1]")


@pytest.mark.parametrize("tone", [pytest.param(False, marks=pytest.mark.more), True], ids=["dc", "tone"])
def test_the_child_knows_the_same_truth_as_the_simulation(tone: bool) -> None:
    found = []
    for bench in ("simulated", "wire"):
        assembly = assembled("xor_wire", f"bench={bench}", *QUIET[-2:], "simulation.part_tolerance=false")
        setup = assembly.setup()
        with setup.rig as rig:
            rig.program(assembly.update(rig).settings())
            rig.measure(Excitation(assembly.task.activation[0]))
            found.append(setup.bench.true_outputs(assembly.task.activation, tone))
    assert found[0].shape == (4, 2)
    assert np.ptp(found[0], axis=0).min() > 1e-3
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9)
