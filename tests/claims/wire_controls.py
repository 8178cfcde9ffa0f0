"""What a step on the wire pays for a slow instrument and for a lost frame: as much as the fault asks, no more."""

from __future__ import annotations

import statistics
import sys
from unittest.mock import patch

from common import ROOT, Figure, between

sys.path.append(str(ROOT / "tests" / "benchmarks"))

from labrig_drivers.digipot_link import REPLY_WAIT_S
from labrig_drivers.visa import VisaSession
from step_overhead import CHAIN, WARM_UP, measured

LATE = "simulation.faults=[{what: late_replies, where: err1, time: 0 s, by: 10 ms}]"
LOST = "simulation.faults=[{what: dropped_bytes, where: pots, acquisition: 40, for: 1}]"
WINDOW_MS = 20


def measure(short: bool) -> list[Figure]:
    steps = 40 if short else 100
    usual, _ = measured(CHAIN, WINDOW_MS, steps, [])
    late, round_trips = _late(steps)
    lost, _ = measured(CHAIN, WINDOW_MS, steps, [LOST])
    slower = (statistics.median(late) - statistics.median(usual)) / round_trips
    pauses = sorted(over - statistics.median(lost) for over in lost)
    # The wait counts from the last byte sent, and ends with the next tick of a sleeping program.
    # The short form runs on machines that do other things, too: a step may stand still for longer than a frame is lost.
    least, most = 1e3 * REPLY_WAIT_S, 1e3 * REPLY_WAIT_S + (800 if short else 40)
    late_low, late_high = (5, 20) if short else (9, 12)
    late_claim = f"err1 answers 10 ms later: a step is longer, per round trip of {round_trips:.1f} (ms)"
    lost_claim = "one frame to the bank is lost: the longest step over the median (ms)"
    figures = [between(late_claim, slower, late_low, late_high), between(lost_claim, pauses[-1], least, most)]
    if not short:
        figures.append(between("the second longest (ms)", pauses[-2], 0.0, 0.5 * least))
    return figures


def _late(steps: int) -> tuple[list[float], float]:
    """Overhead of each step (ms), and err1's queries a step."""
    asked = 0
    query = VisaSession.query

    def counted(session: VisaSession, command: str, action: str) -> str:
        nonlocal asked
        asked += session.device == "err1" and action in ("load", "confirm")
        return query(session, command, action)

    with patch.object(VisaSession, "query", counted):
        overhead, _ = measured(CHAIN, WINDOW_MS, steps, [LATE])
    return overhead, asked / (steps + WARM_UP)
