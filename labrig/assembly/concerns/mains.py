"""Tones of the configuration that lie on a harmonic of the mains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrig.quantities import format_quantity
from labrig.signals.tone_planner import MAINS_HARMONICS, cycles_on_mains

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly
    from labrig.assembly.concerns import Warnings


def mains(assembly: Assembly) -> Warnings:
    """Warn of tones whose readings would contain hum; `tones: auto` avoids them."""
    tones, acquisition = assembly.acquisition_timing.tones, assembly.acquisition
    for mains_hz in acquisition.mains_hz:
        taken = cycles_on_mains(tones.sample_rate_hz, tones.window_samples, (mains_hz,))
        for index, (cycles, frequency) in enumerate(zip(tones.cycles, tones.frequencies_hz, strict=True)):
            if cycles in taken:
                yield (
                    ("acquisition", "tones", index),
                    f"one of the first {MAINS_HARMONICS} harmonics of {format_quantity(mains_hz, 'frequency')} mains "
                    f"appears at {format_quantity(frequency, 'frequency')} at this sample rate, so hum is read as part "
                    "of this tone; move the tone by one cycle per window, write 'tones: auto', or set 'mains' to your "
                    "mains frequency",
                )
