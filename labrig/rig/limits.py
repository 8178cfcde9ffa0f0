"""System limits: what no single instrument can see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.errors import LimitExceeded
from labrig.lockin.demodulated import Demodulated
from labrig.rig.hookup import Hookup
from labrig.signals.tones import ToneProgram


@dataclass(frozen=True)
class Limits:
    """Limits of the board.

    Parameters
    ----------
    node_v : float
        Largest voltage of a source or a node (V).
    edge_power_w : float
        Largest power in one programmable edge (W).
    step_s : float
        Longest training step, and deadline of every acquisition (s).
    """

    node_v: float
    edge_power_w: float
    step_s: float

    def check_drive(self, programs: Iterable[tuple[str, ToneProgram]]) -> None:
        """Refuse, before anything is played, a source whose DC and tones add up beyond the node limit."""
        for node, program in programs:
            if not program.peak <= self.node_v:
                raise LimitExceeded(
                    f"the source of node {node} would play {program.peak:.4g} V",
                    action="measure",
                    limit=f"limits.node {self.node_v:g} V",
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
        swing = np.abs(read.phasor).sum(axis=0)
        if not (np.abs(read.dc) + swing).max() <= min(self.node_v, hookup.least_v):
            self._check_nodes(hookup, read.dc + swing, read.dc - swing)
        power = siemens * (read.edge_dc**2 + 0.5 * (np.abs(read.edge_phasor) ** 2).sum(axis=0))
        if not power.max(initial=0.0) <= self.edge_power_w:
            worst = int(power.argmax())
            raise LimitExceeded(
                f"edge {hookup.edges[worst].name} takes {power[worst]:.3g} W",
                action="measure",
                limit=f"limits.edge_power {self.edge_power_w:g} W",
                config_path=("limits", "edge_power"),
                remedy="lower the drive or the conductance range",
            )

    def _check_nodes(self, hookup: Hookup, high: NDArray[np.float64], low: NDArray[np.float64]) -> None:
        """Refuse a node whose highest or lowest voltage (C,) is outside its own limits."""
        ceiling, floor = np.minimum(hookup.high_v, self.node_v), np.maximum(hookup.low_v, -self.node_v)
        outside = ~((high <= ceiling) & (low >= floor))
        if outside.any():
            column = int(outside.argmax())
            extreme = high[column] if high[column] > ceiling[column] else low[column]
            raise LimitExceeded(
                f"node {hookup.senses[column].node} is at {extreme:.4g} V",
                action="measure",
                limit=f"{floor[column]:g} V to {ceiling[column]:g} V "
                "(limits.node, supply of the parts, compliance of a current source)",
                config_path=("limits", "node"),
                remedy="lower the drive",
            )
