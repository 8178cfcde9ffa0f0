from __future__ import annotations

import pytest

from labrig.clock import SimulatedClock
from labrig.instruments.drivers import installed_drivers
from labrig.simulation.faults import (
    FAULTS,
    ConnectionFault,
    DelayFault,
    FaultSchedule,
    PowerFault,
    RequestFault,
    SampleFault,
    ScheduledFault,
    SilenceFault,
)
from labrig.simulation.faults.disconnect import Disconnect
from labrig.simulation.faults.late_replies import LateReplies
from labrig.simulation.faults.nak import Nak
from labrig.simulation.faults.over_range import OverRange
from labrig.simulation.faults.reset import Reset
from labrig.simulation.faults.silent import Silent


def schedule(*faults: ScheduledFault) -> tuple[FaultSchedule, SimulatedClock]:
    clock = SimulatedClock()
    clock.sleep(100.0)  # the bench starts at whatever time its clock has
    return FaultSchedule(faults, clock.now), clock


def silent(**when) -> ScheduledFault:
    return ScheduledFault(Silent(), "awg", **when)


def test_without_faults_nothing_is_on():
    faults, _ = schedule()
    faults.begin_acquisition(100.0)
    assert faults.empty
    assert not faults.active("awg", SilenceFault)


def test_by_time_for_a_duration():
    faults, clock = schedule(silent(time_s=2.0, for_s=0.5))
    seen = []
    for _ in range(40):
        seen.append(bool(faults.active("awg", SilenceFault)))
        clock.sleep(0.125)
    assert seen == [2.0 <= 0.125 * k < 2.5 for k in range(40)]


def test_by_acquisition_to_the_end():
    faults, clock = schedule(silent(acquisition=2))
    faults.begin_acquisition(clock.now())
    assert not faults.active("awg", SilenceFault)
    clock.sleep(1.0)
    faults.begin_acquisition(clock.now())
    clock.sleep(1e6)
    assert bool(faults.active("awg", SilenceFault))
    assert not faults.active("daq", SilenceFault)
    assert not faults.active("awg", ConnectionFault)


def test_a_count_of_messages_is_used_up_by_messages_only():
    faults, _ = schedule(ScheduledFault(Nak(), "pots", time_s=0.0, count=3))
    assert all(faults.active("pots", RequestFault) for _ in range(10))
    assert [bool(faults.on_message("pots", RequestFault)) for _ in range(5)] == [True] * 3 + [False] * 2


@pytest.mark.parametrize("when", [{"acquisition": 2}, {"time_s": 1.5}])
def test_a_count_of_acquisitions_ends_with_the_next_one(when):
    over = ScheduledFault(OverRange(), "daq", "ai0", count=2, **when)
    faults, clock = schedule(over)
    clipped = []
    for _ in range(6):
        clock.sleep(1.0)
        t = clock.now()
        faults.begin_acquisition(t)
        clipped.append(bool(faults.during("daq", SampleFault, t, t + 0.25)))
    assert clipped == [False, True, True, False, False, False]


def test_an_action_is_called_once_with_the_time_it_was_due():
    faults, clock = schedule(ScheduledFault(Reset(), "pots", time_s=0.25))
    called: list[float] = []
    faults.when_begun("pots", PowerFault, called.append)
    faults.when_begun("other", PowerFault, called.append)
    faults.poll()
    assert called == []
    faults.poll(clock.now() + 1.0)  # what will have come by then
    clock.sleep(2.0)
    faults.poll()
    assert called == [100.25]


VIRTUAL = [(driver.kind, driver.virtual) for driver in installed_drivers().values() if driver.virtual]


@pytest.mark.parametrize("name", FAULTS.own)
def test_some_counterpart_can_have_each_fault(name):
    kind = FAULTS.find(name)
    assert not (kind.momentary and kind.counts)
    # What a part does behind its programmer's back no counterpart has: only the simulated bench has the part itself.
    assert kind.place == "edge" or any(kind.place in virtual.faults for of, virtual in VIRTUAL if of in kind.kinds)


@pytest.mark.parametrize("counterpart", ["daqmx", "siglent", "digipot", "arc_one"])
def test_some_fault_acts_on_every_place_of_a_counterpart(counterpart):
    places = {place for _, virtual in VIRTUAL if virtual.name == counterpart for place in virtual.faults}
    assert places
    assert places <= {FAULTS.find(name).place for name in FAULTS.own}


def test_a_fault_that_a_test_begins_and_ends():
    faults, clock = schedule()
    called = []
    faults.when_begun("awg", ConnectionFault, called.append)
    faults.begin(Disconnect(), "awg")
    assert called == [100.0]
    assert faults.active("awg", ConnectionFault) == [Disconnect()]
    assert faults.active("daq", ConnectionFault) == []
    clock.sleep(1.0)
    faults.end("awg")
    assert faults.active("awg", ConnectionFault) == []


def late(by: str, count: int) -> ScheduledFault:
    return ScheduledFault(LateReplies(LateReplies.Options(by=by)), "daq", time_s=0.0, count=count)


def test_several_faults_act_at_once():
    faults, _ = schedule(late("1 ms", count=1), late("2 ms", count=2))
    delays = [[each.delay_s for each in faults.on_message("daq", DelayFault)] for _ in range(3)]
    assert delays == [[1e-3, 2e-3], [2e-3], []]
