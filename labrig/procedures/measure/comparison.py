"""Compares an acquisition with the expected readings of the configured board."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labrig.assembly.noise import LEVEL_NOISE, TONE_NOISE, predicted_noise
from labrig.learning.measurement import Excitation, Response
from labrig.procedures.measure.model import BoardModel, Expected

if TYPE_CHECKING:
    from labrig.assembly import Assembly
    from labrig.lockin.demodulated import Demodulated
    from labrig.rig.rig import Rig

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

DEVIATIONS = 4.0
"""Number of standard deviations beyond which a reading is off."""


@dataclass(frozen=True)
class Comparison:
    """The expected readings of all sensed nodes, (C,) at DC and (F, C) at each tone, in the unit of the nodes.

    Attributes
    ----------
    expected : Expected
        The readings of the board as configured.
    within : Expected
        Largest accepted difference between a reading and its expected value.
    dc_off, tone_off : (C,) and (F, C) bool arrays
        True where a reading differs by more.
    """

    expected: Expected
    within: Expected
    dc_off: Mask
    tone_off: Mask

    @property
    def off(self) -> Mask:
        """(C,) mask of the nodes that are off."""
        return self.dc_off | self.tone_off.any(axis=0)


@dataclass(frozen=True)
class Measurement:
    """One acquisition: the excitation, the response, and the comparison (None if conductances are unknown)."""

    excitation: Excitation
    response: Response
    comparison: Comparison | None

    @property
    def read(self) -> Demodulated:
        """The readings of all channels."""
        return self.response.demodulated


class Meter:
    """Measures on an open rig, and compares the readings with the model of its configuration.

    A reading may differ by `DEVIATIONS` times the root sum square of its noise, the zero and gain error of its channel,
    the rms difference between boards drawn with the tolerances of parts and sources, and a floor for everything that is
    not modelled, the same as in the self-test. Components in quadrature with the pilot are not compared,
    because the comparison leaves out capacitances.

    Parameters
    ----------
    assembly : Assembly
        The configuration.
    rig : Rig
        Its open rig; the settings must not change while the meter is used.
    """

    def __init__(self, assembly: Assembly, rig: Rig) -> None:
        self._assembly, self._rig = assembly, rig
        predicted = predicted_noise(assembly)
        per_volt = 1.0 if rig.hookup.per_volt is None else np.abs(rig.hookup.per_volt)
        self._gain = max(rig.plan.u_gain, predicted.u_gain, 1e-3)
        self._zero = max(rig.plan.u_offset_v, predicted.u_zero_v, 200e-6) * per_volt
        self._predicted: tuple[Excitation, Expected, Expected] | None = None
        self._level_floor, self._tone_floor = LEVEL_NOISE[0] * per_volt, TONE_NOISE[0] * per_volt

    @property
    def nodes(self) -> tuple[str, ...]:
        """The sensed nodes, in the order of the channels."""
        return tuple(wire.node for wire in self._rig.hookup.senses)

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """The edges whose conductance is unknown; if there are any, no reading can be predicted."""
        return tuple(name for name, value in zip(self._rig.edges, self._siemens, strict=True) if not value > 0.0)

    @cached_property
    def model(self) -> BoardModel | None:
        """The model of the board at its present conductances; None if some are unknown."""
        return None if self.unknown else BoardModel(self._assembly, self._rig, self._siemens)

    @cached_property
    def _siemens(self) -> Array:
        held = self._rig.read_back()
        return np.array([self._rig.nominal(edge, held[edge]) for edge in range(len(self._rig.edges))])

    def measure(self, excitation: Excitation) -> Measurement:
        """Make one acquisition. Raises the errors of `Rig.measure` and `Rig.confirm`."""
        model = self.model  # edges are read back before the sources play
        response = self._rig.measure(excitation)
        self._rig.confirm()
        return Measurement(excitation, response, model and self._compared(model, excitation, response.demodulated))

    def _compared(self, model: BoardModel, excitation: Excitation, read: Demodulated) -> Comparison:
        if self._predicted is None or self._predicted[0] is not excitation:
            self._predicted = (excitation, *model.expected(excitation))
        _, expected, spread = self._predicted
        largest = float(np.abs(expected.dc).max(initial=0.0))
        dc = _root(
            read.u_dc, read.systematic_dc, self._zero, self._gain * expected.dc, spread.dc,
            self._level_floor, LEVEL_NOISE[1] * largest,
        )  # fmt: skip
        most = np.abs(np.delete(expected.in_phase, self._rig.hookup.pilot_column, axis=1)).max(axis=1, initial=0.0)
        tones = _root(
            read.u_channel, read.systematic_channel, self._gain * expected.in_phase, spread.in_phase,
            self._tone_floor, TONE_NOISE[1] * most[:, np.newaxis],
        )  # fmt: skip
        tones[:, self._rig.hookup.pilot_column] = np.maximum(
            tones[:, self._rig.hookup.pilot_column], TONE_NOISE[1] * expected.in_phase[:, self._rig.hookup.pilot_column]
        )
        within = Expected(DEVIATIONS * dc, DEVIATIONS * tones)
        in_phase = read.channel_in_phase
        return Comparison(
            expected,
            within,
            np.abs(read.dc - expected.dc) > within.dc,
            np.abs(in_phase - expected.in_phase) > within.in_phase,
        )


def _root(*parts: Array | float) -> Array:
    """The root of the sum of squares."""
    return np.sqrt(sum(np.square(part) for part in parts))
