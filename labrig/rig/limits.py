"""System limits: what no single instrument can see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.errors import LimitExceeded
from labrig.lockin.demodulated import Demodulated
from labrig.medium import ELECTRICAL, Medium
from labrig.rig.hookup import Hookup, SourceWire
from labrig.signals.tones import ToneProgram


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
    medium : Medium
        What nodes carry. If it is no voltage, the pilot is no node of the network.
    """

    node_v: float
    edge_power_w: float
    step_s: float
    medium: Medium = ELECTRICAL

    def source_v(self, wire: SourceWire) -> float:
        """The largest voltage that the channel may play (V); a flow is limited by what it does to the nodes."""
        actuator = wire.actuator
        if actuator is None:
            return self.node_v if self._electrical else np.inf
        return np.inf if actuator.makes_flow else self.node_v / abs(actuator.per_volt)

    @property
    def _electrical(self) -> bool:
        return self.medium == ELECTRICAL

    def check_drive(self, programs: Iterable[tuple[SourceWire, ToneProgram]]) -> None:
        """Refuse, before anything is played, a source whose DC and tones add up beyond the node limit."""
        for wire, program in programs:
            limit = self.source_v(wire)
            if not program.peak <= limit:
                raise LimitExceeded(
                    f"the source of node {wire.node} would play {program.peak:.4g} V",
                    action="measure",
                    limit=f"limits.node {limit:g} V",
                    config_path=("limits", "node"),
                    remedy="lower the drive, or raise limits.node if the board allows it",
                )

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

    def check_response(self, hookup: Hookup, read: Demodulated, siemens: NDArray[np.float64]) -> None:
        """Refuse a measurement in which a node left its limits or an edge took too much power (nominal siemens)."""
        swing, level = np.abs(read.phasor).sum(axis=0), read.dc
        if not self._electrical:
            network = np.arange(len(level)) != hookup.pilot_column
            swing, level = swing * network, level * network
        if not (np.abs(level) + swing).max() <= min(self.node_v, hookup.least_v):
            self._check_nodes(hookup, level + swing, level - swing)
        edges = len(siemens)  # drops of a second quantity come after them
        power = siemens * (read.edge_dc[:edges] ** 2 + 0.5 * (np.abs(read.edge_phasor[:, :edges]) ** 2).sum(axis=0))
        if not power.max(initial=0.0) <= self.edge_power_w:
            worst = int(power.argmax())
            raise LimitExceeded(
                f"edge {hookup.edges[worst].name} takes {power[worst]:.3g} {self.medium.unit('power')}",
                action="measure",
                limit=f"limits.edge_power {self.edge_power_w:g} {self.medium.unit('power')}",
                config_path=("limits", "edge_power"),
                remedy="lower the drive or the conductance range",
            )

    def _check_nodes(self, hookup: Hookup, high: NDArray[np.float64], low: NDArray[np.float64]) -> None:
        """Refuse a node whose highest or lowest voltage (C,) is outside its own limits."""
        ceiling, floor = np.minimum(hookup.high_v, self.node_v), np.maximum(hookup.low_v, -self.node_v)
        outside = ~((high <= ceiling) & (low >= floor))
        if outside.any():
            column, unit = int(outside.argmax()), self.medium.unit("state")
            extreme = high[column] if high[column] > ceiling[column] else low[column]
            raise LimitExceeded(
                f"node {hookup.senses[column].node} is at {extreme:.4g} {unit}",
                action="measure",
                limit=f"{floor[column]:g} {unit} to {ceiling[column]:g} {unit} "
                "(limits.node, supply of the parts, compliance of a current source)",
                config_path=("limits", "node"),
                remedy="lower the drive",
            )
