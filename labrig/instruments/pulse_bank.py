"""The cells of one pulse programmer: the setting of each cell, and write–verify of the cells that change.

A driver provides the cells, and disconnects the network while they are read or pulsed. Everything else is done here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NoReturn

from labrig.errors import LimitExceeded
from labrig.instruments.data import Continuous, ProgramReport, Setting, Target
from labrig.instruments.write_verify import Cell, Outcome, Ramp, mean_reading, write_verify


class PulseBank:
    """Settings of the cells of one programmer.

    Parameters
    ----------
    name : str
        Name of the programmer, for errors.
    channels : sequence of str
        Channel names.
    levels : Continuous
        Range and tolerance of every cell.
    ramp : Ramp
        The pulses.
    cell : callable
        Returns the cell of a channel.
    isolated : callable
        Returns a context in which the network is disconnected from the cells.
    """

    def __init__(
        self,
        name: str,
        channels: Sequence[str],
        levels: Continuous,
        ramp: Ramp,
        cell: Callable[[str], Cell],
        isolated: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._name = name
        self._channels = frozenset(channels)
        self._levels = levels
        self._ramp = ramp
        self._cell = cell
        self._isolated = isolated
        self._table: dict[str, Target] = {}
        self._faulty: set[str] = set()

    def program(self, settings: Mapping[str, Setting]) -> ProgramReport:
        """Write the cells whose setting changes; check all settings before the first pulse.

        A cell that does not reach its conductance within its budget of pulses is reported as faulty.

        Raises
        ------
        LimitExceeded
            For an unknown channel, a code instead of a conductance, a conductance out of range, or a tolerance that
            readings cannot resolve.
        """
        targets = {channel: self._checked(channel, setting) for channel, setting in settings.items()}
        return self._written({channel: each for channel, each in targets.items() if self._table.get(channel) != each})

    def read_back(self, channels: Iterable[str]) -> dict[str, Setting]:
        """Read cells. Each result contains the mean of several readings, and the tolerance to which it was written."""
        wanted = list(channels)
        for channel in wanted:
            self._require_channel(channel, "read back")
        if not wanted:
            return {}
        with self._isolated():
            return {
                channel: Target(mean_reading(self._cell(channel), self._ramp), self._tolerance(channel))
                for channel in wanted
            }

    def refresh(self) -> ProgramReport:
        """Read every cell that was written, and rewrite those that have drifted out of their tolerance."""
        drifted: dict[str, Target] = {}
        if self._table:
            for channel, held in self.read_back(sorted(self._table.keys() - self._faulty)).items():
                wanted = self._table[channel]
                assert isinstance(held, Target)
                if abs(held.siemens - wanted.siemens) > held.tolerance * wanted.siemens:
                    drifted[channel] = wanted
        return self._written(drifted)

    def forget(self) -> None:
        """Forget all settings after a reset or a lost connection, so that every cell is read before it is trusted."""
        self._table.clear()
        self._faulty.clear()

    def _written(self, targets: Mapping[str, Target]) -> ProgramReport:
        outcomes: dict[str, Outcome] = {}
        if targets:
            with self._isolated():
                for channel, target in targets.items():
                    self._table.pop(channel, None)  # unknown until it is verified
                    tolerance = target.tolerance or self._levels.tolerance
                    outcomes[channel] = write_verify(self._cell(channel), target.siemens, tolerance, self._ramp)
                    self._table[channel] = target
        missed = {channel for channel, outcome in outcomes.items() if not outcome.converged}
        self._faulty = (self._faulty - outcomes.keys()) | missed
        return ProgramReport(
            written=tuple(outcomes),
            verified=tuple(channel for channel in outcomes if channel not in missed),
            faulty=tuple(channel for channel in outcomes if channel in missed),
            read_back={
                channel: Target(outcome.siemens, self._tolerance(channel)) for channel, outcome in outcomes.items()
            },
            pulses={channel: outcome.pulses for channel, outcome in outcomes.items()},
        )

    def _tolerance(self, channel: str) -> float:
        target = self._table.get(channel)
        return self._levels.tolerance if target is None else target.tolerance or self._levels.tolerance

    def _checked(self, channel: str, setting: Setting) -> Target:
        self._require_channel(channel, "program")
        if not isinstance(setting, Target):
            self._refuse(f"channel {channel} takes a conductance, Target(siemens), not a code")
        least = self._ramp.least_tolerance
        if setting.tolerance and setting.tolerance < least:
            self._refuse(
                f"channel {channel} cannot be written to a tolerance of {setting.tolerance:.2g}, because its readings "
                f"only resolve {least:.2g}"
            )
        low, high = self._levels.minimum, self._levels.maximum
        if not low <= setting.siemens <= high:
            limit = f"{low:.4g} S to {high:.4g} S"
            self._refuse(f"channel {channel} cannot be set to {setting.siemens:.4g} S", limit)
        return setting

    def _require_channel(self, channel: str, action: str) -> None:
        if channel not in self._channels:
            raise LimitExceeded(
                f"has no channel {channel!r}", device=self._name, action=action, remedy="correct it under `wiring:`"
            )

    def _refuse(self, message: str, limit: str | None = None) -> NoReturn:
        raise LimitExceeded(message, device=self._name, action="program", limit=limit)
