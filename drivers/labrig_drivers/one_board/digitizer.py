"""labrig.board.digitizer: the inputs of a one-board bench.

The board takes one scan per sample period: at the start of the scan all outputs change, then the inputs are read one
after another. So tones and samples share one clock and one start, and channels have no skew, because the voltages are
constant while they are read. `start` begins the acquisition and with it the tones.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace

import numpy as np

from labrig.errors import ConfigError, ConnectionFailed, DeadlineExceeded, SyncLost
from labrig.instruments.data import AcquisitionPlan, Block, Identity
from labrig_drivers.digipot_bank.frames import Op, Reply, Status
from labrig_drivers.one_board.face import Face
from labrig_drivers.one_board.frames import (
    CLOCK_HZ,
    HIGHEST,
    INPUT_CYCLES,
    LATE,
    LONGEST_PERIOD,
    MIDDLE,
    MOST_SCANS,
    SCAN_CYCLES,
    BoardOp,
    ScanBlock,
    bytes_of_scans,
    sample_payload,
)
from labrig_drivers.one_board.options import DigitizerOptions, digitizer_capabilities
from labrig_drivers.tolerances import standard_uncertainty

PIECE_S = 0.05
"""Longest time for which a wait for scans holds the line (s), so that other instruments can make the board safe."""

TRIES = 3
"""Number of attempts to begin an acquisition if the board does not answer."""

WHOLE = 1e-9
"""Largest relative difference between a sample period and a whole number of clock cycles."""


class OneBoardDigitizer:
    """A Digitizer: the inputs of a board."""

    def __init__(self, name: str, options: DigitizerOptions) -> None:
        self._name = name
        self._options = options
        self._capabilities = digitizer_capabilities(options)
        self._face = Face(name, options, "inputs", options.inputs)
        self._plan: AcquisitionPlan | None = None
        self._inputs: tuple[int, ...] = ()
        self._scale = np.zeros((0, 4))
        self._armed = False
        self._position = 0
        self._sequence: int | None = None  # of the request that started the acquisition
        self._boot = 0  # boot id of the board when it started the acquisition

    def open(self) -> None:
        """Connect. The errors are those of `Face.open`."""
        self._face.open()
        self._plan, self._armed = None, False

    def identify(self) -> Identity:
        """Model, serial number of the USB adapter and firmware version."""
        return self._face.identify()

    def configure(self, plan: AcquisitionPlan) -> AcquisitionPlan:
        """Prepare acquisitions; nothing is sent.

        Returns
        -------
        AcquisitionPlan
            The plan with the range, without skew, and with the uncertainties from the options.

        Raises
        ------
        ConfigError
            If the board cannot take these scans.
        """
        board = self._face.board
        period = self._period(plan)
        for channel in plan.channels:
            if channel not in self._capabilities.channels:
                raise ConfigError(
                    f"has no channel {channel!r}",
                    device=self._name,
                    action="configure",
                    remedy="correct it under `wiring:`",
                )
        if plan.total_samples > MOST_SCANS:
            raise ConfigError(
                f"cannot take {plan.total_samples} scans in one acquisition",
                device=self._name,
                action="configure",
                limit=f"{MOST_SCANS} scans",
                remedy="shorten acquisition.window",
            )
        board.period = period
        self._armed = False
        self._inputs = tuple(self._capabilities.channels.index(channel) for channel in plan.channels)
        full_scale_v = self._capabilities.full_scale_v
        self._scale = np.tile([0.0, self._capabilities.step_v, 0.0, 0.0], (len(self._inputs), 1))
        self._plan = replace(
            plan,
            ranges_v=(full_scale_v,) * len(self._inputs),
            skew_s=(0.0,) * len(self._inputs),
            u_offset_v=standard_uncertainty(self._options.zero_error * self._options.reference),
            u_gain=standard_uncertainty(self._options.gain_error),
        )
        return self._plan

    def arm(self) -> None:
        """Get ready; an acquisition in progress is stopped."""
        plan = self._configured("arm")
        if self._sequence is not None and self._position < plan.total_samples:
            self._halt("arm")
        self._sequence, self._position, self._armed = None, 0, True
        self._face.link.forget_blocks()

    def start(self) -> None:
        """Begin the acquisition, and the tones of the board's outputs."""
        plan = self._configured("start")
        if not self._armed:
            raise self._failed("is not armed", "start", "call arm() first")
        if self._sequence is not None:
            return
        request = sample_payload(self._face.board.period, plan.total_samples, self._inputs)
        reply = self._begin(request)
        if reply.status == Status.OUT_OF_RANGE and len(reply.body) >= 3 and reply.body[0] == 0xFF:
            least = int.from_bytes(reply.body[1:3], "little")
            raise ConfigError(
                f"cannot read {len(self._inputs)} inputs at {plan.sample_rate_hz:g} S/s while it plays its tones",
                device=self._name,
                action="start",
                limit=f"{CLOCK_HZ / least:.4g} S/s",
                remedy="lower acquisition.sample_rate",
            )
        if reply.status != Status.OK:
            remedy = "flash the firmware of this labrig version"
            raise self._failed(f"the board refused to sample: status {reply.status}", "start", remedy)
        self._sequence, self._boot = reply.sequence, reply.boot_id

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
            If a block was lost on the line, a scan was late, or the board was reset. The acquisition is then stopped.
        """
        plan = self._configured("read")
        if not self._armed or self._position >= plan.total_samples:
            raise self._failed("is not armed", "read", "call arm() first")
        ends = time.monotonic() + timeout_s
        first, pieces = self._position, []
        while self._position < plan.total_samples:
            left_s = ends - time.monotonic()
            if left_s <= 0:
                self._require_no_reset()
                raise DeadlineExceeded(
                    f"sent {self._position} of {plan.total_samples} scans",
                    device=self._name,
                    action="read",
                    limit=f"{timeout_s:g} s",
                    last_good=self._face.link.last_good,
                    remedy="check the board's power and its cable",
                )
            if self._sequence is None:
                time.sleep(min(left_s, PIECE_S))
                continue
            rest = bytes_of_scans(plan.total_samples - self._position, len(self._inputs))
            for reply in self._face.link.receive_blocks(rest, min(left_s, PIECE_S)):
                if reply.sequence == self._sequence:
                    pieces.append(self._block(reply.body))
        codes = np.concatenate(pieces) - np.int16(MIDDLE)
        overrange = (codes.min(axis=0) <= -MIDDLE) | (codes.max(axis=0) >= HIGHEST - MIDDLE)
        return Block(codes, self._scale, first, overrange)

    def make_safe(self) -> None:
        """Stop the acquisition; an input drives nothing. Does nothing before `open`."""
        self._armed = False
        if self._face.link.is_open and self._sequence is not None:
            self._halt("make safe")
        self._sequence = None

    def close(self) -> None:
        """Disconnect; never raises."""
        self._plan, self._armed, self._sequence = None, False, None
        self._face.close()

    def _begin(self, request: bytes) -> Reply:
        """Send SAMPLE.

        It is not repeated like other requests, because a repeat would end the scans that the first one began.
        """
        for left in reversed(range(TRIES)):
            try:
                return self._face.link.request(BoardOp.SAMPLE, request, 0, patience_s=0.0)
            except DeadlineExceeded:
                if not left:
                    raise
                self._halt("start")
        raise AssertionError("the last attempt either returns or raises")

    def _block(self, body: bytes) -> np.ndarray:
        """Return the codes (T, C) of a block. Raises SyncLost if it is not the next one, or if a scan was late."""
        block = ScanBlock.read(body, len(self._inputs))
        if block is None or block.first != self._position or block.flags & LATE:
            late = block is not None and block.flags & LATE
            self._armed, self._sequence = False, None
            self._halt("read")
            raise SyncLost(
                "a scan was late" if late else f"the scans from {self._position} on were lost",
                device=self._name,
                action="read",
                last_good=self._face.link.last_good,
                remedy="lower acquisition.sample_rate" if late else "check the cable; the host may be too busy",
            )
        self._position += len(block.codes)
        return block.codes

    def _require_no_reset(self) -> None:
        """Raise SyncLost if the board was reset since it started the acquisition."""
        if self._sequence is None:
            return
        with contextlib.suppress(ConnectionFailed, DeadlineExceeded):  # then the missing scans are the error
            if self._face.link.request(Op.STATUS, b"", 0).boot_id == self._boot:
                return
            self._armed, self._sequence = False, None
            raise SyncLost(
                "the board was reset during the acquisition",
                device=self._name,
                action="read",
                last_good=self._face.link.last_good,
                remedy="check the board's supply; with faults.sync=retry it is measured again",
            )

    def _halt(self, action: str) -> None:
        self._face.ask(BoardOp.HALT, b"", 2, action)
        self._face.link.forget_blocks()

    def _period(self, plan: AcquisitionPlan) -> int:
        """Clock cycles between two scans. Raises ConfigError if the board cannot sample at this rate."""
        cycles = CLOCK_HZ / plan.sample_rate_hz
        period = round(cycles)
        if abs(cycles - period) > WHOLE * cycles:
            raise ConfigError(
                f"cannot sample at {plan.sample_rate_hz:g} S/s: its period must be a whole number of 16 MHz cycles",
                device=self._name,
                action="configure",
                remedy=f"use {CLOCK_HZ / period:.12g} S/s, or a sample rate that divides 16 MHz",
            )
        least = SCAN_CYCLES + INPUT_CYCLES * len(plan.channels)
        if not least <= period <= LONGEST_PERIOD:
            raise ConfigError(
                f"cannot sample {len(plan.channels)} channels at {plan.sample_rate_hz:g} S/s",
                device=self._name,
                action="configure",
                limit=f"{CLOCK_HZ / LONGEST_PERIOD:.4g} to {CLOCK_HZ / least:.5g} S/s",
                remedy="change acquisition.sample_rate",
            )
        return period

    def _configured(self, action: str) -> AcquisitionPlan:
        _ = self._face.board
        if self._plan is None:
            raise self._failed("is not configured", action, "call configure() first")
        return self._plan

    def _failed(self, message: str, action: str, remedy: str) -> ConnectionFailed:
        return self._face.failed(message, action, remedy)
