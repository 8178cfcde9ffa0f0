"""All programmers of a rig together: settings by edge, independent of the programmer to which an edge belongs."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.errors import ChannelFault, LabrigError
from labrig.instruments.contracts import ConductanceProgrammer, Refreshes
from labrig.instruments.data import Continuous, Level, LevelTable, ProgramReport, Setting, Target, distinct
from labrig.rig.hookup import EdgeWire
from labrig.rig.reports import merged

Array = NDArray[np.float64]


class Programming:
    """Writes settings to edges and remembers them.

    Parameters
    ----------
    programmers : mapping of str to ConductanceProgrammer
        The programmers by name.
    edges : sequence of E EdgeWire
        The edges with their channels.
    refreshing : mapping of str to Refreshes
        The programmers whose cells drift, by name.

    Attributes
    ----------
    siemens : (E,) array
        Nominal conductance last written to every edge (S); 0 for an edge that was never written.
    levels : sequence of E LevelTable or Continuous
        Levels, or continuous range, of each edge's channel; empty before `read_levels`.
    """

    def __init__(
        self,
        programmers: Mapping[str, ConductanceProgrammer],
        edges: Sequence[EdgeWire],
        refreshing: Mapping[str, Refreshes] = MappingProxyType({}),
    ) -> None:
        self._programmers = programmers
        self._refreshing = refreshing
        self._edges = edges
        self._every_edge = frozenset(range(len(edges)))
        self.siemens = np.zeros(len(edges))
        self.levels: Sequence[LevelTable | Continuous] = []
        self._settings: dict[int, Setting] = {}
        self._siemens_of: list[dict[int, float]] = []
        self._before: Array | None = None
        self._faulty: dict[str, Setting] = {}
        self._most = self._tolerance_factor = np.zeros(0)
        self._largest: tuple[Array, float] | None = None

    def read_levels(self) -> None:
        """Read the levels of all channels from the programmers, which must be open."""
        tables = {name: programmer.levels() for name, programmer in self._programmers.items()}
        self.levels = [tables[edge.device][edge.channel] for edge in self._edges]
        by_code = {key: each.by_code for key, each in distinct(self.levels).items() if isinstance(each, LevelTable)}
        most = {
            key: each.maximum if isinstance(each, Continuous) else float(each.siemens[-1])
            for key, each in distinct(self.levels).items()
        }
        self._most = np.array([most[id(each)] for each in self.levels])
        # The tolerance refers to resistances.
        self._tolerance_factor = 1.0 / np.array([max(1.0 - each.tolerance, 0.01) for each in self.levels])
        self._before = self._largest = None
        self._siemens_of = [by_code.get(id(table), {}) for table in self.levels]

    def keep_alive(self) -> None:
        """Feed the watchdog of every programmer whose watchdog is due."""
        for programmer in self._programmers.values():
            programmer.keep_alive()

    def program(self, settings: Mapping[int, Setting]) -> ProgramReport:
        """Write new settings (by edge index) and verify them. Channels of the report are named device/channel.

        Every programmer is called, even without new settings, because it may have been reset in the meantime.

        Raises
        ------
        LabrigError
            If a key is not the index of an edge, or a setting is neither a Level nor a Target.
        """
        self._check(settings)
        reports: list[tuple[str, ProgramReport]] = []
        for device, programmer in self._programmers.items():
            mine = {
                self._edges[edge].channel: setting
                for edge, setting in settings.items()
                if self._edges[edge].device == device
            }
            reports.append((device, programmer.program(mine)))
        for edge, setting in settings.items():
            self.siemens[edge] = self.nominal(edge, setting)
            self._settings[edge] = setting
        report = merged(reports)
        self._faulty = {name: report.read_back[name] for name in report.faulty if name in report.read_back}
        self._largest = None
        return report

    def refresh(self) -> ProgramReport:
        """Rewrite the cells that have drifted out of their tolerance; channels are named device/channel."""
        return merged([(name, programmer.refresh()) for name, programmer in self._refreshing.items()])

    def largest(self) -> tuple[Array, float]:
        """Upper bound (E,) on the present conductance of each edge (S), and the largest of these bounds.

        A bound is the conductance that was written, or that a faulty channel was found to hold instead, increased by
        the tolerance of the part. Edges that were never written are read back once.
        """
        if self._largest is None:
            if len(self._settings) < len(self._edges) and self._before is None:
                self._before = self._as_found()
            unwritten = 0.0 if self._before is None else np.where(self.siemens == 0, self._before, 0.0)
            siemens = self.siemens + unwritten
            for name, setting in self._faulty.items():
                edge = next(k for k, wire in enumerate(self._edges) if f"{wire.device}/{wire.channel}" == name)
                siemens[edge] = self.nominal(edge, setting)
            siemens = np.where(np.isfinite(siemens), siemens, self._most) * self._tolerance_factor
            self._largest = siemens, float(siemens.max(initial=0.0))
        return self._largest

    def _as_found(self) -> Array:
        """(E,) nominal conductances as they are read back (S); NaN for an edge that cannot be read back."""
        held = self.read_back()
        return np.array(
            [self.nominal(edge, held[edge]) if edge in held else np.nan for edge in range(len(self._edges))]
        )

    def read_back(self, edges: Collection[int] | None = None) -> dict[int, Setting]:
        """The settings of these edges (all by default), by edge index, as the programmers read them back."""
        wanted = range(len(self._edges)) if edges is None else edges
        held: dict[int, Setting] = {}
        for device, programmer in self._programmers.items():
            mine = {self._edges[edge].channel: edge for edge in wanted if self._edges[edge].device == device}
            if mine:
                held |= {mine[channel]: setting for channel, setting in programmer.read_back(mine).items()}
        return held

    def nominal(self, edge: int, setting: Setting) -> float:
        """Nominal conductance of a setting of an edge's channel (S); NaN for a code that the channel does not have."""
        if isinstance(setting, Target):
            return setting.siemens
        assert isinstance(setting, Level)
        return self._siemens_of[edge].get(setting.code, np.nan)

    @contextmanager
    def trial(self, settings: Mapping[int, Setting]) -> Generator[None, None, None]:
        """Context in which these settings are on the board; the previous settings are written back at the end.

        Raises ChannelFault if a channel does not hold its setting, or if a programmer was reset in the meantime, and
        LabrigError if an edge has no previous setting.
        """
        self._check(settings)
        missing = [edge for edge in settings if edge not in self._settings]
        if missing:
            raise LabrigError(
                f"edge {self._edges[missing[0]].name} has no setting to return to",
                remedy="program the rig before a trial",
            )
        before = {edge: self._settings[edge] for edge in settings}
        self._write(settings)
        try:
            yield
        finally:
            self._write(before)

    def _check(self, settings: Mapping[Any, Any]) -> None:
        """Raise LabrigError for an invalid key or setting: in a notebook, anything may be passed."""
        if settings.keys() <= self._every_edge and {*map(type, settings.values())} <= {Level, Target}:
            return  # nearly always, and fast on boards with thousands of edges
        count = len(self._edges)
        for edge, setting in settings.items():
            if not (isinstance(edge, Integral) and 0 <= int(edge) < count):
                raise LabrigError(
                    f"there is no edge {edge!r}",
                    action="program",
                    remedy=f"the keys are indices of edges, from 0 to {count - 1}, in the order of rig.edges",
                )
            if not isinstance(setting, (Level, Target)):
                raise LabrigError(
                    f"edge {self._edges[int(edge)].name} cannot be set to {setting!r}",
                    action="program",
                    remedy="write Level(code), or Target(siemens) if rig.levels has a range; both are in "
                    "labrig.instruments.data",
                )

    def _write(self, settings: Mapping[int, Setting]) -> None:
        report = self.program(settings)
        if report.faulty or report.interrupted:
            channels = f"{', '.join(report.faulty)} did not keep the settings that were written"
            what = channels if report.faulty else "a programmer was reset and lost its settings"
            raise ChannelFault(what, action="trial", remedy="check the programmer's supply, cable and watchdog")
