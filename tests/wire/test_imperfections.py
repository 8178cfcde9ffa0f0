"""What a simulated bench gets wrong, it gets wrong on the wire as well: the same World and the same front ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from unit.rig.benches import assembled
from wire.both_benches import QUIET, ROUNDING_V, apart, on_both_benches, recorded

from labrig.learning.measurement import Excitation
from labrig.signals.tones import Tone, ToneProgram
from labrig.simulation.imperfections import imperfections

CONSTANT = (
    "simulation.source_offset=5 mV",
    "simulation.source_distortion={second: 0.003, third: 0.001}",
    "simulation.source_phase=10 µs",
    "simulation.scan_skew=1 µs",
    "simulation.pickup=0.001",
    "simulation.node_capacitance=true",
)


@pytest.mark.more
def test_what_is_constant_in_time_is_the_same_on_both_benches(tmp_path: Path) -> None:
    settings = recorded(tmp_path, 3)
    here, there = on_both_benches(settings, *CONSTANT)
    # What is 90° beside the pilot depends on the phase at which the trigger meets tones, by less than a hundredth.
    assert np.abs(apart(here, there, "a")).max() < 1
    assert np.abs(apart(here, there, "b")).max() < 1
    plain, _ = on_both_benches(settings)
    for coefficient in ("a", "b"):
        assert np.abs(apart(plain, here, coefficient)).max() > 5


def zeros(*overrides: str) -> np.ndarray:
    """(n, 13) nodes of iris_wire on the wire, which nothing drives, over a few hundredths of a second each."""
    with assembled("iris_wire", "bench=wire", "limits.misread=1000 %", *QUIET, *overrides).open_rig() as rig:
        read = []
        for _ in range(30):
            rig.measure(Excitation(np.zeros(10)))
            read.append(rig.window()[:, :13])
        return np.array(read)


@pytest.mark.more
@pytest.mark.parametrize(
    ("wrong", "low_v", "high_v"),
    [
        ("common_mode=2 mV", 1.9e-3, 2.1e-3),
        ("hum={rms: 5 mV, common: true}", 4.9e-3, 5.1e-3),
        ("flicker=20 mV", 5e-3, 60e-3),
        # An hour in which the zero walks 300 mV has a thousand times as many seconds as a few acquisitions.
        ("drift=300 mV", 0.5e-3, 30e-3),
    ],
)
def test_noise_by_the_clock_of_the_bench_is_there(wrong: str, low_v: float, high_v: float) -> None:
    read = zeros(f"simulation.{wrong}")
    assert low_v < read.std() < high_v
    assert zeros().std() < ROUNDING_V * 100


@pytest.mark.more
def test_the_clock_of_a_generator_is_off_on_the_wire_too() -> None:
    """Half a per mille: the tones of a generator turn against the digitizer's clock within a window."""
    (player,) = imperfections({"clock_ppm": 500.0}, 7).players("err2/2")
    ratio = player(ToneProgram(0.0, (Tone(1.0, 1.0),))).tones[0].frequency_hz
    off = "simulation={preset: ideal, seed: 7, clock_ppm: 500}"
    with assembled("iris_wire", "bench=wire", *QUIET[:3], "acquisition.tones=[1000 Hz]", off).open_rig() as rig:
        rig.measure(Excitation(np.zeros(10)))
        pilot = rig.window()[:, -1]
    first, second = np.split(pilot * np.exp(-2j * np.pi * 1000 / 50e3 * np.arange(1000)), 2)
    turned = np.angle(second.mean() / first.mean())
    assert turned == pytest.approx(2 * np.pi * 1000 * (ratio - 1) * 10e-3, rel=0.02)
    assert abs(ratio - 1) > 1e-4


def test_harsh_runs_on_the_wire() -> None:
    assembly = assembled("iris_wire", "bench=wire", "simulation.preset=harsh")
    with assembly.open_rig() as rig:
        rig.program(assembly.update(rig).settings())
        response = rig.measure(Excitation(assembly.task.activation[0], np.array([[1e-6, -1e-6, 0.0]])))
    assert np.isfinite(response.b).all()
    assert np.abs(response.b).max() > 1e-4
