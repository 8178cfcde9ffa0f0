"""Common base of wrappers of a programmer, which passes every call on to the programmer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from labrig.instruments.contracts import ConductanceProgrammer
from labrig.instruments.data import Continuous, Identity, LevelTable, ProgramReport, Setting


class WrappedProgrammer:
    """A programmer that passes every call on to another programmer."""

    def __init__(self, programmer: ConductanceProgrammer) -> None:
        self._programmer = programmer

    def levels(self) -> dict[str, LevelTable | Continuous]:
        """Pass the call on to the programmer."""
        return self._programmer.levels()

    def program(self, settings: Mapping[str, Setting]) -> ProgramReport:
        """Pass the call on to the programmer."""
        return self._programmer.program(settings)

    def read_back(self, channels: Iterable[str]) -> dict[str, Setting]:
        """Pass the call on to the programmer."""
        return self._programmer.read_back(channels)

    def refresh(self) -> ProgramReport:
        """Pass the call on to the programmer; nothing drifts in one that cannot refresh."""
        refresh = getattr(self._programmer, "refresh", None)
        return ProgramReport() if refresh is None else refresh()

    def keep_alive(self) -> None:
        """Pass the call on to the programmer."""
        self._programmer.keep_alive()

    def leave(self) -> None:
        """Pass the call on to the programmer."""
        self._programmer.leave()  # type: ignore[attr-defined]

    def open(self) -> None:
        """Pass the call on to the programmer."""
        self._programmer.open()

    def identify(self) -> Identity:
        """Pass the call on to the programmer."""
        return self._programmer.identify()

    def make_safe(self) -> None:
        """Pass the call on to the programmer."""
        self._programmer.make_safe()

    def close(self) -> None:
        """Pass the call on to the programmer."""
        self._programmer.close()
