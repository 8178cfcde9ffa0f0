"""Faults of the configuration on the wire, end to end: a named error or a step that is right, never a wrong update.

The real drivers meet each fault as bytes or calls. An undisturbed gradient differs by 1 % from the exact one here, for
codes are 61 µV apart; one with an error tone missing in part of a window, or with a wrong wiper, by tens.
"""

from __future__ import annotations

import statistics
import time

import pytest
from crash.replay import largest_error
from labrig_drivers.siglent import SdgSource
from labrig_drivers.visa import VisaSession
from wire.in_process import Outcome, run

from labrig.simulation.faults import FaultSchedule, ScheduledFault
from labrig.simulation.faults.late_replies import LateReplies
from labrig.virtual_instruments.scpi import ScpiInstrument, Server, SocketServer, Vxi11Server

# pyvisa-py leaves the socket of a link that was refused to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("impatient_drivers"),
]

STEPS = 6
LARGEST_ERROR = 0.03
FREE, NUDGED = 9, 10
"""The two acquisitions of the second step, after six of the evaluation and two of the first step."""


def with_faults(folder, *faults: str) -> Outcome:
    outcome = run(folder / "run", [f"simulation.faults=[{', '.join(faults)}]"])
    assert largest_error(outcome.assembly, outcome.record) < LARGEST_ERROR
    return outcome


def more(*values: object):
    """A case that is run with LABRIG_MORE alone."""
    return pytest.param(*values, marks=pytest.mark.more)


CUT = "ConnectionFailed or DeadlineExceeded"
"""A connection that was cut is noticed when it is used next, or, where the reply was on its way, at the deadline."""


@pytest.mark.parametrize(
    "fault",
    [
        more(f"what: dropped_bytes, where: pots, acquisition: {FREE}, for: 3"),
        more(f"what: corrupt_bytes, where: pots, acquisition: {FREE}, for: 3"),
        f"what: corrupt_bytes, where: pots, acquisition: {NUDGED}, for: 200 ms",
        more(f"what: late_bytes, where: pots, acquisition: {NUDGED}, by: 30 ms, for: 4"),
        more(f"what: late_bytes, where: pots, acquisition: {NUDGED}, by: 400 ms, for: 1"),
        more(f"what: late_replies, where: err1, acquisition: {FREE}, by: 10 ms, for: 200 ms"),
        f"what: late_replies, where: daq, acquisition: {FREE}, by: 10 ms, for: 5",
    ],
)
def test_what_the_drivers_put_right_themselves(tmp_path, fault):
    outcome = with_faults(tmp_path, f"{{{fault}}}")
    assert (outcome.code, len(outcome.record.step), outcome.repeated) == (0, STEPS, 0)
    assert outcome.bench.outputs_on() == []


@pytest.mark.parametrize(
    "fault",
    [
        more("what: reset, where: pots, acquisition: 3"),
        more(f"what: reset, where: pots, acquisition: {FREE}"),
        f"what: reset, where: pots, acquisition: {NUDGED}",
        more(f"what: disconnect, where: pots, acquisition: {NUDGED}, for: 100 ms"),
        more(f"what: dropped_bytes, where: pots, acquisition: {NUDGED}, for: 7"),
    ],
)
def test_a_bank_that_may_have_lost_its_settings_costs_a_repetition(tmp_path, fault):
    outcome = with_faults(tmp_path, f"{{{fault}}}")
    assert (outcome.code, len(outcome.record.step), outcome.repeated) == (0, STEPS, 1)
    assert outcome.bench.outputs_on() == []


def errors_of(outcome) -> list[str]:
    """What was said on stderr, without progress, which a busy machine prints too."""
    return [line for line in outcome.said.splitlines() if line.startswith("labrig: ")]


@pytest.mark.parametrize(
    ("fault", "code", "kind", "device"),
    [
        (f"what: over_range, where: daq/ai3, acquisition: {NUDGED}, for: 1", 5, "Overrange", "daq"),
        more(f"what: nak, where: pots, acquisition: {NUDGED}, for: 1", 4, "IdentityMismatch", "pots"),
        more(f"what: disconnect, where: err1, acquisition: {NUDGED}, for: 100 ms", 4, CUT, "err1"),
        (f"what: disconnect, where: daq, acquisition: {NUDGED}", 4, "ConnectionFailed", "daq"),
        more(f"what: reset, where: err1, acquisition: {FREE}", 4, CUT, "err1"),
        more(f"what: reset, where: err1, acquisition: {NUDGED}", 4, CUT, "err1"),
        (f"what: reset, where: err2, acquisition: {NUDGED}", 4, CUT, "err2"),
        more(f"what: silent, where: err2, acquisition: {NUDGED}", 4, "DeadlineExceeded", "err2"),
        more(f"what: silent, where: daq, acquisition: {NUDGED}", 4, "DeadlineExceeded", "daq"),
        more(f"what: silent, where: awg, acquisition: {NUDGED}", 4, "DeadlineExceeded", "awg"),
        more(f"what: silent, where: pots, acquisition: {NUDGED}", 4, "DeadlineExceeded", "pots"),
    ],
)
def test_what_ends_the_run_is_named_and_outputs_are_off(tmp_path, fault, code, kind, device):
    outcome = with_faults(tmp_path, f"{{{fault}}}")
    assert outcome.code == code
    assert outcome.kinds[0] in kind.split(" or ")
    assert f"labrig: {device}: " in errors_of(outcome)[0]
    assert len(outcome.record.step) == 1
    assert outcome.bench.outputs_on() == []


@pytest.mark.more
@pytest.mark.parametrize(
    ("device", "left"),
    [
        pytest.param("err1", "err1/", id="generator", marks=pytest.mark.more),
        pytest.param("awg", "awg/", id="card", marks=pytest.mark.more),
        pytest.param("pots", "in", id="bank"),
    ],
)
def test_an_instrument_whose_cable_stays_out_cannot_be_switched_off_and_the_error_says_so(tmp_path, device, left):
    outcome = with_faults(tmp_path, f"{{what: disconnect, where: {device}, acquisition: {NUDGED}}}")
    assert outcome.code == 4
    on = outcome.bench.outputs_on()
    assert on
    assert all(name.startswith(left) for name in on)
    first, last = errors_of(outcome)
    assert first.startswith(f"labrig: {device}: ")
    assert last.startswith(f"labrig: {device}: ")
    assert len(outcome.record.step) == 1


@pytest.mark.more
def test_a_generator_that_was_reset_during_the_last_evaluation_spoils_no_figure(tmp_path):
    outcome = with_faults(tmp_path, "{what: reset, where: err1, acquisition: 24}")
    assert outcome.code == 4
    assert outcome.kinds[0] in CUT.split(" or ")
    assert len(outcome.record.evaluations) == 1


def test_control_without_the_question_a_wrong_update_is_applied_and_the_replay_finds_it(tmp_path, monkeypatch):
    monkeypatch.setattr(SdgSource, "confirm", lambda self: None)
    outcome = run(tmp_path / "run", [f"simulation.faults=[{{what: reset, where: err1, acquisition: {NUDGED}}}]"])
    assert (outcome.code, len(outcome.record.step)) == (4, 2)
    assert largest_error(outcome.assembly, outcome.record) > 10 * LARGEST_ERROR


@pytest.mark.parametrize("front_end", [SocketServer, Vxi11Server])
def test_a_reply_ten_milliseconds_late_costs_ten_milliseconds(front_end: type[Server]):
    late = ScheduledFault(LateReplies(LateReplies.Options(by="10 ms")), "gen", time_s=0.0, count=20)
    faults = FaultSchedule([late], time.monotonic)
    with front_end(ScpiInstrument("maker,model,1,1"), faults=faults, name="gen") as server:
        session = VisaSession("gen", server.resource, 2.0)
        session.open()
        try:
            took_s = [_query_s(session) for _ in range(40)]
        finally:
            session.close()
    slower = statistics.median(took_s[:20]) - statistics.median(took_s[20:])
    assert 9e-3 < slower < 20e-3


def _query_s(session: VisaSession) -> float:
    began = time.perf_counter()
    session.query("*IDN?", "identify")
    return time.perf_counter() - began
