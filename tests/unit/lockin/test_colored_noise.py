"""Stated standard errors against real errors, in noise that is not white. Generators of noise are independent of the
simulated bench."""

import numpy as np
import pytest
from trials import trials

from labrig.instruments.data import AcquisitionPlan, Block
from labrig.lockin import Demodulator, demodulate

FS, N, CHANNELS, TONE = 50e3, 1000, 14, 1250.0
TIME = (np.arange(N) - (N - 1) / 2) / FS
RNG = np.random.default_rng(7)
DROPS = np.zeros((30, CHANNELS))
for row in DROPS:
    row[RNG.choice(CHANNELS - 1, 2, replace=False)] = 1, -1
LEVELS = RNG.uniform(-1, 1, CHANNELS)
AMPLITUDES = RNG.uniform(-1e-3, 1e-3, CHANNELS)
AMPLITUDES[-1] = 1.0  # the pilot
CHANNEL_SIZE = np.linspace(0.5, 1.5, CHANNELS)


def flicker(rng, rms_v=100e-6):
    """1/f from an eighth of a cycle per window, by the spectrum."""
    frequencies = np.fft.rfftfreq(8 * N, 1 / FS)
    frequencies[0] = frequencies[1]
    spectrum = rng.standard_normal((len(frequencies), CHANNELS)) + 1j * rng.standard_normal(
        (len(frequencies), CHANNELS)
    )
    wave = np.fft.irfft(spectrum / np.sqrt(frequencies)[:, np.newaxis], axis=0, n=8 * N)
    return rms_v * wave[3 * N : 4 * N] / wave.std()


def hum(rng, orders=(1,), size_v=10e-3):
    mains = rng.uniform(49.9, 50.1)
    wave = sum(np.sin(2 * np.pi * k * mains * TIME + rng.uniform(0, 2 * np.pi)) / k for k in orders)
    return size_v * np.outer(wave, CHANNEL_SIZE)


NOISE = {
    "white": lambda rng: 0.0,
    "common mode": lambda rng: 1e-3 * rng.standard_normal((N, 1)),
    "flicker": flicker,
    "common flicker": lambda rng: 10 * flicker(rng)[:, :1],
    "hum": hum,
    "hum with harmonics": lambda rng: hum(rng, (1, 3, 5, 7)),
    "flicker and hum": lambda rng: flicker(rng) + hum(rng),
}


def plan_of(channels, window):
    return AcquisitionPlan(FS, 0, window, tuple(map(str, range(channels))), (10.0,) * channels, (0.0,) * channels)


def read(demodulator, volts):
    channels = volts.shape[1]
    demodulator.start()
    demodulator.feed(Block(volts, np.tile([0.0, 1, 0, 0], (channels, 1)), 0, np.full(channels, False)))
    return demodulator.result()


MORE = ("hum", "flicker")
"""Kinds of noise that are part of another kind."""


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.more) if kind in MORE else kind for kind in NOISE]
)
def test_intervals_of_95_percent_contain_the_truth(kind):
    rng = np.random.default_rng(11)
    demodulator = Demodulator(plan_of(CHANNELS, N), [TONE], DROPS, CHANNELS - 1, mains_hz=(50.0, 60.0))
    of_a, of_b = [], []
    for _ in range(trials(60, 150, 1000)):
        noise = 100e-6 * rng.standard_normal((N, CHANNELS)) + NOISE[kind](rng)
        phase = 2 * np.pi * (TONE * TIME + rng.uniform())
        found = read(demodulator, LEVELS + np.outer(np.cos(phase), AMPLITUDES) + noise)
        of_a.append((found.edge_dc - DROPS @ LEVELS) / found.u_edge_dc)
        of_b.append((found.in_phase[0] - DROPS @ AMPLITUDES) / found.u_edge[0])
    for z in (np.array(of_a), np.array(of_b)):
        assert 0.91 < np.mean(np.abs(z) < 1.96) < 0.985


def test_noise_of_the_frequency_of_hum_is_in_the_standard_error_of_dc():
    # One cycle in the window, and hum in two channels of three alone: an error of the frequency moves their DC.
    rng = np.random.default_rng(5)
    sizes = 20e-3 * np.array([1.0, -0.6, 0.0])
    demodulator = Demodulator(plan_of(3, N), [TONE], np.array([[1.0, -1.0, 0.0]]), 2, mains_hz=(50.0,))
    z = []
    for _ in range(trials(100, 200, 2000)):
        mains = 2 * np.pi * rng.uniform(49.9, 50.1)
        volts = np.outer(np.cos(mains * TIME + rng.normal(0, 0.2)), sizes) + 100e-6 * rng.standard_normal((N, 3))
        volts[:, 2] += np.cos(2 * np.pi * TONE * TIME)
        found = read(demodulator, volts)
        z.append(found.edge_dc[0] / found.u_edge_dc[0])
    assert 0.8 < np.sqrt(np.mean(np.square(z))) < 1.25  # 2.3 without it


def test_hum_of_each_mains_frequency_leaves_nothing_in_dc():
    rng = np.random.default_rng(3)
    demodulator = Demodulator(plan_of(CHANNELS, N), [TONE], DROPS, CHANNELS - 1, mains_hz=(50.0, 60.0))
    without = Demodulator(plan_of(CHANNELS, N), [TONE], DROPS, CHANNELS - 1)
    pilot = np.outer(np.cos(2 * np.pi * TONE * TIME), AMPLITUDES)
    for mains in (49.93, 60.08):
        wave = 10e-3 * np.outer(np.cos(2 * np.pi * mains * TIME + 0.4), CHANNEL_SIZE)
        volts = LEVELS + pilot + wave + 1e-6 * rng.standard_normal((N, CHANNELS))
        assert np.abs(read(demodulator, volts).dc - LEVELS).max() < 2e-6
        assert np.abs(read(without, volts).dc - LEVELS).max() > 5e-6


def test_mains_anywhere_near_50_hz_leave_a_fiftieth_of_a_step_in_a_tone():
    # 2000 steps of hum, no noise to hide it, a window of 160 ms.
    window, step = 8000, 1e-4
    time = (np.arange(window) - (window - 1) / 2) / FS
    for mains in np.linspace(49.9, 50.1, 9):
        volts = np.cos(2 * np.pi * TONE * time) + 2000 * step * np.cos(2 * np.pi * mains * time + 1.0)
        found = demodulate(np.stack((volts, 0.5 * volts), axis=1), FS, [TONE], [[1.0, -1.0]], mains_hz=(50.0,))
        assert abs(abs(found.phasor[0, 0]) - 1.0) < 0.02 * step


@pytest.mark.parametrize("off", [50e-6, -50e-6, 1e-6])
def test_a_clock_that_is_off_is_found_and_corrected(off):
    window, tones = 50_000, [1250.0, 2000.0]
    time = (np.arange(window) - (window - 1) / 2) / FS
    waves = np.cos(2 * np.pi * (1 + off) * np.outer(time, tones) + 0.3)
    sizes = np.array([[1.0, 1e-3, -1e-2], [1.0, -1e-4, 1.0]])
    found = read(Demodulator(plan_of(3, window), tones, np.eye(3), 0), waves @ sizes)
    assert found.clock_ratio - 1 == pytest.approx(off, abs=1e-10)
    assert np.abs(found.in_phase / sizes - 1).max() < 1e-6


def test_without_noise_no_ratio_is_made_up():
    found = read(
        Demodulator(plan_of(2, N), [TONE], np.eye(2), 0),
        np.outer(np.cos(2 * np.pi * TONE * TIME), [1.0, 0.1]),
    )
    assert found.clock_ratio == pytest.approx(1.0, abs=1e-12)


def test_drift_within_a_window_is_not_taken_for_hum():
    rng = np.random.default_rng(5)
    demodulator = Demodulator(plan_of(CHANNELS, N), [TONE], DROPS, CHANNELS - 1, mains_hz=(50.0, 60.0))
    drift = np.outer(np.linspace(-0.5, 0.5, N), 1e-3 * rng.standard_normal(CHANNELS))
    volts = LEVELS + np.outer(np.cos(2 * np.pi * TONE * TIME), AMPLITUDES) + drift
    found = read(demodulator, volts + 100e-6 * rng.standard_normal((N, CHANNELS)))
    assert np.abs(found.edge_dc - DROPS @ LEVELS).max() < 4 * 100e-6 * np.sqrt(2 / N)
    # Its slope says that the zero moves: more than the noise of one window.
    assert found.u_edge_dc.mean() > 10 * 100e-6 * np.sqrt(2 / N)
