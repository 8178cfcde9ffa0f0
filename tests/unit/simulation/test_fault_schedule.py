from __future__ import annotations

import pytest

from labrig.clock import SimulatedClock
from labrig.instruments.drivers import installed_drivers
from labrig.simulation.fault_schedule import FaultSchedule
from labrig.simulation.faults import FAULT_KINDS, PARAMETERS, Fault


def schedule(*faults: Fault) -> tuple[FaultSchedule, SimulatedClock]:
    clock = SimulatedClock()
    clock.sleep(100.0)  # the bench starts at whatever time its clock has
    return FaultSchedule(faults, clock.now), clock


def silent(**when) -> Fault:
    return Fault(FAULT_KINDS["silent"], "awg", **when)


def test_without_faults_nothing_is_on():
    faults, _ = schedule()
    faults.begin_acquisition(100.0)
    assert faults.empty
    assert faults.on("awg", "silent") is None


def test_by_time_for_a_duration():
    faults, clock = schedule(silent(time_s=2.0, for_s=0.5))
    seen = []
    for _ in range(40):
        seen.append(faults.on("awg", "silent") is not None)
        clock.sleep(0.125)
    assert seen == [2.0 <= 0.125 * k < 2.5 for k in range(40)]


def test_by_acquisition_to_the_end():
    faults, clock = schedule(silent(acquisition=2))
    faults.begin_acquisition(clock.now())
    assert faults.on("awg", "silent") is None
    clock.sleep(1.0)
    faults.begin_acquisition(clock.now())
    clock.sleep(1e6)
    assert faults.on("awg", "silent") is not None
    assert faults.on("daq", "silent") is None
    assert faults.on("awg", "disconnect") is None


def test_a_count_of_messages_is_used_up_by_messages_only():
    faults, _ = schedule(Fault(FAULT_KINDS["nak"], "pots", time_s=0.0, count=3))
    assert all(faults.on("pots", "nak") for _ in range(10))
    assert [faults.suffer("pots", "nak") is not None for _ in range(5)] == [True] * 3 + [False] * 2


@pytest.mark.parametrize("when", [{"acquisition": 2}, {"time_s": 1.5}])
def test_a_count_of_acquisitions_ends_with_the_next_one(when):
    over = Fault(FAULT_KINDS["over_range"], "daq", "ai0", count=2, **when)
    faults, clock = schedule(over)
    clipped = []
    for _ in range(6):
        clock.sleep(1.0)
        t = clock.now()
        faults.begin_acquisition(t)
        clipped.append(bool(faults.during("daq", "over_range", t, t + 0.25)))
    assert clipped == [False, True, True, False, False, False]


def test_an_action_is_called_once_with_the_time_it_was_due():
    faults, clock = schedule(Fault(FAULT_KINDS["reset"], "pots", time_s=0.25))
    called: list[float] = []
    faults.when("pots", "reset", called.append)
    faults.when("other", "reset", called.append)
    faults.poll()
    assert called == []
    faults.poll(clock.now() + 1.0)  # what will have come by then
    clock.sleep(2.0)
    faults.poll()
    assert called == [100.25]


@pytest.mark.parametrize("kind", FAULT_KINDS.values(), ids=lambda kind: kind.what)
def test_the_vocabulary_is_consistent(kind):
    assert FAULT_KINDS[kind.what] is kind
    assert set(kind.simulated) <= set(kind.kinds)
    on_the_wire = (driver for driver in installed_drivers().values() if driver.virtual)
    assert kind.simulated or any(kind.what in driver.virtual.faults for driver in on_the_wire)
    assert set(kind.parameters) <= set(PARAMETERS)
    assert not (kind.momentary and kind.counts)


def test_virtual_counterparts_speak_the_vocabulary():
    counterparts = {driver.virtual for driver in installed_drivers().values() if driver.virtual}
    assert {counterpart.name for counterpart in counterparts} == {"daqmx", "siglent", "digipot"}
    for counterpart in counterparts:
        assert set(counterpart.faults) <= set(FAULT_KINDS), counterpart.name
