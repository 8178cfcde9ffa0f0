"""One audio interface, shared by the source and the digitizer, and its full-duplex stream.

labrig treats the two as separate instruments and may call them from several threads. A worker thread makes all calls to
PortAudio, one after another, each with a deadline.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any, Literal

from labrig.errors import ConfigError, ConnectionFailed, IdentityMismatch, LabrigError
from labrig.instruments.data import Identity
from labrig_drivers.audio.player import Player
from labrig_drivers.bounded_worker import BoundedWorker

CALL_S = 5.0
"""Deadline for a call (s)."""

ABORT_S = 2.0
"""Deadline of each of the two attempts to end the stream (s)."""

STALLED_S = 1.0
"""Time without a callback after which the interface counts as lost (s)."""

LATENCY_SHARE = 0.25
"""Fraction of `latency` that is requested from PortAudio for each direction; converters and USB need the rest."""

Kind = Literal["input", "output"]


class Interface:
    """An interface that is in use."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.users: dict[object, Share] = {}
        self.rate_hz: float | None = None
        self.player: Player | None = None
        self._stream: Any = None
        self._worker = BoundedWorker(
            f"audio {key}",
            "the sound system did not answer",
            "unplug the interface and plug it in again",
            "python -m sounddevice lists the interfaces; check `resource:`, and what else uses this one",
        )

    def call(self, name: str, action: str, call: Callable[[], Any], within_s: float = CALL_S) -> Any:
        """Make a call in the worker thread; its errors carry the name of the instrument."""
        return self._worker.call(name, action, call, within_s)

    def run(self, library: Any, name: str, action: str, latency_s: float | None) -> Player:
        """Return the player of the stream, which is started if necessary."""
        return self.call(name, action, lambda: self._run(library, name, latency_s))

    def stop(self, name: str, action: str) -> None:
        """Mute the stream, end it and close it. Raises DeadlineExceeded."""
        if self.player is not None:
            self.player.mute()  # works also if PortAudio hangs in another call
        self._worker.insist(name, action, self._end, ABORT_S)

    def release(self) -> None:
        """End the worker thread."""
        self._worker.release()

    def _run(self, library: Any, name: str, latency_s: float | None) -> Player:
        widths = {kind: [each for each in self.users.values() if each.kind == kind] for kind in ("output", "input")}
        outputs, inputs = (max([each.channels for each in several], default=1) for several in widths.values())
        bits = max([each.bits for each in widths["output"]], default=24)
        latency_s = max([each.latency_s for each in widths["output"]], default=latency_s or 0.1)
        rate_hz = self.rate_hz or float(library.query_devices(self.key, "output")["default_samplerate"])
        player, wanted = self.player, (rate_hz, outputs, inputs, bits)
        if player is not None and not player.finished and player.settings == wanted:
            return player
        self._end()
        player = Player(*wanted)
        stream = library.Stream(
            samplerate=rate_hz,
            blocksize=0,
            device=(self.key, self.key),
            channels=(inputs, outputs),
            dtype=("int32", "int32"),
            latency=(LATENCY_SHARE * latency_s, LATENCY_SHARE * latency_s),
            callback=player.callback,
            finished_callback=player.finish,
            clip_off=True,
            dither_off=True,
        )
        self._stream = stream
        if sum(stream.latency) > latency_s:
            self._end()
            raise ConfigError(
                f"the sound system has a latency of {sum(stream.latency):.3g} s, more than `latency`",
                device=name,
                action="start",
                limit=f"{latency_s:g} s",
                remedy="raise `latency:` of the audio.output, or use a driver of lower latency (ASIO, ALSA hw:)",
            )
        stream.start()
        self.player = player
        return player

    def _end(self) -> None:
        if self._stream is not None:
            self._stream.abort()
            self._stream.close()
        self._stream = self.player = None


_interfaces: dict[str, Interface] = {}
_interfaces_lock = threading.Lock()


class Share:
    """The inputs or the outputs of an interface.

    Parameters
    ----------
    name : str
        Name of the instrument.
    resource : str
        Name of the interface.
    kind : {"input", "output"}
        Which of the two this is.
    channels, bits : int
        Number of channels, and their resolution.
    latency_s : float
        The option `latency` of outputs (s).
    """

    def __init__(self, name: str, resource: str, kind: Kind, channels: int, bits: int, latency_s: float = 0.0) -> None:
        self.name, self.kind, self.channels, self.bits, self.latency_s = name, kind, channels, bits, latency_s
        self._resource = resource
        self._library: Any = None
        self._joined: Interface | None = None
        self._identity = Identity("")

    @property
    def interface(self) -> Interface:
        """The interface. Raises ConnectionFailed before `open`."""
        if self._joined is None or self._library is None:
            raise ConnectionFailed("is not open", device=self.name, action="use", remedy="call open() first")
        return self._joined

    @property
    def is_open(self) -> bool:
        """Whether the interface was found."""
        return self._joined is not None

    def open(self) -> None:
        """Find the interface; nothing is played or recorded yet.

        Raises
        ------
        ConnectionFailed, DeadlineExceeded
            If sounddevice cannot be imported, if no interface or more than one has this name, or if PortAudio hangs.
        IdentityMismatch
            If the interface has fewer channels than configured.
        """
        try:
            self._library = import_module("sounddevice")
        except (ImportError, OSError) as error:  # OSError: the PortAudio library was not found
            raise ConnectionFailed(
                f"sounddevice cannot be imported: {error}",
                device=self.name,
                action="open",
                remedy="pip install 'labrig[audio]'; on Linux also the package libportaudio2",
            ) from error
        key = self._resource.casefold()
        with _interfaces_lock:
            interface = self._joined = _interfaces.setdefault(key, Interface(self._resource))
            interface.users[self] = self
        try:
            self._identity = interface.call(self.name, "open", self._found)
        except BaseException:
            self.close()
            raise

    def identify(self) -> Identity:
        """Name of the interface, and its driver model ("ALSA", "ASIO", …) as firmware."""
        _ = self.interface
        return self._identity

    def run(self, action: str) -> Player:
        """Return the player of the stream, which is started if necessary. Raises ConnectionFailed."""
        return self.interface.run(self._library, self.name, action, self.latency_s)

    def stop(self, action: str) -> None:
        """End the stream; both inputs and outputs stop. Does nothing before `open`."""
        if self._joined is not None:
            self._joined.stop(self.name, action)

    def require_alive(self, player: Player, action: str) -> None:
        """Raise ConnectionFailed if the stream of this player has ended or stalled."""
        problem = None
        if player.failure is not None:
            problem = f"the callback failed: {player.failure}"
        elif player.finished or self.interface.player is not player:
            problem = "the stream has ended"
        elif player.silence_s > STALLED_S + self.latency_s:
            problem = "the stream has stalled"
        if problem is not None:
            raise ConnectionFailed(problem, device=self.name, action=action, remedy="check the cable of the interface")

    def close(self) -> None:
        """Release the interface; the last user ends the stream. Never raises."""
        with _interfaces_lock:
            interface, self._joined, self._library = self._joined, None, None
            if interface is None:
                return
            interface.users.pop(self, None)
            last = not interface.users
            if last:
                _interfaces.pop(self._resource.casefold(), None)
        if last:
            with suppress(LabrigError):  # an interface that has disappeared
                interface.stop(self.name, "close")
            interface.release()

    def _found(self) -> Identity:
        found = self._library.query_devices(self._resource, self.kind)
        there = int(found[f"max_{self.kind}_channels"])
        if there < self.channels:
            raise IdentityMismatch(
                f"{found['name']} has {there} {self.kind}s, but `channels` is {self.channels}",
                device=self.name,
                action="open",
                remedy="correct `channels:`, or name the interface under a driver with all channels (ASIO, ALSA hw:)",
            )
        api = self._library.query_hostapis(found["hostapi"])["name"]
        return Identity(str(found["name"]).partition(":")[0].strip(), "", str(api))
