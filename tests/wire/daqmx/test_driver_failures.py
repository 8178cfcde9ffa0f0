"""What ni.ai and ni.ao say if a device is absent, a trigger never comes, or the server hangs or dies."""

from __future__ import annotations

import time

import pytest
from busy import stretched
from labrig_drivers.ni import (
    NiAnalogInput,
    NiAnalogOutput,
)
from wire.daqmx.boards import (
    PROGRAMS,
    Wire,
    acquire,
    analog_input,
    plan,
    refused,
)

from labrig.errors import ConnectionFailed, DeadlineExceeded
from labrig.simulation.faults.late_replies import LateReplies
from labrig.simulation.faults.silent import Silent


def test_a_device_that_is_not_there_is_named(served_chain: Wire) -> None:
    with pytest.raises(ConnectionFailed, match=r"there is no device 'Dev7'.*present: PXI1Slot3, PXI1Slot4"):
        analog_input(served_chain.port, resource="Dev7").open()
    with pytest.raises(ConnectionFailed, match=r"the NI gRPC device server at 127.0.0.1:1 is not running or refused"):
        analog_input(1).open()


def test_a_trigger_that_never_comes_is_a_deadline(served_chain: Wire) -> None:
    waiting = analog_input(served_chain.port, start_trigger="PFI3")
    waiting.open()
    waiting.configure(plan(5))
    waiting.arm()
    with pytest.raises(DeadlineExceeded, match=r"while: read.*remedy: check the start trigger"):
        waiting.read(0.1)
    with served_chain.bench.lock:
        served_chain.bench.lines.fire("daq/PFI3", served_chain.bench.clock())
    waiting.arm()
    with served_chain.bench.lock:
        served_chain.bench.lines.fire("daq/PFI3", served_chain.bench.clock())
    assert waiting.read(1.0).start_index == 0
    waiting.close()
    assert served_chain.server.tasks == ()


@pytest.mark.usefixtures("impatient")
def test_a_server_that_hangs_is_a_deadline(ai: NiAnalogInput, ao: NiAnalogOutput, served_chain: Wire) -> None:
    ai.configure(plan(5))
    ao.load(PROGRAMS)
    ai.arm()
    ao.arm()
    ao.start()
    ai.start()
    for name in ("awg", "daq"):
        served_chain.bench.faults.begin(Silent(), name)
    began = time.monotonic()
    for action in (lambda: ai.read(0.2), ao.idle, ao.make_safe):
        with pytest.raises(DeadlineExceeded, match="does not answer"):
            action()
    ai.make_safe()
    assert time.monotonic() - began < stretched(4)


@pytest.mark.usefixtures("impatient")
def test_a_server_that_died_is_a_lost_connection(ai: NiAnalogInput, ao: NiAnalogOutput, served_chain: Wire) -> None:
    ai.configure(plan(5))
    ao.load(PROGRAMS)
    served_chain.server.stop()
    with pytest.raises(ConnectionFailed, match=r"daq: the NI gRPC device server at .*while: start"):
        ai.start()
    with pytest.raises(ConnectionFailed, match=r"awg: .*while: make safe"):
        ao.make_safe()
    ai.make_safe()


def test_faults_come_out_in_words(ai: NiAnalogInput, ao: NiAnalogOutput, served_chain: Wire) -> None:
    actual = ai.configure(plan(5))
    ao.load(PROGRAMS)
    with (
        refused(served_chain.server, "StartTask", 2, code=-50103),
        pytest.raises(
            ConnectionFailed, match=r"resource is reserved.*DAQmx -50103.*close the other program.*reset the device"
        ),
    ):
        acquire(ai, ao, actual.total_samples)
    assert acquire(ai, ao, actual.total_samples)[-1].start_index > 0
    served_chain.bench.faults.begin(LateReplies(LateReplies.Options(by="100 ms")), "daq", count=1)
    began = time.monotonic()
    acquire(ai, ao, actual.total_samples)
    assert time.monotonic() - began > 0.1
