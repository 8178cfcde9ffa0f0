"""audio.output: the outputs of an audio interface as a source of tones.

The stream plays continuously from `idle` or `start` on until `make_safe`. New tones begin at a block of the stream, and
with them the recording of the inputs of the same interface.
"""

from __future__ import annotations

from collections.abc import Mapping

from labrig.errors import LimitExceeded
from labrig.instruments.data import Identity, SourceAccuracy
from labrig.signals.tones import ToneProgram
from labrig_drivers.audio.interface import Share
from labrig_drivers.audio.options import AudioOutputOptions, output_capabilities
from labrig_drivers.audio.player import Player, Waves


class AudioOutput:
    """A WaveformSource: the outputs of an audio interface."""

    def __init__(self, name: str, options: AudioOutputOptions) -> None:
        self._name, self._options = name, options
        self._able = output_capabilities(options)
        self._share = Share(name, options.resource, "output", options.channels, options.bits, options.latency)
        self._loaded: dict[str, ToneProgram] = {}
        self._player: Player | None = None

    def open(self) -> None:
        """Find the interface; nothing is played. The errors are those of `Share.open`."""
        self._share.open()
        self._loaded, self._player = {}, None

    def identify(self) -> Identity:
        """Name of the interface, and its driver model as firmware."""
        return self._share.identify()

    def load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        """Prepare the programs (open-circuit V); they are played as requested.

        Raises
        ------
        LimitExceeded
            For an unknown channel, a voltage beyond full scale, a DC level, or a tone above half the sample rate.
        """
        rate_hz = self._share.interface.rate_hz
        for channel, program in programs.items():
            if channel not in self._able.channels:
                raise self._refused(f"has no channel {channel!r}; correct it under `wiring:`")
            if not program.peak <= self._able.full_scale_v:
                limit = f"full scale {self._able.full_scale_v:g} V"
                raise self._refused(
                    f"channel {channel} would have to play {program.peak:.4g} V; lower the drive", limit
                )
            if program.dc != 0:
                raise self._refused(f"channel {channel} is AC-coupled and cannot play {program.dc:.4g} V DC; use tones")
            for tone in program.tones:
                if rate_hz is not None and tone.frequency_hz >= rate_hz / 2:
                    limit = f"half the sample rate, {rate_hz / 2:g} Hz"
                    raise self._refused(f"channel {channel} cannot play {tone.frequency_hz:.6g} Hz; lower it", limit)
        self._loaded = dict(programs)
        return dict(programs)

    def arm(self) -> None:
        """Start the stream if necessary. A running stream goes on with what it plays."""
        self._share.run("arm")

    def start(self) -> None:
        """Play the loaded programs, all channels from the same frame on."""
        self._play("start")

    def confirm(self) -> None:
        """Raise ConnectionFailed unless the stream is still running."""
        _ = self._share.interface
        if self._player is not None:
            self._share.require_alive(self._player, "confirm")

    def accuracy(self) -> SourceAccuracy:
        """Accuracy of the amplitudes, from the largest error of `full_scale`, `gain_error`."""
        return SourceAccuracy.within(self._options.gain_error)

    def idle(self) -> None:
        """Play zeros; the outputs stay on, with their output resistance."""
        self._loaded = {}
        self._play("idle")

    def make_safe(self) -> None:
        """Mute and end the stream. Does nothing before `open`."""
        self._loaded, self._player = {}, None
        self._share.stop("make safe")

    def rescue(self) -> None:
        """Play zeros for a moment. Fails if another program still has exclusive access to the interface."""
        try:
            self.open()
            self.idle()
            self.make_safe()
        finally:
            self.close()

    def close(self) -> None:
        """Release the interface; never raises."""
        self._player = None
        self._share.close()

    def _play(self, action: str) -> None:
        player = self._share.run(action)
        player.play(Waves(self._loaded, self._able.channels, self._able.step_v))
        self._player = player

    def _refused(self, message: str, limit: str | None = None) -> LimitExceeded:
        return LimitExceeded(message, device=self._name, action="load", limit=limit)
