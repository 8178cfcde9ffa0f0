"""What is added to the samples of a digitizer: measured through the rig, it has the size that was set."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from unit.rig.benches import assembled

from labrig.clock import SimulatedClock
from labrig.learning.measurement import Excitation
from labrig.rig.rig import Rig
from labrig.simulation.imperfections import Scans, imperfections

SILENCE = Excitation(np.zeros(10))


@contextmanager
def iris_with(wrong: str, *overrides: str) -> Iterator[tuple[Rig, SimulatedClock]]:
    """Iris on a bench that gets only this wrong, and the bench's clock. It has 13 nodes and a pilot."""
    off = "limits.misread=1000 %"  # nothing is driven, and noise may be large
    setup = assembled("iris", f"simulation={{preset: ideal, {wrong}}}", off, *overrides).setup()
    with setup.rig as rig:
        yield rig, setup.bench.clock


def nodes(rig: Rig) -> np.ndarray:
    """(n, 13) voltages of one window of the nodes, which nothing drives."""
    rig.measure(SILENCE)
    return rig.window()[:, :-1]


def test_the_zero_flickers_by_as_much_in_every_octave() -> None:
    """The Allan variance of 1/f noise is 2 ln 2 · K, whatever the time; K = rms² / ln 100 in two decades."""
    with iris_with("flicker: 1 mV") as (rig, _):
        means = np.array([nodes(rig).mean(axis=0) for _ in range(512)])
    k = 1e-6 / math.log(100)
    for together in (1, 4, 16):
        pairs = means.reshape(-1, 2, together, 13).mean(axis=2)
        variance = 0.5 * np.mean((pairs[:, 1] - pairs[:, 0]) ** 2)
        assert variance == pytest.approx(2 * math.log(2) * k, rel=0.18)


def test_flicker_at_a_tone_has_the_density_of_its_frequency() -> None:
    """The in-phase amplitude of a tone has the variance S(f)/T."""
    with iris_with("flicker: 3 mV") as (rig, _):
        b = np.array([rig.measure(SILENCE).demodulated.channel_in_phase[0, :13] for _ in range(300)])
        frequency, duration_s = rig.tones.frequencies_hz[0], rig.plan.window_samples / rig.plan.sample_rate_hz
    expected = 9e-6 / math.log(100) / frequency / duration_s
    assert b.var() == pytest.approx(expected, rel=0.12)


def test_common_mode_noise_is_the_same_on_every_channel() -> None:
    with iris_with("common_mode: 2 mV") as (rig, _):
        volts = np.concatenate([nodes(rig) for _ in range(10)])
        drop = rig.measure(SILENCE).b
    assert volts.std() == pytest.approx(2e-3, rel=0.03)
    np.testing.assert_allclose(volts, np.repeat(volts[:, :1], 13, axis=1), atol=1e-12)
    np.testing.assert_allclose(drop, 0.0, atol=1e-12)


def test_hum_has_its_rms_and_a_size_and_sign_for_each_channel() -> None:
    with iris_with("hum: {rms: 5 mV, harmonics: [0.1, 0.3]}", "seed=3") as (rig, _):
        volts = nodes(rig)
    turns = 2 * np.pi * 50 * np.arange(len(volts)) / 50e3
    sizes = {}
    for order in (1, 2, 3):
        basis = np.stack((np.cos(order * turns), np.sin(order * turns)), axis=1)
        sizes[order] = 2 / len(volts) * basis.T @ volts
    rest = volts - sum(np.stack((np.cos(k * turns), np.sin(k * turns)), axis=1) @ found for k, found in sizes.items())
    np.testing.assert_allclose(rest, 0.0, atol=1e-9)
    peak = {order: np.hypot(*found) for order, found in sizes.items()}
    np.testing.assert_allclose(peak[2], 0.1 * peak[1], rtol=1e-6)
    np.testing.assert_allclose(peak[3], 0.3 * peak[1], rtol=1e-6)
    assert np.sqrt(np.mean(peak[1] ** 2)) / np.sqrt(2) == pytest.approx(5e-3, rel=0.5)
    assert len(set(np.sign(sizes[1][0]))) == 2


def test_common_hum_has_the_rms_that_is_set_on_every_channel() -> None:
    with iris_with("hum: {rms: 5 mV, common: true, frequency: 60 Hz}", "acquisition.window=100 ms") as (rig, _):
        volts = nodes(rig)
    np.testing.assert_allclose(volts.std(axis=0), 5e-3, rtol=1e-6)


@pytest.mark.more
def test_the_frequency_of_the_mains_wanders_by_as_much_as_is_set() -> None:
    """From the phase that hum gains in five seconds, over more than an hour."""
    hum = "hum: {rms: 5 mV, common: true, wander: 20 mHz}"
    phases, times = [], []
    with iris_with(hum) as (rig, clock):
        for _ in range(800):
            clock.sleep(5 - clock.now() % 5)
            times.append(clock.now())
            volts = nodes(rig)[:, 0]
            late = (rig.plan.settle_samples + np.arange(len(volts))) / rig.plan.sample_rate_hz
            phases.append(np.angle(volts @ np.exp(-2j * np.pi * 50 * (times[-1] + late))))
    phase = np.unwrap(phases, period=2 * np.pi)
    deviation = np.diff(phase) / (2 * np.pi) / np.diff(times)
    # The fastest of its six wanderings takes 20 s, which five seconds average in part.
    assert np.std(deviation) == pytest.approx(20e-3 * math.sqrt(5.77 / 6), rel=0.1)


def test_the_zero_walks_as_far_in_an_hour_as_is_set_and_begins_at_zero() -> None:
    with iris_with("drift: 2 mV") as (rig, clock):
        zeros = [nodes(rig).mean(axis=0)]
        for _ in range(100):
            clock.sleep(3600.0)
            zeros.append(nodes(rig).mean(axis=0))
    assert np.abs(zeros[0]).max() < 2e-3 / math.sqrt(3600) * 2
    steps = np.diff(zeros, axis=0)
    assert steps.std() == pytest.approx(2e-3, rel=0.06)
    assert np.std(np.array(zeros)[-1] - zeros[0]) == pytest.approx(20e-3, rel=0.6)
    nearby = np.corrcoef(steps[1:].ravel(), steps[:-1].ravel())[0, 1]
    assert abs(nearby) < 0.1


def test_the_zero_walks_within_an_acquisition_too() -> None:
    ends = []
    slow = ("acquisition.sample_rate=5 kS/s", "acquisition.window=2 s", "limits.step=10 s")
    with iris_with("drift: 10 mV", *slow) as (rig, _):
        for _ in range(60):
            volts = nodes(rig)
            ends.append(volts[-1] - volts[0])
    assert np.std(ends) == pytest.approx(10e-3 * math.sqrt(2 / 3600), rel=0.12)


@pytest.mark.parametrize(
    "wrong",
    [
        {"noise": 1e-3},
        {"common_mode": 1e-3},
        {"flicker": 1e-3},
        {"drift": 1.0},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_piece_of_an_acquisition_is_that_piece_of_the_whole(wrong: dict[str, float]) -> None:
    def piece(first: int, last: int) -> np.ndarray:
        (added,) = imperfections(wrong, seed=0).additions("daq", 5)
        return added(Scans(2, first, last, 1234.5678, 1e4, np.arange(5)))

    whole = piece(0, 3000)
    for first, last in ((0, 1), (1000, 1025), (1024, 3000), (2999, 3000), (7, 7)):
        np.testing.assert_array_equal(piece(first, last), whole[first:last])
    assert np.abs(np.diff(whole, axis=0)).max() > 0


def test_a_channel_reads_the_same_flicker_whichever_others_are_sampled() -> None:
    (flicker,) = imperfections({"flicker": 1e-3}, seed=0).additions("daq", 5)
    both = flicker(Scans(1, 0, 100, 0.0, 1e4, np.array([1, 3])))
    alone = flicker(Scans(1, 0, 100, 0.0, 1e4, np.array([3])))
    np.testing.assert_array_equal(both[:, 1], alone[:, 0])
