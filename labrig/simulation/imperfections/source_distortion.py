"""Distortion of each channel of a source: its output is not quite proportional to the requested voltage."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import override

from labrig.config.section import Section
from labrig.random_streams import RandomStream
from labrig.simulation.imperfections.imperfection import Array, Imperfection, OutputTransfer


class SourceDistortionOptions(Section):
    """The keys under `source_distortion`.

    Attributes
    ----------
    second, third : float
        Second and third harmonic of a full-scale tone, relative to the tone. For smaller tones these ratios are
        proportional to the amplitude and to its square, respectively.
    """

    second: Annotated[float, Field(ge=0, lt=1)] = 0.0
    third: Annotated[float, Field(ge=0, lt=1)] = 0.0


class SourceDistortion(Imperfection):
    """`value` is a `SourceDistortionOptions`. Each channel has its own sign for each harmonic."""

    Options = SourceDistortionOptions

    @override
    def output(self, channel: str, full_scale_v: float) -> OutputTransfer | None:
        distortion: SourceDistortionOptions = self.value
        if not (distortion.second or distortion.third):
            return None
        drawn = RandomStream(self.seed, f"source distortion/{channel}").at(0).integers(0, 2, 2)
        # cos² x = ½ + ½ cos 2x, and cos³ x = ¾ cos x + ¼ cos 3x.
        square = (2 * drawn[0] - 1) * 2 * distortion.second / full_scale_v
        cube = (2 * drawn[1] - 1) * 4 * distortion.third / full_scale_v**2

        def distorted(volts: Array) -> Array:
            return volts * (1 + volts * (square + volts * cube))

        return distorted
