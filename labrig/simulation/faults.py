"""What can be made to go wrong on purpose, by name: the vocabulary of `simulation.faults:`.

One table, so that a fault has one home. An entry says what it is, which instruments it can strike, which bench can make
it, and which keys it takes; `labrig.assembly` checks a configuration against it and `FaultSchedule` says what is on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

InstrumentKind = Literal["source", "digitizer", "programmer"]
Counted = Literal["messages", "acquisitions"]


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One word of the vocabulary.

    line: what it is, in one line. kinds: of instruments that can have it. simulated: those of them that can have it on
    `bench: simulated`; on `bench: wire` a driver's virtual counterpart says which it can have.
    parameters: keys it needs beside what, where and when. counts: what a number after `for:` counts; None: it takes a
    duration only. momentary: it happens at once and takes no `for:`. on_channel: it strikes one channel ("daq/ai3").
    """

    what: str
    line: str
    kinds: tuple[InstrumentKind, ...]
    simulated: tuple[InstrumentKind, ...] = ()
    parameters: tuple[str, ...] = ()
    counts: Counted | None = None
    momentary: bool = False
    on_channel: bool = False


_ALL: tuple[InstrumentKind, ...] = ("source", "digitizer", "programmer")

FAULT_KINDS = {
    kind.what: kind
    for kind in (
        FaultKind(
            "dropped_bytes",
            "a byte of each message on the serial line is lost, of the request or of its reply",
            ("programmer",),
            counts="messages",
        ),
        FaultKind(
            "corrupt_bytes",
            "a byte of each message on the serial line arrives changed, of the request or of its reply",
            ("programmer",),
            counts="messages",
        ),
        FaultKind(
            "late_bytes",
            "each reply on the serial line comes later `by` a time",
            ("programmer",),
            parameters=("by",),
            counts="messages",
        ),
        FaultKind(
            "nak",
            "the bank refuses each request but HELLO and SAFE with MALFORMED",
            ("programmer",),
            counts="messages",
        ),
        FaultKind(
            "late_replies",
            "each reply of the instrument comes later `by` a time",
            ("source", "digitizer"),
            parameters=("by",),
            counts="messages",
        ),
        FaultKind(
            "reset",
            "a bank reboots with its wipers at mid-scale; a generator returns to power-on, outputs off, connection cut",
            ("source", "programmer"),
            simulated=("programmer",),
            momentary=True,
        ),
        FaultKind(
            "disconnect",
            "its cable is out: connections end and none is made; the instrument itself goes on as it was",
            _ALL,
            simulated=_ALL,
        ),
        FaultKind(
            "silent",
            "it stops answering; on the wire it still does what it is told",
            _ALL,
            simulated=_ALL,
        ),
        FaultKind(
            "over_range",
            "a channel of a digitizer is driven beyond its range and clips",
            ("digitizer",),
            simulated=("digitizer",),
            counts="acquisitions",
            on_channel=True,
        ),
    )
}
"""Every fault by its name."""

PARAMETERS = ("by",)
"""Every key that some fault needs."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a configuration.

    device: the instrument it strikes; channel: of it, where the kind strikes one. It begins with the start of
    acquisition number `acquisition` (from 1, every acquisition of the bench counts), or `time_s` after the bench
    started: one of both is None. It ends after `for_s`, or after `count` of what its kind counts, or, with both None,
    not at all. by_s: how late (s).
    """

    kind: FaultKind
    device: str
    channel: str | None = None
    acquisition: int | None = None
    time_s: float | None = None
    for_s: float | None = None
    count: int | None = None
    by_s: float = 0.0
