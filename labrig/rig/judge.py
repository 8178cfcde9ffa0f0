"""The judge: an instrument that measures the outputs of the trained board, but takes no part in training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.errors import Overrange
from labrig.instruments.contracts import Digitizer
from labrig.instruments.data import AcquisitionPlan
from labrig.learning.measurement import Excitation
from labrig.lockin.demodulated import Flag
from labrig.lockin.demodulator import Demodulator
from labrig.rig.rig import Rig

Array = NDArray[np.float64]

LEAST_SAMPLES = 4
"""Smallest number of samples in a judge's window; fewer would not show their noise."""


@dataclass(frozen=True)
class JudgeWires:
    """The digitizer used as the judge, and its channels in the order of the outputs."""

    device: str
    channels: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the channels as in a configuration: instrument/channel."""
        return tuple(f"{self.device}/{channel}" for channel in self.channels)


class Judge:
    """Measures the outputs of an open rig as constant voltages.

    Parameters
    ----------
    name : str
        Name of the instrument.
    rig : Rig
        An open rig with the instrument among its `others`.
    plan : AcquisitionPlan
        The acquisition to request.
    """

    def __init__(self, name: str, rig: Rig, plan: AcquisitionPlan) -> None:
        self.name = name
        self._rig = rig
        self._digitizer: Digitizer = rig.others[name]
        self._plan = self._digitizer.configure(plan)
        drops = np.zeros((0, len(plan.channels)))
        per_volt = None if rig.hookup.per_volt is None else rig.hookup.per_volt[rig.hookup.output_columns]
        self._demodulator = Demodulator(self._plan, (), drops, pilot=None, per_volt=per_volt)

    def outputs(self, activation: Array) -> tuple[Array, Array, Array]:
        """Measure the outputs for the inputs (I,) in V.

        The sources keep playing after the rig has measured, so the judge may be started by a trigger or by a command.

        Returns
        -------
        tuple
            Voltages, their standard errors, and their systematic uncertainties, each (O,) in V.

        Raises
        ------
        Overrange
            If a channel clipped.
        """
        self._digitizer.arm()
        self._rig.measure(Excitation(activation))
        self._digitizer.start()
        self._demodulator.start()
        received = 0
        while received < self._plan.total_samples:
            block = self._digitizer.read(self._rig.limits.step_s + self._plan.duration_s)
            self._demodulator.feed(block)
            received = block.start_index + len(block.codes)
        read = self._demodulator.result()
        if Flag.CLIP in read.flags:
            channels = ", ".join(self._plan.channels[column] for column in read.clipped)
            raise Overrange(f"clipped at {channels}", device=self.name, action="judge", remedy="use a larger range")
        return read.dc, read.u_dc, read.systematic_dc


def judge_plan(
    rig_plan: AcquisitionPlan, channels: tuple[str, ...], full_scale_v: float, rate_hz: float
) -> AcquisitionPlan:
    """Return a judge's acquisition: as long as the rig's, at the rig's rate or at `rate_hz`, whichever is lower."""
    rate = min(rig_plan.sample_rate_hz, rate_hz)
    scale = rate / rig_plan.sample_rate_hz
    return AcquisitionPlan(
        sample_rate_hz=rate,
        settle_samples=int(np.ceil(rig_plan.settle_samples * scale - 1e-9)),
        window_samples=max(LEAST_SAMPLES, round(rig_plan.window_samples * scale)),
        channels=channels,
        ranges_v=(full_scale_v,) * len(channels),
        skew_s=(0.0,) * len(channels),
    )
