"""Limits of the whole system, which no single instrument can check."""

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
"""Allowed excess of a single sample over a node's limit, as a fraction, due to noise and hum of the digitizer."""

ROUNDING = 0.01
"""Allowed excess of a source over its limit, as a fraction, due to the steps of its settings."""


@dataclass(frozen=True)
class Limits:
    """Limits of the board.

    Parameters
    ----------
    node_v : float
        Largest voltage of a source or a node (V), or largest state of a node in another medium.
    edge_power_w : float
        Largest power in one programmable edge (W); in another medium, its parameter times the square of its drop.
    step_s : float
        Longest training step, and deadline of every acquisition (s).
    misread : float
        Allowed relative deviation of the reading of a driven node.
    medium : Medium
        Quantities of nodes and edges. Unless they are electrical, the pilot is not a node of the network.
    """

    node_v: float
    edge_power_w: float
    step_s: float
    misread: float = 0.25
    medium: Medium = ELECTRICAL

    def source_v(self, wire: SourceWire) -> float:
        """Largest voltage that a channel may play (V); infinite for a flow: only its effect on nodes is limited."""
        actuator = wire.actuator
        if actuator is None:
            return self.node_v if self.medium == ELECTRICAL else np.inf
        return np.inf if actuator.makes_flow else self.node_v / abs(actuator.per_volt)

    def check_step(self, took_s: float) -> None:
        """Raise LimitExceeded after a training step that took longer than the limit."""
        if not took_s <= self.step_s:
            raise LimitExceeded(
                f"a training step took {took_s:.3g} s",
                action="step",
                limit=f"limits.step {self.step_s:g} s",
                config_path=("limits", "step"),
                remedy="find out which part is slow (labrig plan), or raise limits.step",
            )

    def check_window(self, hookup: Hookup, window: Demodulator, largest: Callable[[], tuple[Array, float]]) -> None:
        """Raise LimitExceeded if a node left its limits in a window, or an edge took too much power.

        Parameters
        ----------
        hookup : Hookup
            The wiring.
        window : Demodulator
            The demodulator to which the window was fed.
        largest : callable
            Returns an upper bound (E,) on the conductance of each edge, and the largest of these bounds (S).
        """
        low, high = window.extremes
        if low == np.inf:
            return  # no scan was received
        if not (-low <= (most := min(self.node_v, hookup.least_v)) and high <= most):
            self._check_nodes(hookup, *window.channel_extremes())
        siemens, most_s = largest()
        if not most_s * (high - low) ** 2 <= self.edge_power_w:
            self._check_power(hookup, siemens * window.mean_squares()[: len(siemens)])  # a second quantity has no power

    def _check_power(self, hookup: Hookup, power: Array) -> None:
        """Raise LimitExceeded if the power (E,) of an edge, in W, exceeds the limit."""
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
        """Raise LimitExceeded if the lowest or highest sample (C,) of a node, in V, is outside the node's limits."""
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
            remedy="lower the drive; if the drive is not this large, another instrument drives the node, or a source "
            "plays more than requested",
        )

    def _which(self, hookup: Hookup, node: str, extreme: float) -> tuple[str, tuple[str, ...]]:
        """Return a description of the limit that a node's voltage exceeds, and the key that sets the limit."""
        howland = next((wire.howland for wire in hookup.outputs if wire.node == node), None)
        if howland is not None and abs(extreme) > howland.compliance_v:
            key = ("wiring", node, "through", "compliance")
            return "compliance of its current source, which no longer delivers the requested current", key
        if abs(extreme) > self.node_v:
            return "limits.node", ("limits", "node")
        return "supply of the parts on this node", ("limits", "node")


class DriveLimits:
    """Refuses, before sources start, a program whose DC and tones add up to more than the limit of its node.

    Parameters
    ----------
    limits : Limits
        The limits of the board.
    hookup : Hookup
        The wiring, which contains all sources.
    """

    def __init__(self, limits: Limits, hookup: Hookup) -> None:
        wires = (*hookup.inputs, *hookup.outputs, hookup.pilot)
        self._wires = [(wire, limits.source_v(wire)) for wire in wires]
        self._passed: list[ToneProgram | None] = [None] * len(wires)

    def check(self, programs: Mapping[str, Mapping[str, ToneProgram]], spare: float = 0.0) -> None:
        """Check the programs of all sources; a program that has passed before is not checked again.

        Parameters
        ----------
        programs : mapping
            Programs by device and channel.
        spare : float
            Allowed excess over the limit, as a fraction.

        Raises
        ------
        LimitExceeded
            If a program exceeds its limit.
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
