"""Options of a Rigol DG1000Z generator and the capabilities of its models."""

from __future__ import annotations

from dataclasses import replace

from labrig.instruments.drivers import SourceCapabilities
from labrig.quantities import NonNegativeTime
from labrig_drivers.visa_generator import GeneratorOptions, generator_capabilities

MODELS = ("DG1022Z", "DG1032Z", "DG1062Z")

CHANNELS = ("1", "2")

BITS = 14

LEAST_VPP = 2e-3
"""Smallest amplitude at the open output (V peak to peak); half of this into 50 Ω."""

SETTINGS = 4
"""Settings per acquisition, averaged over one without and one with an error: two of a pilot and two of an output."""

HIGHEST_HZ = 10e6
"""Highest frequency of an arbitrary waveform of a DG1032Z (Hz). Source: DG1000Z Programming Guide, table 2-1."""


class Dg1000zOptions(GeneratorOptions):
    """Options of `rigol.dg1000z`.

    Attributes
    ----------
    pause
        Time after each setting in which the generator gets no message (s). A DG1062Z (firmware 03.01.12) kept its old
        output, although the setting read back, if the next message came within 30 ms.
    """

    pause: NonNegativeTime = 0.1


def capabilities(options: Dg1000zOptions) -> SourceCapabilities:
    """Capabilities of the generator; the models differ only in frequencies that no board needs."""
    remedy = "use another source for the pilot"
    generator = generator_capabilities(options, CHANNELS, BITS, LEAST_VPP / 2, 64, remedy)
    return replace(generator, load_s=SETTINGS * options.pause)
