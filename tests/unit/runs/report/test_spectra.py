"""Lines of a spectrum: their amplitudes, and what is said to explain them."""

import numpy as np
import pytest

from labrig.runs.report.spectra import lines
from labrig.runs.spectrum import amplitudes

RATE = 50_000.0


def sampled(seconds: float, *tones: tuple[float, float], noise: float = 1e-5) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    volts = sum(a * np.cos(2 * np.pi * f * t + 0.7) for f, a in tones)
    return (volts + noise * np.random.default_rng(1).normal(size=len(t)))[:, None]


def found(volts: np.ndarray, tones: list[float]) -> dict[str, float]:
    frequency, amplitude = amplitudes(volts, RATE)
    return {f"{line.kind} {line.label}": line.amplitude_v for line in lines(frequency, amplitude[:, 0], tones, RATE)}


def test_every_line_is_named_and_has_its_amplitude():
    volts = sampled(0.2, (1000, 0.5), (3000, 0.01), (50, 0.02), (150, 0.004), (7365, 0.003)) + 1.5
    read = found(volts, [1000.0])
    expected = {
        "tone 1000 Hz": 0.5,
        "mains 50 Hz mains": 0.02,
        "harmonic 3 × 1000 Hz": 0.01,
        "mains 3 × 50 Hz mains": 0.004,
        "spur 7365 Hz": 0.003,
    }
    assert list(read) == list(expected)
    assert list(read.values()) == pytest.approx(list(expected.values()), rel=0.02)


def test_a_harmonic_beyond_half_the_sample_rate_is_looked_for_where_it_is_folded_to():
    assert list(found(sampled(0.1, (9000, 1.0), (50_000 - 36_000, 0.01)), [9000.0])) == [
        "tone 9000 Hz",
        "harmonic 4 × 9000 Hz",
    ]


def test_mains_of_60_hz():
    read = found(sampled(0.5, (1000, 1.0), (60, 0.1), (180, 0.02), (300, 0.01)), [1000.0])
    assert {name for name in read if name.startswith("mains")} == {
        "mains 60 Hz mains",
        "mains 3 × 60 Hz mains",
        "mains 5 × 60 Hz mains",
    }


def test_a_short_window_does_not_call_every_line_mains():
    assert "spur 4350 Hz" in found(sampled(0.02, (2000, 1.0), (4350, 0.01)), [2000.0])


def test_noise_alone_has_no_lines():
    for seed in range(20):
        volts = np.random.default_rng(seed).normal(size=(2000, 1))
        frequency, amplitude = amplitudes(volts, RATE)
        assert lines(frequency, amplitude[:, 0], [], RATE) == []


def test_without_noise_errors_of_arithmetic_are_no_lines():
    volts = sampled(0.2, (1000, 0.5), (3000, 0.01), noise=0.0).astype(np.float32).astype(float)
    assert set(found(volts, [1000.0])) == {"tone 1000 Hz", "harmonic 3 × 1000 Hz"}
