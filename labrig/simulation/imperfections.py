"""What a simulated bench gets wrong, on purpose. One table of names, so that every imperfection has one home."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Imperfections:
    """Sizes of the imperfections; each instrument draws its own from the simulation's seed.

    noise_v: white noise of every sample (V rms). source_amplitude, digitizer_gain: relative, one standard deviation.
    digitizer_offset_v: one standard deviation (V). part_tolerance: end-to-end resistances off by their data sheet's
    tolerance. converters: sources and digitizers round to their bits, programmers to their levels; without it codes
    are float64 and conductances continuous.
    """

    noise_v: float
    source_amplitude: float
    digitizer_gain: float
    digitizer_offset_v: float
    part_tolerance: bool
    converters: bool


PRESETS = {
    "ideal": Imperfections(0.0, 0.0, 0.0, 0.0, part_tolerance=False, converters=False),
    "typical": Imperfections(100e-6, 1e-3, 0.5e-3, 100e-6, part_tolerance=True, converters=True),
}
