"""What a step on the wire pays for a slow instrument and for a lost frame: as much as the fault asks, no more."""

from __future__ import annotations

import statistics
import sys
from itertools import pairwise
from typing import Any
from unittest.mock import patch

from common import ROOT, Figure, between

sys.path.append(str(ROOT / "tests" / "benchmarks"))

from labrig_drivers.digipot_bank.link import REPLY_WAIT_S
from labrig_drivers.visa import VisaSession
from step_overhead import CHAIN, WARM_UP, measured

from labrig.experiment import Experiment
from labrig.runs.journal import Step

LATE = "simulation.faults=[{what: late_replies, where: err1, time: 0 s, by: 10 ms}]"
LOST = "simulation.faults=[{what: dropped_bytes, where: pots, acquisition: 40, for: 1}]"
WINDOW_MS = 20


def measure(short: bool) -> list[Figure]:
    steps = 40 if short else 100
    usual, _ = measured(CHAIN, WINDOW_MS, steps, [])
    late, round_trips = _late(steps)
    slower = statistics.median(  # step by step: an example that is known well needs fewer settings
        (after - before) / asked for before, after, asked in zip(usual, late, round_trips, strict=True)
    )
    lost, _ = measured(CHAIN, WINDOW_MS, steps, [LOST])
    pauses = sorted(over - statistics.median(lost) for over in lost)
    # The wait counts from the last byte sent, and ends with the next tick of a sleeping program.
    # The short form runs on machines that do other things, too: a step may stand still for longer than a frame is lost.
    least, most = 1e3 * REPLY_WAIT_S, 1e3 * REPLY_WAIT_S + (800 if short else 40)
    late_low, late_high = (5, 20) if short else (9, 12)
    usually = statistics.median(round_trips)
    late_claim = f"err1 answers 10 ms later: a step is longer, per round trip of {usually:g} (ms)"
    lost_claim = "one frame to the bank is lost: the longest step over the median (ms)"
    figures = [between(late_claim, slower, late_low, late_high), between(lost_claim, pauses[-1], least, most)]
    if not short:
        figures.append(between("the second longest (ms)", pauses[-2], 0.0, 0.5 * least))
    return figures


def _late(steps: int) -> tuple[list[float], list[int]]:
    """Overhead (ms) and err1's queries of each step."""
    asked = 0
    so_far = []
    query, step = VisaSession.query, Experiment.step

    def counted(session: VisaSession, command: str, action: str) -> str:
        nonlocal asked
        asked += session.device == "err1" and action in ("load", "confirm")
        return query(session, command, action)

    def stepped(experiment: Experiment, *arguments: Any) -> Step:
        so_far.append(asked)
        return step(experiment, *arguments)

    with patch.object(VisaSession, "query", counted), patch.object(Experiment, "step", stepped):
        overhead, _ = measured(CHAIN, WINDOW_MS, steps, [LATE])
    so_far.append(asked)
    return overhead, [after - before for before, after in pairwise(so_far)][WARM_UP:]
