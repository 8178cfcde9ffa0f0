"""All sources of a rig as one: loaded, started and asked together, and ready for what comes next in advance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial

from labrig.instruments.contracts import WaveformSource
from labrig.rig.score import Programs
from labrig.rig.together import Together, results_of
from labrig.signals.tones import ToneProgram

_NOTHING: tuple[Programs, Callable[[], Programs]] = ({}, dict)


class Sources:
    """sources: unopened, by name."""

    def __init__(self, sources: Mapping[str, WaveformSource]) -> None:
        self._sources = sources
        self._together = Together(len(sources))
        self._prepared = _NOTHING  # programs, and what waits until they are loaded
        self._confirming: dict[str, Future[None]] = {}

    def load(self, programs: Programs) -> Programs:
        """Load what is not loaded yet; what each channel will really play."""
        (prepared, loaded), self._prepared = self._prepared, _NOTHING
        self._confirming = {}
        played = loaded()
        if programs != prepared:
            calls = {device: partial(self._sources[device].load, channels) for device, channels in programs.items()}
            played = self._together.call(calls)
        return played

    def arm(self) -> None:
        for source in self._sources.values():
            source.arm()

    def start(self) -> None:
        for source in self._sources.values():
            source.start()

    def confirm(self) -> None:
        """Return if every source still plays what it was told, or did when `begin_confirming` was called since the last
        start; raises what a source says."""
        if self._confirming:
            confirming, self._confirming = self._confirming, {}
            results_of(confirming)
        else:
            self._together.call({device: source.confirm for device, source in self._sources.items()})

    def begin_confirming(self, following: Programs) -> None:
        """Ask every source for `confirm`, and go on. One that has confirmed loads what follows; what goes wrong there
        is raised by `load`."""
        confirming: dict[str, Future[None]] = {device: Future() for device in self._sources}

        def confirm_and_load(device: str) -> dict[str, ToneProgram]:
            try:
                self._sources[device].confirm()
            except BaseException as failure:
                confirming[device].set_exception(failure)
                raise
            confirming[device].set_result(None)
            return self._sources[device].load(following[device])

        self._confirming = confirming
        self._prepared = (
            following,
            self._together.begin({device: partial(confirm_and_load, device) for device in self._sources}),
        )

    def idle(self) -> None:
        """0 V on every channel with the outputs on."""
        self.settle()
        for source in self._sources.values():
            source.idle()

    def settle(self) -> None:
        """Wait until nothing is under way any more, and forget what was prepared: whoever is to be made safe must not
        be loaded meanwhile."""
        self._prepared, self._confirming = _NOTHING, {}
        self._together.wait()
