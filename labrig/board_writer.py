"""Writes settings to the board during a run, rewrites cells that drift, and records every use of pulses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from labrig.instruments.data import ProgramReport, Setting
from labrig.rig.rig import Rig
from labrig.runs.journal import Journal, Writing


class BoardWriter:
    """Writes settings of a run to its rig.

    Parameters
    ----------
    rig : Rig
        The open rig.
    journal : Journal
        Records how many pulses each cell received, and the conductance that it then had.
    every_s : float
        Time from one refresh to the next on the bench's clock (s); infinite if cells are never refreshed.
    """

    def __init__(self, rig: Rig, journal: Journal, every_s: float) -> None:
        self._rig = rig
        self._journal = journal
        self._every_s = every_s
        self._refreshed_s = rig.clock.now()
        self._edge_of = {f"{wire.device}/{wire.channel}": edge for edge, wire in enumerate(rig.hookup.edges)}

    def write(
        self, settings: Mapping[int, Setting], step: int, why: Literal["step", "program"] = "step"
    ) -> ProgramReport:
        """Write the setting of each edge; `step` is the number of the update that the settings belong to."""
        return self._noted(self._rig.program(settings), step, why)

    def refresh(self, step: int) -> ProgramReport:
        """Rewrite the cells that have drifted out of their tolerance, if a refresh is due."""
        now = self._rig.clock.now()
        if now - self._refreshed_s < self._every_s:
            return ProgramReport()
        report = self._noted(self._rig.refresh(), step, "refresh")
        self._refreshed_s = self._rig.clock.now()
        return report

    def edges(self, channels: tuple[str, ...]) -> tuple[int, ...]:
        """Return the edges that are programmed by these channels, each named device/channel."""
        return tuple(self._edge_of[channel] for channel in channels)

    def state(self) -> dict[str, Any]:
        """Return the state from which `resume` continues; empty if cells are never refreshed."""
        return {} if math.isinf(self._every_s) else {"refreshed_s": self._refreshed_s}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Continue the schedule of refreshes from a state."""
        self._refreshed_s = state.get("refreshed_s", self._refreshed_s)

    def _noted(self, report: ProgramReport, step: int, why: str) -> ProgramReport:
        if report.pulses:
            channels = tuple(report.pulses)
            edges = self.edges(channels)
            held = [report.read_back[channel] for channel in channels]
            siemens = np.array([self._rig.nominal(edge, each) for edge, each in zip(edges, held, strict=True)])
            pulses = tuple(report.pulses.values())
            self._journal.wrote(Writing(step, why, edges, siemens, pulses, self.edges(report.faulty)))
        return report
