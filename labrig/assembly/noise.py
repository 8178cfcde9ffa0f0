"""The noise of one acquisition, predicted from the configured converter and channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labrig.simulation.section import IMPERFECTIONS, Imperfection

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly

__all__ = ["LEVEL_NOISE", "TONE_NOISE", "Imperfection", "PredictedNoise", "imperfections", "predicted_noise"]

Array = NDArray[np.float64]

LEVEL_NOISE = (400e-6, 2e-3)
"""Deviation of a level due to effects that are not modelled: in volts, and relative to the largest reading."""

TONE_NOISE = (10e-6, 0.01)
"""The same for the amplitude of a tone."""


@dataclass(frozen=True)
class PredictedNoise:
    """Noise and uncertainties of the digitizer and the sources.

    Attributes
    ----------
    own : (1 + F, C) array
        Variance of DC and of one quadrature of each tone, from independent noise of each channel (V²).
    common : (1 + F,) array
        The same variances, from noise that all channels share (V²).
    u_gain, u_zero_v : float
        Standard uncertainties of gain (relative) and zero (V) of a channel.
    u_source : float
        Relative standard uncertainty of the amplitude of a source.
    u_pickup : float
        Standard uncertainty of the crosstalk from a source to a channel, relative to the tone.
    """

    own: Array
    common: Array
    u_gain: float
    u_zero_v: float
    u_source: float
    u_pickup: float


def predicted_noise(assembly: Assembly) -> PredictedNoise:
    """Return the noise from the calibration record if there is one, else from the `simulation` section.

    The noise in a record is white. An input without a value, such as the pilot's, gets the mean of the others.
    """
    senses, digitizer = assembly.board.hookup.senses, assembly.board.hookup.digitizer
    timing = assembly.acquisition_timing
    samples, rate_hz = timing.plan.window_samples, timing.plan.sample_rate_hz
    tones_hz = (0.0, *timing.tones.frequencies_hz)
    own = np.zeros((len(tones_hz), len(senses)))
    common = np.zeros(len(tones_hz))
    members = imperfections(assembly)
    record = assembly.calibration
    if record is not None:
        columns = [record.inputs.index(f"{digitizer}/{wire.channel}") for wire in senses]
        density = record.of_inputs.noise_density
        density = np.where(np.isfinite(density), density, np.nanmean(density))[columns]
        own += density**2 * rate_hz / samples * np.array([0.5, *[1.0] * (len(tones_hz) - 1)])[:, np.newaxis]
        u_gain, u_zero = float(record.of_inputs.u_gain.max()), float(record.of_inputs.u_offset_v.max())
        u_source = float(record.of_outputs.u_tone_gain.max())
        u_pickup = float(np.median(record.of_outputs.u_crosstalk))
    else:
        for row, hz in enumerate(tones_hz):
            for each in members:
                variance = each.noise_variance(hz, samples, rate_hz)
                if each.noise_is_common:
                    common[row] += variance
                else:
                    own[row] += variance
        u_gain = float(np.sqrt(sum(each.u_gain**2 for each in members)))
        u_zero = float(np.sqrt(sum(each.u_offset_v**2 for each in members)))
        u_source = float(np.sqrt(sum(each.u_source_gain**2 for each in members)))
        u_pickup = float(np.sqrt(sum(each.u_pickup**2 for each in members)))
        if assembly.header.bench == "hardware" or any(each.converts for each in members):
            step_v = assembly.devices[digitizer].digitizer.step_v
            own += step_v**2 / 12 / samples * np.array([1.0, *[2.0] * (len(tones_hz) - 1)])[:, np.newaxis]
    return PredictedNoise(own, common, u_gain, u_zero, u_source, u_pickup)


def imperfections(assembly: Assembly, seed: int | None = None) -> list[Imperfection]:
    """Return the imperfections of the `simulation` section, with another seed if one is given."""
    values = assembly.simulation.imperfections
    drawn = assembly.simulation_seed if seed is None else seed
    return [IMPERFECTIONS.find(name)(value, drawn) for name, value in values.items()]
