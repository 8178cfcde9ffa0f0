"""All sources of a rig, loaded and confirmed in parallel; the next programs can be loaded in advance."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import cast

from labrig.errors import LabrigError
from labrig.instruments.contracts import StatesAccuracy, WaveformSource
from labrig.instruments.data import SourceAccuracy
from labrig.rig.channel_programs import Programs
from labrig.rig.parallel_calls import Outcome, ParallelCalls, results_of
from labrig.signals.tones import ToneProgram

_NOTHING: tuple[Programs, Callable[[], Programs]] = ({}, dict)


def stating(sources: Mapping[str, WaveformSource]) -> list[str]:
    """Names of the sources that state their accuracy."""
    return [name for name, source in sources.items() if isinstance(source, StatesAccuracy)]


class SourceGroup:
    """All sources of a rig.

    Parameters
    ----------
    sources : mapping
        The sources by name; they need not be open yet.
    stating : collection of str
        Names of the sources that state their accuracy.
    """

    def __init__(self, sources: Mapping[str, WaveformSource], stating: Collection[str] = ()) -> None:
        self._sources = sources
        self._stating = stating
        self._calls = ParallelCalls(sources)
        self._prepared = _NOTHING  # programs, and the function that waits until they are loaded
        self._confirming: dict[str, Outcome[None]] = {}

    def start_threads(self) -> None:
        """Start one thread per source, if there are several. Raises LabrigError if the system cannot start a thread."""
        self._calls.start()

    def end_threads(self) -> None:
        """Refuse the calls that have not begun, and let the threads end."""
        self.withdraw()
        self._calls.end()

    def load(self, programs: Programs) -> Programs:
        """Load `programs` unless they are loaded already. Return the programs that the channels will actually play."""
        (prepared, loaded), self._prepared = self._prepared, _NOTHING
        self._confirming = {}
        played = loaded()
        if programs != prepared:
            calls = {device: partial(self._sources[device].load, channels) for device, channels in programs.items()}
            played = self._calls.call("load", calls)
        return played

    def accuracies(self) -> dict[str, SourceAccuracy]:
        """Accuracies of the sources that state them, by name."""
        stating = cast("Mapping[str, StatesAccuracy]", self._sources)
        return {name: stating[name].accuracy() for name in self._stating}

    def arm(self) -> None:
        """Make every source wait for its trigger."""
        for source in self._sources.values():
            source.arm()

    def start(self) -> None:
        """Start every source that does not wait for a trigger."""
        for source in self._sources.values():
            source.start()

    def confirm(self) -> None:
        """Check that every source plays its program: by the answers to `begin_confirming`, or by asking now.

        Raises the error of a source that does not; the programs that it was to load next are then discarded.
        """
        if self._confirming:
            confirming, self._confirming = self._confirming, {}
            try:
                results_of(confirming)
            except LabrigError:
                self._prepared = _NOTHING
                raise
        else:
            self._calls.call("confirm", {device: source.confirm for device, source in self._sources.items()})

    def begin_confirming(self, following: Programs) -> None:
        """Begin to call `confirm` on every source, and return at once.

        A source that has confirmed loads `following`; the next `load` raises the errors of this loading.
        """
        confirming: dict[str, Outcome[None]] = {device: Outcome(device, "confirm") for device in self._sources}

        def confirm_and_load(device: str) -> dict[str, ToneProgram]:
            try:
                self._sources[device].confirm()
            except Exception as failure:
                confirming[device].raised(failure)
                raise
            confirming[device].returned(None)
            return self._sources[device].load(following[device])

        calls = {device: partial(confirm_and_load, device) for device in self._sources}
        loaded = self._calls.begin("confirm and load", calls)
        self._prepared, self._confirming = (following, loaded), confirming

    def idle(self) -> None:
        """Set every channel to 0 V with the outputs on."""
        self.settle()
        for source in self._sources.values():
            source.idle()

    def settle(self) -> None:
        """Wait until all calls have ended, and discard the prepared programs.

        Raises DeadlineExceeded for a call that hangs.
        """
        self.withdraw()
        self._calls.wait()

    def withdraw(self) -> None:
        """Refuse the calls that have not begun, and discard the prepared programs."""
        self._prepared, self._confirming = _NOTHING, {}
        self._calls.withdraw()
