"""System limits: what no single instrument can see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.errors import LimitExceeded
from labrig.lockin.demodulator import Demodulator
from labrig.medium import ELECTRICAL, Medium
from labrig.rig.hookup import Hookup, SourceWire
from labrig.signals.tones import ToneProgram

Array = NDArray[np.float64]

NOISE = 0.02
"""How far beyond a limit of a node a single sample may be, as a fraction: noise and hum of the digitizer."""

ROUNDING = 0.01
"""How far beyond the limit a source may play because of its steps, as a fraction."""


@dataclass(frozen=True)
class Limits:
    """Limits of the board.

    Parameters
    ----------
    node_v : float
        Largest voltage of a source or a node (V), or what nodes carry in another medium.
    edge_power_w : float
        Largest power in one programmable edge (W); in another medium its parameter times the square of its drop.
    step_s : float
        Longest training step, and deadline of every acquisition (s).
    misread : float
        By which fraction a driven node may be misread.
    medium : Medium
        What nodes carry. If it is no voltage, the pilot is no node of the network.
    """

    node_v: float
    edge_power_w: float
    step_s: float
    misread: float = 0.25
    medium: Medium = ELECTRICAL

    def source_v(self, wire: SourceWire) -> float:
        """The largest voltage that the channel may play (V); a flow is limited by what it does to the nodes."""
        actuator = wire.actuator
        if actuator is None:
            return self.node_v if self.medium == ELECTRICAL else np.inf
        return np.inf if actuator.makes_flow else self.node_v / abs(actuator.per_volt)

    def check_step(self, took_s: float) -> None:
        """Refuse to go on after a training step that took longer than it may."""
        if not took_s <= self.step_s:
            raise LimitExceeded(
                f"a training step took {took_s:.3g} s",
                action="step",
                limit=f"limits.step {self.step_s:g} s",
                config_path=("limits", "step"),
                remedy="look for what is slow (labrig plan), or raise limits.step",
            )

    def check_window(self, hookup: Hookup, window: Demodulator, largest: Callable[[], tuple[Array, float]]) -> None:
        """Refuse a window in which a node left its limits, or an edge took too much power, whatever drove it.

        Parameters
        ----------
        hookup : Hookup
            The wiring.
        window : Demodulator
            It was fed the window.
        largest : callable
            Returns the largest conductance that each edge may have (E,), and the largest of these (S).
        """
        low, high = window.extremes
        if low == np.inf:
            return  # no scan was received
        if not (-low <= (most := min(self.node_v, hookup.least_v)) and high <= most):
            self._check_nodes(hookup, *window.channel_extremes())
        siemens, most_s = largest()
        if not most_s * (high - low) ** 2 <= self.edge_power_w:
            self._check_power(hookup, siemens * window.mean_squares()[: len(siemens)])  # a second quantity has none

    def _check_power(self, hookup: Hookup, power: Array) -> None:
        """Refuse an edge whose power (E,), in W, is beyond the limit."""
        if power.max(initial=0.0) <= self.edge_power_w:
            return
        worst = int(power.argmax())
        raise LimitExceeded(
            f"edge {hookup.edges[worst].name} takes up to {power[worst]:.3g} {self.medium.unit('power')}",
            action="measure",
            limit=f"limits.edge_power {self.edge_power_w:g} {self.medium.unit('power')}",
            config_path=("limits", "edge_power"),
            remedy="lower the drive or the conductance range",
        )

    def _check_nodes(self, hookup: Hookup, low: Array, high: Array) -> None:
        """Refuse a node whose lowest or highest sample (C,), in V, is outside its own limits."""
        ceiling, floor = np.minimum(hookup.high_v, self.node_v), np.maximum(hookup.low_v, -self.node_v)
        spare = NOISE * np.minimum(np.abs(ceiling), np.abs(floor))
        outside = ~((high <= ceiling + spare) & (low >= floor - spare))
        if self.medium != ELECTRICAL:
            outside &= hookup.carries_state
        if not outside.any():
            return
        column = int(outside.argmax())
        node, unit = hookup.senses[column].node, self.medium.unit("state")
        extreme = float(low[column] if high[column] <= ceiling[column] + spare[column] else high[column])
        which, path = self._which(hookup, node, extreme)
        raise LimitExceeded(
            f"node {node} is at {extreme:.4g} {unit}",
            action="measure",
            limit=f"{floor[column]:g} {unit} to {ceiling[column]:g} {unit} ({which})",
            config_path=path,
            remedy="lower the drive; if it is not that large, another instrument drives the node, or a source plays "
            "more than it was told",
        )

    def _which(self, hookup: Hookup, node: str, extreme: float) -> tuple[str, tuple[str, ...]]:
        """Say which limit of a node its voltage is beyond, and the key that sets it."""
        howland = next((wire.howland for wire in hookup.outputs if wire.node == node), None)
        if howland is not None and abs(extreme) > howland.compliance_v:
            key = ("wiring", node, "through", "compliance")
            return "compliance of its current source, which no longer delivers what is asked of it", key
        if abs(extreme) > self.node_v:
            return "limits.node", ("limits", "node")
        return "supply of the parts on it", ("limits", "node")


class DriveLimits:
    """Refuses, before anything is started, a source whose DC and tones add up beyond the node limit.

    Parameters
    ----------
    limits : Limits
    hookup : Hookup
        Names every source that is played.
    """

    def __init__(self, limits: Limits, hookup: Hookup) -> None:
        wires = (*hookup.inputs, *hookup.outputs, hookup.pilot)
        self._wires = [(wire, limits.source_v(wire)) for wire in wires]
        self._passed: list[ToneProgram | None] = [None] * len(wires)

    def check(self, programs: Mapping[str, Mapping[str, ToneProgram]], spare: float = 0.0) -> None:
        """Check what each channel of each source is to play; what has passed before passes again.

        Parameters
        ----------
        programs : mapping
            By device and channel.
        spare : float
            By which fraction of the limit it may be beyond.
        """
        passed = self._passed
        for number, (wire, limit) in enumerate(self._wires):
            program = programs[wire.device][wire.channel]
            if program is passed[number]:
                continue
            if not program.peak <= (1.0 + spare) * limit:
                raise LimitExceeded(
                    f"the source of node {wire.node} would play {program.peak:.4g} V",
                    action="measure",
                    limit=f"limits.node {limit:g} V",
                    config_path=("limits", "node"),
                    remedy="lower the drive, or raise limits.node if the board allows it",
                )
            passed[number] = program if spare == 0.0 else passed[number]
