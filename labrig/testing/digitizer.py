"""Checks of a Digitizer. Its acquisitions are started by the sources of the rig, which play 0 V."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np

from labrig.errors import LabrigError
from labrig.instruments.data import Block
from labrig.instruments.drivers import DigitizerCapabilities
from labrig.testing.calls import NotApplicable, interrupted, refused, require_ctrl_c, succeeded
from labrig.testing.instrument import CHECKS as EVERY_INSTRUMENT
from labrig.testing.instrument import Check
from labrig.testing.station import Chain, Subject

RATE_TOLERANCE = 0.01
"""Relative tolerance of the actual sample rate."""

BEYOND_RANGE = 1.1
"""Largest reading relative to the nominal range, which ADCs may slightly exceed."""

ACQUISITIONS = 20
"""Number of successive acquisitions in a check."""


def says_what_it_will_do(subject: Subject) -> None:
    """The plan returned by configure has the requested channels and samples, and plausible rate, ranges and skew."""
    asked = subject.plan
    with subject.opened() as digitizer:
        actual, again = digitizer.configure(asked), digitizer.configure(asked)
    name, count = subject.name, len(asked.channels)
    assert actual == again, f"{name}: for the same plan, configure returns {actual}, then {again}"
    for what in ("channels", "settle_samples", "window_samples"):
        found, wanted = getattr(actual, what), getattr(asked, what)
        assert found == wanted, f"{name}: configure changed {what} to {found}, requested: {wanted}"
    assert abs(actual.sample_rate_hz / asked.sample_rate_hz - 1) <= RATE_TOLERANCE, (
        f"{name}: should sample at {asked.sample_rate_hz:g} S/s, but reports {actual.sample_rate_hz:g} S/s"
    )
    assert len(actual.ranges_v) == count, f"{name}: {len(actual.ranges_v)} ranges for {count} channels"
    for channel, got, wanted in zip(asked.channels, actual.ranges_v, asked.ranges_v, strict=True):
        assert got >= 0.999 * wanted, f"{name}: channel {channel} has a range of ±{got:g} V, requested ±{wanted:g} V"
    skew = np.array(actual.skew_s)
    assert len(skew) == count, f"{name}: {len(skew)} skews for {count} channels"
    assert (skew >= 0).all(), f"{name}: a channel is sampled before its scan: skew {skew.min():g} s"
    assert (skew < 1 / actual.sample_rate_hz).all(), f"{name}: a scan lasts longer than its period: {skew.max():g} s"


def refuses_what_it_cannot_sample(subject: Subject) -> None:
    """Unknown channels and sample rates beyond the maximum are rejected."""
    able, plan = subject.device.capabilities, subject.plan
    assert isinstance(able, DigitizerCapabilities)
    unknown = replace(plan, channels=("no such channel", *plan.channels[1:]))
    too_fast = replace(plan, sample_rate_hz=1.5 * able.max_sample_rate_hz)
    with subject.opened() as digitizer:
        refused(f"{subject.name}: a channel that does not exist", lambda: digitizer.configure(unknown))
        refused(f"{subject.name}: {too_fast.sample_rate_hz:g} S/s", lambda: digitizer.configure(too_fast))
        succeeded(f"{subject.name}: a valid plan, after that", lambda: digitizer.configure(plan))


def reads_nothing_that_was_not_armed(subject: Subject) -> None:
    """Read is rejected before configure, before arm, after the last scan and after make_safe."""
    with subject.opened() as digitizer:
        refused(f"{subject.name}: read before configure", lambda: digitizer.read(0.1))
        digitizer.configure(subject.plan)
        refused(f"{subject.name}: read before arm", lambda: digitizer.read(0.1))
    with Chain(subject.station, digitizer=subject.name) as chain:
        chain.acquire({})
        refused(f"{subject.name}: read beyond the last scan", lambda: chain.digitizer.read(0.1))
        chain.begin({})
        chain.digitizer.make_safe()
        refused(f"{subject.name}: read after make_safe", lambda: chain.digitizer.read(0.1))


def keeps_its_deadline(subject: Subject) -> None:
    """Read ends by its deadline if the digitizer is never started, or the window takes longer than the deadline."""
    with subject.opened() as digitizer:
        digitizer.configure(subject.plan)
        digitizer.arm()
        refused(f"{subject.name}: read though nothing started it", lambda: digitizer.read(0.2))
    long = replace(subject.plan, window_samples=int(0.5 * subject.plan.sample_rate_hz))
    with Chain(subject.station, long, digitizer=subject.name) as chain:
        chain.begin({})
        refused(f"{subject.name}: read of half a second within 50 ms", lambda: chain.digitizer.read(0.05))
        chain.digitizer.make_safe()
        chain.digitizer.configure(subject.plan)
        chain.plan = subject.plan
        succeeded(f"{subject.name}: an acquisition after a missed deadline", lambda: chain.acquire({}))


def acquires_everything_in_order(subject: Subject) -> None:
    """Blocks are contiguous, have valid codes within the range, and add up to the requested number of scans."""
    with Chain(subject.station, digitizer=subject.name) as chain:
        chain.begin({})
        blocks = chain.blocks()
    expected = 0
    for block in blocks:
        expected = _next_scan(subject, block, expected, chain.plan.ranges_v)
    assert expected == chain.plan.total_samples, (
        f"{subject.name}: returned {expected} of {chain.plan.total_samples} scans"
    )


def arms_twenty_times(subject: Subject) -> None:
    """Each of many acquisitions starts at scan 0."""
    with Chain(subject.station, digitizer=subject.name) as chain:
        for count in range(1, ACQUISITIONS + 1):
            chain.begin({})
            blocks = succeeded(f"{subject.name}: acquisition {count}", chain.blocks)
            first = blocks[0].start_index
            assert first == 0, f"{subject.name}: acquisition {count} begins at scan {first}, not 0"


def ctrl_c_while_it_waits(subject: Subject) -> None:
    """After Ctrl-C in a read that waits for its trigger, make_safe works and the digitizer acquires again."""
    require_ctrl_c()
    with Chain(subject.station, digitizer=subject.name, in_main_thread=True) as chain:
        chain.digitizer.arm()
        direct = chain.digitizer.direct

        def wait() -> None:
            direct.start()
            direct.read(1.0)

        if not interrupted(f"{subject.name}: read", wait, min(0.1, 0.3 * chain.plan.duration_s)):
            try:
                chain.digitizer.make_safe()
            except LabrigError as error:
                raise AssertionError(f"{subject.name}: make_safe after a failed read: {error}") from error
            raise NotApplicable("its read did not wait long enough to be interrupted")
        succeeded(f"{subject.name}: make_safe after an interrupted read", chain.digitizer.make_safe)
        succeeded(f"{subject.name}: an acquisition after an interrupted read", lambda: chain.acquire({}))
    gc.collect()


def _next_scan(subject: Subject, block: Block, expected: int, ranges_v: tuple[float, ...]) -> int:
    """Check one block; return the index of the scan after it."""
    name, (count, channels) = subject.name, block.codes.shape
    assert block.lost == 0, f"{name}: lost {block.lost} scans before scan {block.start_index}"
    assert block.start_index == expected, (
        f"{name}: a block begins at scan {block.start_index}, but the previous one ended at {expected}"
    )
    assert channels == len(ranges_v), f"{name}: {channels} columns for {len(ranges_v)} channels"
    assert block.scale.shape == (channels, 4), f"{name}: scale has shape {block.scale.shape}, not ({channels}, 4)"
    assert block.overrange.shape == (channels,), f"{name}: overrange has shape {block.overrange.shape}"
    kind = block.codes.dtype
    assert kind in (np.int16, np.int32, np.float64), f"{name}: codes are {kind}, not int16, int32 or float64"
    volts = block.volts()
    assert np.isfinite(volts).all(), f"{name}: some samples are not finite"
    peaks = np.abs(volts).max(axis=0)
    for channel, peak, range_v in zip(subject.channels, peaks, ranges_v, strict=True):
        assert peak <= BEYOND_RANGE * range_v, (
            f"{name}: channel {channel} reads {peak:g} V in a range of ±{range_v:g} V"
        )
    return expected + count


CHECKS: tuple[Check, ...] = (
    *EVERY_INSTRUMENT,
    says_what_it_will_do,
    refuses_what_it_cannot_sample,
    reads_nothing_that_was_not_armed,
    keeps_its_deadline,
    acquires_everything_in_order,
    arms_twenty_times,
    ctrl_c_while_it_waits,
)
