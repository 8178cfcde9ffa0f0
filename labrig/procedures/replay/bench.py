"""The bench of a replay: instruments that answer with recorded data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.clock import SimulatedClock
from labrig.errors import LabrigError, SourceMisfit, StorageError, SyncLost
from labrig.instruments.data import (
    AcquisitionPlan,
    Block,
    Continuous,
    Identity,
    LevelTable,
    ProgramReport,
    Setting,
    levels_from_plain,
)
from labrig.instruments.drivers import DigitizerCapabilities, DriverInfo, SourceCapabilities
from labrig.rig.hookup import Hookup
from labrig.runs.raw import RawBlocks
from labrig.signals.tones import ToneProgram


class ReplayBench:
    """A bench (see the Bench protocol) whose instruments give back the record of a run.

    Parameters
    ----------
    raw
        The stored samples.
    meta
        The entry `rig` of meta.json: the acquisition plan as the digitizer made it, and the levels.
    hookup
        The wiring.
    resets
        Numbers of the acquisitions after which a programmer reported that it had lost its settings.
    faulty
        Edges that did not keep the value that was written, by the number of the acquisition after which this was
        reported.
    refused
        The errors after which measurements were repeated, by the number of the acquisition: a SyncLost if scans were
        lost, a SourceMisfit if a source did not confirm.
    """

    truth = None

    def __init__(
        self,
        raw: RawBlocks,
        meta: Mapping[str, Any],
        hookup: Hookup,
        resets: Iterable[int],
        faulty: Mapping[int, Sequence[str]],
        refused: Mapping[int, LabrigError],
    ) -> None:
        self.clock = SimulatedClock()
        self.raw = raw
        self.acquisition = 0
        self._meta = meta
        self._hookup = hookup
        self._resets = set(resets)
        self._refused = dict(refused)
        channels = {edge.name: f"{edge.device}/{edge.channel}" for edge in hookup.edges}
        self._faulty = {count: {channels[edge] for edge in edges} for count, edges in faulty.items()}

    def true_outputs(self, activation: NDArray[np.float64], tone: bool) -> None:
        """Return None: a replay is not judged."""

    def pause(self) -> None:
        """Do nothing: the replayed bench does not change by itself."""

    def state(self) -> dict[str, Any]:
        """Return an empty state."""
        return {}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Do nothing: there is no board."""

    def connect(self, name: str, driver: DriverInfo, options: Any) -> Any:
        """Return the instrument that answers with the recorded data."""
        able = driver.capabilities(options)
        identity = Identity(options.model or "", options.serial or "")
        if isinstance(able, SourceCapabilities):
            return _Source(identity, name, self)
        if isinstance(able, DigitizerCapabilities):
            return _Digitizer(identity, self, self._meta["plan"])
        levels = levels_from_plain(self._meta)
        of_channels = {
            edge.channel: each for edge, each in zip(self._hookup.edges, levels, strict=True) if edge.device == name
        }
        return _Programmer(identity, name, of_channels, self)

    def close(self) -> None:
        """Do nothing: nothing was started."""

    def faulty(self) -> set[str]:
        """Return the channels (device/channel) that did not keep the value written after the last acquisition."""
        return self._faulty.get(self.acquisition, set())

    def refuse(self, kind: type[LabrigError]) -> None:
        """Raise the error of this kind that the last acquisition had in the run, if it had one; only once."""
        if isinstance(self._refused.get(self.acquisition), kind):
            raise self._refused.pop(self.acquisition)

    def lost_settings(self) -> bool:
        """Return whether a programmer reported lost settings after the last acquisition; True only once."""
        lost = self.acquisition in self._resets
        self._resets.discard(self.acquisition)
        return lost


class _Face:
    """Base class of the replayed instruments; the methods here cannot fail."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def open(self) -> None:
        """Connect."""

    def identify(self) -> Identity:
        """Return the identity that the configuration names."""
        return self._identity

    def make_safe(self) -> None:
        """Drive nothing."""

    def close(self) -> None:
        """Disconnect."""


class _Source(_Face):
    def __init__(self, identity: Identity, name: str, bench: ReplayBench) -> None:
        super().__init__(identity)
        self._name = name
        self._bench = bench

    def load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        """Return the programs that were played in the next acquisition."""
        played = self._bench.raw.played(self._bench.acquisition + 1)
        return dict(programs) if played is None else played[self._name]

    def arm(self) -> None:
        """Do nothing."""

    def start(self) -> None:
        """Do nothing."""

    def confirm(self) -> None:
        """Raise the error of a source that did not confirm in the run."""
        self._bench.refuse(SourceMisfit)

    def idle(self) -> None:
        """Do nothing."""


class _Digitizer(_Face):
    def __init__(self, identity: Identity, bench: ReplayBench, plan: Mapping[str, Any]) -> None:
        super().__init__(identity)
        self._bench = bench
        self._plan = plan
        self._blocks: list[Block] = []

    def configure(self, plan: AcquisitionPlan) -> AcquisitionPlan:
        """Return the plan as the digitizer made it."""
        made = {key: tuple(value) if isinstance(value, list) else value for key, value in self._plan.items()}
        return replace(plan, **made)

    def arm(self) -> None:
        """Begin the next acquisition."""
        self._bench.acquisition += 1
        try:
            self._blocks = self._bench.raw.blocks(self._bench.acquisition)
        except KeyError:
            self._blocks = []

    def start(self) -> None:
        """Do nothing."""

    def read(self, timeout_s: float) -> Block:
        """Return the next block. Raises SyncLost if the run lost the rest too, and StorageError otherwise."""
        if not self._blocks:
            self._bench.refuse(SyncLost)
            raise StorageError(f"samples of acquisition {self._bench.acquisition} were not stored")
        return self._blocks.pop(0)


class _Programmer(_Face):
    def __init__(
        self, identity: Identity, name: str, levels: Mapping[str, LevelTable | Continuous], bench: ReplayBench
    ) -> None:
        super().__init__(identity)
        self._name = name
        self._levels = levels
        self._bench = bench

    def levels(self) -> dict[str, LevelTable | Continuous]:
        """Return the levels as recorded."""
        return dict(self._levels)

    def program(self, settings: Mapping[str, Setting]) -> ProgramReport:
        """Report everything as written, except lost settings and faulty channels that the run recorded."""
        written, bad = tuple(settings), self._bench.faulty()
        faulty = tuple(channel for channel in written if f"{self._name}/{channel}" in bad)
        verified = tuple(channel for channel in written if channel not in faulty)
        return ProgramReport(written, verified, faulty, dict(settings), interrupted=self._bench.lost_settings())

    def read_back(self, channels: Sequence[str]) -> dict[str, Setting]:
        """Return no settings: a replay reads nothing back."""
        return {}

    def keep_alive(self) -> None:
        """Do nothing."""
