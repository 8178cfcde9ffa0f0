"""The lock-in reaches the Cramér–Rao bound on sampled waveforms: var(b) is 2σ²/N."""

from __future__ import annotations

from common import Figure, between, measure_noise_of_b, seeds


def measure(short: bool) -> list[Figure]:
    ratio = measure_noise_of_b(seeds("noise", 1)[0], 1000)
    return [between("var(b) over 1000 acquisitions / (2σ²/N)", ratio, 0.9, 1.1)]
