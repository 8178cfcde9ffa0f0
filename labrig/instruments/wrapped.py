"""Base classes for wrappers of a source or a programmer, which pass every call on to the wrapped instrument."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from labrig.instruments.contracts import ConductanceProgrammer, StatesAccuracy, WaveformSource
from labrig.instruments.data import Continuous, Identity, LevelTable, ProgramReport, Setting, SourceAccuracy
from labrig.signals.tones import ToneProgram


class WrappedSource:
    """A source that passes every call on to another source."""

    def __init__(self, source: WaveformSource) -> None:
        self._source = source

    def load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        """Pass the call on to the source."""
        return self._source.load(programs)

    def accuracy(self) -> SourceAccuracy:
        """Accuracy that the source states; exact amplitudes if it states none."""
        return self._source.accuracy() if isinstance(self._source, StatesAccuracy) else SourceAccuracy()

    def identify(self) -> Identity:
        """Pass the call on to the source."""
        return self._source.identify()

    def open(self) -> None:
        """Pass the call on to the source."""
        self._source.open()

    def arm(self) -> None:
        """Pass the call on to the source."""
        self._source.arm()

    def start(self) -> None:
        """Pass the call on to the source."""
        self._source.start()

    def confirm(self) -> None:
        """Pass the call on to the source."""
        self._source.confirm()

    def idle(self) -> None:
        """Pass the call on to the source."""
        self._source.idle()

    def make_safe(self) -> None:
        """Pass the call on to the source."""
        self._source.make_safe()

    def close(self) -> None:
        """Pass the call on to the source."""
        self._source.close()


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
        """Pass the call on to the programmer. One without `refresh` has no drifting cells: the report is then empty."""
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
