"""audio.input: the inputs of an audio interface as a digitizer.

The stream records continuously, and an acquisition is cut from its frames: it begins with the block in which the
outputs of the interface begin to play. The signals reach the inputs after the latency of the round trip, which is part
of the settling time; phases are measured relative to the pilot, which has the same latency.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from labrig.errors import ConfigError, ConnectionFailed, DeadlineExceeded, SyncLost
from labrig.instruments.data import AcquisitionPlan, Block, Identity
from labrig_drivers.audio.interface import Share
from labrig_drivers.audio.options import SAMPLE_RATES_HZ, AudioInputOptions, input_capabilities
from labrig_drivers.audio.player import SAMPLE_BITS, Player, Recording
from labrig_drivers.tolerances import standard_uncertainty

LOOK_S = 2e-3
"""Polling interval of the recording (s)."""


class AudioInput:
    """A Digitizer: the inputs of an audio interface."""

    def __init__(self, name: str, options: AudioInputOptions) -> None:
        self._name, self._options = name, options
        self._able = input_capabilities(options)
        self._share = Share(name, options.resource, "input", options.channels, options.bits)
        self._plan: AcquisitionPlan | None = None
        self._columns: list[int] = []
        self._player: Player | None = None
        self._recording: Recording | None = None

    def open(self) -> None:
        """Find the interface; nothing is recorded yet. The errors are those of `Share.open`."""
        self._share.open()
        self._plan = self._recording = self._player = None

    def identify(self) -> Identity:
        """Name of the interface, and its driver model as firmware."""
        return self._share.identify()

    def configure(self, plan: AcquisitionPlan) -> AcquisitionPlan:
        """Set the sample rate; the stream begins with the first acquisition.

        Returns
        -------
        AcquisitionPlan
            The plan with the range, without skew, and with the uncertainty from the options.

        Raises
        ------
        ConfigError
            For an unknown channel, or a sample rate that audio interfaces do not offer.
        """
        interface = self._share.interface
        for channel in plan.channels:
            if channel not in self._able.channels:
                raise ConfigError(
                    f"has no channel {channel!r}",
                    device=self._name,
                    action="configure",
                    remedy="correct it under `wiring:`",
                )
        allowed = [rate for rate in SAMPLE_RATES_HZ if rate <= self._able.max_sample_rate_hz]
        if plan.sample_rate_hz not in allowed:
            raise ConfigError(
                f"cannot sample at {plan.sample_rate_hz:g} S/s",
                device=self._name,
                action="configure",
                limit=f"{', '.join(f'{rate / 1e3:g}' for rate in allowed)} kS/s",
                remedy="change acquisition.sample_rate, or max_sample_rate of this instrument",
            )
        interface.rate_hz = plan.sample_rate_hz
        self._recording = None
        self._columns = [self._able.channels.index(channel) for channel in plan.channels]
        count = len(plan.channels)
        self._plan = replace(
            plan,
            ranges_v=(self._able.full_scale_v,) * count,
            skew_s=(0.0,) * count,
            u_gain=standard_uncertainty(self._options.gain_error),
        )
        return self._plan

    def arm(self) -> None:
        """Start the stream if necessary, and prepare to record when the outputs start. Returns at once."""
        plan = self._configured("arm")
        player = self._share.run("arm")
        self._player, self._recording = player, Recording(plan.total_samples, player.inputs)
        player.armed = self._recording

    def start(self) -> None:
        """Begin the acquisition, unless the outputs of this interface have already begun it."""
        self._configured("start")
        if self._recording is None or self._player is None:
            raise self._failed("is not armed", "start")
        if self._player.armed is self._recording:
            self._player.record()

    def read(self, timeout_s: float) -> Block:
        """Wait for all scans of the acquisition.

        Parameters
        ----------
        timeout_s
            Longest time to wait (s).

        Raises
        ------
        DeadlineExceeded
            If the scans do not arrive in time.
        SyncLost
            If the stream had a gap. The acquisition is then over.
        ConnectionFailed
            If the stream ended.
        """
        self._configured("read")
        recording, player = self._recording, self._player
        if recording is None or player is None:
            raise self._failed("is not armed", "read")
        ends = time.monotonic() + timeout_s
        while not recording.done:
            self._share.require_alive(player, "read")
            if recording.flaw:
                break
            if time.monotonic() >= ends:
                raise DeadlineExceeded(
                    f"recorded {recording.recorded} of {len(recording.frames)} scans",
                    device=self._name,
                    action="read",
                    limit=f"{timeout_s:g} s",
                    remedy="check the cable of the interface",
                )
            time.sleep(LOOK_S)
        self._recording = None
        if recording.flaw:
            raise SyncLost(
                f"the stream had a gap: {recording.flaw}",
                device=self._name,
                action="read",
                remedy="close other programs, or raise `latency:` of the audio.output",
            )
        return self._block(recording)

    def make_safe(self) -> None:
        """Give up the acquisition; an input drives nothing, so the stream goes on."""
        self._recording = None
        if self._player is not None:
            self._player.armed = None

    def close(self) -> None:
        """Release the interface; never raises."""
        self._plan = self._recording = self._player = None
        self._share.close()

    def _block(self, recording: Recording) -> Block:
        bits, count = self._options.bits, len(self._columns)
        codes = recording.frames[:, self._columns] >> (SAMPLE_BITS - bits)
        highest = (1 << (bits - 1)) - 1
        overrange = (codes.max(axis=0) >= highest) | (codes.min(axis=0) < -highest)
        scale = np.tile([0.0, self._able.step_v, 0.0, 0.0], (count, 1))
        return Block(codes, scale, 0, overrange)

    def _configured(self, action: str) -> AcquisitionPlan:
        _ = self._share.interface
        if self._plan is None:
            raise self._failed("is not configured", action)
        return self._plan

    def _failed(self, message: str, action: str) -> ConnectionFailed:
        remedy = "call configure() first" if "configured" in message else "call arm() first"
        return ConnectionFailed(message, device=self._name, action=action, remedy=remedy)
