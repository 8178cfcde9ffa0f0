"""A stand-in for sounddevice: an interface whose stream runs in a thread, faster than a real one.

Names and order of the parameters are those of sounddevice 0.5; `test_audio.py` compares them with the real library.
What is played passes a coupling capacitor, the network, another coupling capacitor and a delay before it is recorded.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Array = NDArray[np.float64]
Network = Callable[[Array], Array]
"""Takes the open-circuit voltages (n, outputs) of n frames, and returns those at the inputs (n, inputs)."""

BLOCK = 512
CORNER_HZ = 2.0
"""Corner frequency of a coupling capacitor; a decade below the 20 Hz of a data sheet."""

NOISE_V = 20e-6
STREAM = ("samplerate", "blocksize", "device", "channels", "dtype", "latency", "extra_settings", "callback")
STREAM += ("finished_callback", "clip_off", "dither_off", "never_drop_input")
STREAM += ("prime_output_buffers_using_stream_callback",)
CALLS = {
    "Stream.__init__": STREAM,
    "Stream.start": (),
    "Stream.abort": ("ignore_errors",),
    "Stream.close": ("ignore_errors",),
    "query_devices": ("device", "kind"),
    "query_hostapis": ("index",),
}
"""The calls that the driver makes, with their parameters."""


class PortAudioError(Exception):
    """What sounddevice raises."""


class CallbackFlags:
    """The flags that a callback gets."""

    __slots__ = ("input_overflow", "input_underflow", "output_overflow", "output_underflow", "priming_output")

    def __init__(self, flag: str = "") -> None:
        for name in self.__slots__:
            setattr(self, name, name == flag)

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__slots__)


class Interface:
    """An interface, and the library that reaches it.

    Parameters
    ----------
    monkeypatch
        Replaces the module `sounddevice` with `library`.
    network
        What is between outputs and inputs.
    outputs, inputs
        Numbers of channels.
    full_scale_v
        Peak voltage of outputs and of inputs.
    speed
        How much faster than a real one the stream runs.
    """

    name = "Quad 4x4 USB: Audio (hw:1,0)"

    def __init__(
        self,
        monkeypatch: Any,
        network: Network,
        outputs: int = 4,
        inputs: int = 4,
        full_scale_v: tuple[float, float] = (2.0, 2.5),
        speed: float = 4.0,
    ) -> None:
        self.speed = speed
        self.network, self.outputs, self.inputs, self.full_scale_v = network, outputs, inputs, full_scale_v
        self.delay = 1700  # frames
        self.reported_s = (0.01, 0.02)
        self.next_flag = ""
        self.plugged = True
        self.hangs = threading.Event()
        self.streams: list[Any] = []
        interface = self

        class Stream:
            def __init__(
                self,
                samplerate=None,
                blocksize=None,
                device=None,
                channels=None,
                dtype=None,
                latency=None,
                extra_settings=None,
                callback=None,
                finished_callback=None,
                clip_off=None,
                dither_off=None,
                never_drop_input=None,
                prime_output_buffers_using_stream_callback=None,
            ) -> None:
                assert dtype == ("int32", "int32")
                assert clip_off
                assert dither_off
                for each, kind in zip(device, ("input", "output"), strict=True):
                    interface.query(each, kind)
                self.samplerate, self.channels = samplerate, channels
                self.latency = interface.reported_s
                self.played = np.zeros((0, channels[1]))
                self._callback, self._finished = callback, finished_callback
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._stop = threading.Event()

            def start(self) -> None:
                interface.streams.append(self)
                self._thread.start()

            def abort(self, ignore_errors=True) -> None:
                if interface.hangs.is_set():
                    threading.Event().wait(60)
                self._stop.set()
                if self.active:
                    self._thread.join(2.0)

            def close(self, ignore_errors=True) -> None:
                self._stop.set()

            @property
            def active(self) -> bool:
                return self._thread.is_alive()

            def _run(self) -> None:
                line = _Line(interface, self.channels, self.samplerate)
                due = time.monotonic()
                while not self._stop.is_set() and interface.plugged:
                    outdata = np.full((BLOCK, self.channels[1]), 2**30, dtype=np.int32)  # PortAudio does not clear it
                    flag, interface.next_flag = interface.next_flag, ""
                    self._callback(line.recorded(), outdata, BLOCK, None, CallbackFlags(flag))
                    self.played = line.play(outdata)
                    due += BLOCK / self.samplerate / interface.speed
                    time.sleep(max(0.0, due - time.monotonic()))
                self.played = np.zeros((BLOCK, self.channels[1]))
                self._finished()

        library: Any = ModuleType("sounddevice")
        library.Stream = Stream
        library.PortAudioError = PortAudioError
        library.CallbackFlags = CallbackFlags
        library.query_devices = self.query
        library.query_hostapis = lambda index=None: {"name": "ALSA"}
        self.library = library
        monkeypatch.setitem(sys.modules, "sounddevice", library)

    def query(self, device=None, kind=None) -> dict[str, Any]:
        if not self.plugged or device.lower() not in self.name.lower():
            raise ValueError(f"No {kind} device matching {device!r}")
        return {
            "name": self.name,
            "hostapi": 0,
            "max_input_channels": self.inputs,
            "max_output_channels": self.outputs,
            "default_samplerate": 44100.0,
        }


class _Line:
    """What happens to a block between `outdata` and a later `indata`."""

    most: ClassVar[int] = 2**31 - 1

    def __init__(self, interface: Interface, channels: tuple[int, int], rate_hz: float) -> None:
        self._interface = interface
        pole = np.exp(-2 * np.pi * CORNER_HZ / rate_hz)
        self._filter = np.array([1.0, -1.0]) * (1 + pole) / 2, np.array([1.0, -pole])
        self._states = [np.zeros((1, each)) for each in (interface.outputs, interface.inputs)]
        self._channels = channels
        self._waiting = np.zeros((interface.delay, interface.inputs))
        self._random = np.random.default_rng(0)

    def play(self, outdata: NDArray[np.int32]) -> Array:
        volts = np.zeros((len(outdata), self._interface.outputs))
        volts[:, : outdata.shape[1]] = outdata / 2.0**31 * self._interface.full_scale_v[0]
        played, self._states[0] = lfilter(*self._filter, volts, axis=0, zi=self._states[0])
        read, self._states[1] = lfilter(*self._filter, self._interface.network(played), axis=0, zi=self._states[1])
        self._waiting = np.concatenate([self._waiting, read + self._random.normal(0, NOISE_V, read.shape)])
        return volts

    def recorded(self) -> NDArray[np.int32]:
        block, self._waiting = self._waiting[:BLOCK, : self._channels[0]], self._waiting[BLOCK:]
        codes = np.rint(block / self._interface.full_scale_v[1] * 2.0**23).clip(-(2**23), 2**23 - 1)
        return codes.astype(np.int32) << 8
