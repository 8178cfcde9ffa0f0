"""What a scanned channel keeps of the one before it: on the bench, and as `plan` and `check` predict it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from unit.rig.benches import assembled
from unit.simulation.worlds import Bench, plan

from labrig.assembly import Assembly
from labrig.cli.main import main
from labrig.instruments.data import Target
from labrig.instruments.multiplexer import ghost, settling_needed_s, switching_s
from labrig.learning.measurement import Excitation
from labrig.network.physics import SeenFromNodes
from labrig.signals.tones import SILENT, ToneProgram

FAST = ("acquisition.sample_rate=50 kS/s", "acquisition.window=20 ms", "acquisition.band=[200 Hz, 2 kHz]")
SLOWER = ("acquisition.sample_rate=10 kS/s", "acquisition.window=20 ms", "acquisition.band=[200 Hz, 2 kHz]")


def at_lowest(*overrides: str) -> tuple[Assembly, np.ndarray, float]:
    """iris_wire on the simulated bench, its voltages (C,) with every edge at its lowest and in9 alone at 1 V, and the
    voltage of out0 that nothing falsifies."""
    found = []
    for sampling in ("100 pF", "0 F"):
        wrong = f"simulation={{preset: ideal, multiplexer: {sampling}}}"
        assembly = assembled("iris_wire", "bench=simulated", wrong, *overrides)
        with assembly.open_rig() as rig:
            low = assembly.network.programmable.range[0]
            rig.program({edge: Target(low) for edge in range(len(rig.edges))})
            inputs = np.zeros(10)
            inputs[9] = 1.0
            found.append(rig.measure(Excitation(inputs)).a)
    return assembly, found[0], found[1]


@pytest.mark.parametrize("overrides", [FAST, SLOWER, ()], ids=["50 kS/s", "10 kS/s", "as it is"])
def test_the_ghost_that_plan_names_is_measured_on_the_bench(overrides: tuple[str, ...]) -> None:
    assembly, read, true = at_lowest(*overrides)
    named = assembly.ghost
    assert named is not None
    assert (named.node, named.previous) == ("out0", "in9")
    # Every edge's drop a − b: in9-out0 is the first edge of in9.
    edge = next(k for k, wire in enumerate(assembly.board.hookup.edges) if wire.name == "in9-out0")
    measured = (true[edge] - read[edge]) / true[edge]
    assert measured == pytest.approx(named.fraction, rel=0.02)


def test_at_its_own_rate_iris_wire_reads_less_than_a_thousandth() -> None:
    named = assembled("iris_wire", "wiring.out0.cable=1 nF").ghost
    assert named is not None
    assert named.small
    assert named.farad == 1e-9
    assert named.ohm == pytest.approx(1 / (10 / (1e5 + 50) + 1e-5), rel=1e-6)  # through ten inputs of 50 Ω


def test_plan_and_check_name_the_worst_node_and_what_helps(capsys: pytest.CaptureFixture[str]) -> None:
    fast = [part for override in FAST for part in ("--set", override)]
    assert main(["check", "iris_wire.yaml", *fast]) == 0
    said = capsys.readouterr().err
    assert "warning: --set:1:25: acquisition.sample_rate: daq has one converter for all channels" in said
    assert "out0 reads up to 7.9 % of in9" in said
    assert "sample at 1.5 kS/s at most, or put a buffer between node and cable (wiring.out0.buffer)" in said
    assert main(["plan", "iris_wire.yaml", "--bench", "simulated", *fast]) == 0
    assert "multiplexer   out0 reads up to 7.9 % of in9" in capsys.readouterr().out
    assert main(["plan", "iris_wire.yaml", "--bench", "simulated", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ghost"]["remedy"] == ""
    assert main(["check", "iris_wire.yaml"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "helps",
    [
        ("wiring.out0.buffer=100 Ω", "wiring.out1.buffer=100 Ω", "wiring.out2.buffer=100 Ω"),
        ("acquisition.sample_rate=1.5 kS/s", "acquisition.window=40 ms", "acquisition.band=[200 Hz, 700 Hz]"),
    ],
    ids=["buffers", "a lower rate"],
)
def test_what_it_recommends_helps(helps: tuple[str, ...]) -> None:
    named = assembled("iris_wire", *FAST, *helps).ghost
    assert named is not None
    assert named.small


def test_a_digitizer_with_a_converter_per_channel_has_no_ghost() -> None:
    assert assembled("iris").ghost is None


def test_a_fixed_interval_is_told_with_the_rate_that_it_allows() -> None:
    named = assembled("iris", "instruments.daq.convert_interval=1 µs").ghost
    assert named is not None
    assert "at most with 50 µs or more between conversions" in named.remedy
    slow = ("acquisition.sample_rate=1 kS/s", "acquisition.window=100 ms", "acquisition.band=[100 Hz, 400 Hz]")
    named = assembled("iris", "instruments.daq.convert_interval=1 µs", *slow).ghost
    assert named is not None
    assert named.remedy.startswith("leave 50 µs or more between conversions, or put")


def test_the_model_in_numbers() -> None:
    """1.8 kΩ and 1.43 µs: 1.7 % at 150 pF, 4.6 % at its worst; 0.5 % at 10 kS/s."""
    farad = np.geomspace(150e-12, 1.5e-9, 50)
    fast = ghost(100e-12, farad, 1800.0, 1 / (14 * 50e3))
    assert fast[0] == pytest.approx(0.017, abs=0.001)
    assert fast.max() == pytest.approx(0.046, abs=0.001)
    assert ghost(100e-12, farad, 1800.0, 1 / (14 * 10e3)).max() == pytest.approx(5e-3, abs=3e-4)
    needed = settling_needed_s(100e-12, farad, 1800.0, 1e-3)
    np.testing.assert_allclose(ghost(100e-12, farad, 1800.0, needed), 1e-3)
    assert ghost(100e-12, 1e-9, 0.0, 1e-6) == 0.0


def test_the_first_channel_follows_the_last_of_the_scan_before() -> None:
    np.testing.assert_allclose(switching_s((0.0, 2e-6, 4e-6), 50e3), [16e-6, 2e-6, 2e-6])


def remembered(rate_hz: float, **wrong: float) -> np.ndarray:
    """(3,) what each node of a small board reads: a at 1 V, b between, c at 0 V behind 100 kΩ."""
    bench = Bench(wrong, convert_interval_s=2e-6, settle_s=0.0)
    volts = bench.acquire({"0": ToneProgram(1.0), "1": SILENT}, plan(settle=0, rate=rate_hz)).codes
    return volts[-1]


def test_each_channel_reads_a_part_of_the_one_before_it() -> None:
    true, read = remembered(50e3), remembered(50e3, multiplexer=100e-12)
    bench = Bench(settle_s=0.0)
    solver = bench.world.network.equilibrium()
    assert isinstance(solver, SeenFromNodes)
    solver.set_parameters(bench.world.conductances(0.0))
    ohm = solver.resistances(np.zeros(3), range(3))
    expected = ghost(100e-12, 1e-9, ohm, np.array([16e-6, 2e-6, 2e-6]))
    before = np.array([true[2], read[0], read[1]])
    np.testing.assert_allclose(read - true, expected * (before - true), rtol=1e-9, atol=1e-12)
    assert (read - true)[2] > 0.005


def test_ideal_and_simultaneous_remember_nothing() -> None:
    np.testing.assert_array_equal(remembered(50e3), remembered(50e3, multiplexer=0.0))
    simultaneous = [
        Bench(wrong, settle_s=0.0).acquire({"0": ToneProgram(1.0), "1": SILENT}, plan(settle=0)).codes
        for wrong in ({}, {"multiplexer": 100e-12})
    ]
    np.testing.assert_array_equal(*simultaneous)
