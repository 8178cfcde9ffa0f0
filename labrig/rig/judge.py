"""The judge: instruments that measure the outputs of the trained board, but take no part in training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.errors import Overrange
from labrig.instruments.contracts import Digitizer
from labrig.instruments.data import AcquisitionPlan
from labrig.learning.measurement import Excitation
from labrig.lockin.demodulated import Demodulated, Flag
from labrig.lockin.demodulator import Demodulator
from labrig.rig.rig import Rig

Array = NDArray[np.float64]

LEAST_SAMPLES = 4
"""Smallest number of samples in a judge's window; fewer would not show their noise."""


@dataclass(frozen=True)
class JudgeWires:
    """The digitizers used as the judge, and their channels: (device, channel) for each output, in order."""

    wires: tuple[tuple[str, str], ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the channels as in a configuration: instrument/channel."""
        return tuple("/".join(wire) for wire in self.wires)

    @property
    def devices(self) -> tuple[str, ...]:
        """Names of the digitizers."""
        return tuple(dict.fromkeys(device for device, _ in self.wires))

    def columns(self, device: str) -> list[int]:
        """Positions of the outputs that a digitizer measures."""
        return [column for column, (name, _) in enumerate(self.wires) if name == device]

    def channels(self, device: str) -> tuple[str, ...]:
        """Channels of a digitizer in the order of the outputs that it measures."""
        return tuple(channel for name, channel in self.wires if name == device)


class _Part:
    """One of the judge's digitizers, configured."""

    def __init__(self, name: str, rig: Rig, plan: AcquisitionPlan, columns: list[int]) -> None:
        self.columns = columns
        self.digitizer: Digitizer = rig.others[name]
        self._name = name
        self._plan = self.digitizer.configure(plan)
        self._deadline_s = rig.limits.step_s + self._plan.duration_s
        drops = np.zeros((0, len(plan.channels)))
        outputs = rig.hookup.output_columns
        per_volt = None if rig.hookup.per_volt is None else rig.hookup.per_volt[outputs][columns]
        self._demodulator = Demodulator(self._plan, (), drops, pilot=None, per_volt=per_volt)

    def read(self) -> Demodulated:
        """Read the acquisition that has been started. Raises Overrange if a channel clipped."""
        self._demodulator.start()
        received = 0
        while received < self._plan.total_samples:
            block = self.digitizer.read(self._deadline_s)
            self._demodulator.feed(block)
            received = block.start_index + len(block.codes)
        read = self._demodulator.result()
        if Flag.CLIP in read.flags:
            channels = ", ".join(self._plan.channels[column] for column in read.clipped)
            raise Overrange(f"clipped at {channels}", device=self._name, action="judge", remedy="use a larger range")
        return read


class Judge:
    """Measures the outputs of an open rig as constant voltages.

    Parameters
    ----------
    wires : JudgeWires
        The instruments and their channels.
    rig : Rig
        An open rig with the instruments among its `others`.
    plans : mapping of str to AcquisitionPlan
        The acquisition to request from each instrument.
    """

    def __init__(self, wires: JudgeWires, rig: Rig, plans: Mapping[str, AcquisitionPlan]) -> None:
        self.name = ", ".join(wires.devices)
        self._rig = rig
        self._outputs = len(wires.wires)
        self._parts = [_Part(device, rig, plans[device], wires.columns(device)) for device in wires.devices]

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
        for part in self._parts:
            part.digitizer.arm()
        self._rig.measure(Excitation(activation))
        for part in self._parts:
            part.digitizer.start()
        volts, noise, systematic = (np.zeros(self._outputs) for _ in range(3))
        for part in self._parts:
            read = part.read()
            volts[part.columns], noise[part.columns] = read.dc, read.u_dc
            systematic[part.columns] = read.systematic_dc
        return volts, noise, systematic


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
