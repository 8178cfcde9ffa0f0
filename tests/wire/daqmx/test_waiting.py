"""Calls that wait hold neither the server's end nor other clients up."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc
import pytest
from busy import stretched
from nidaqmx._stubs import nidaqmx_pb2 as pb
from nidaqmx._stubs.nidaqmx_pb2_grpc import NiDAQmxStub
from nidaqmx.constants import AcquisitionType
from nidaqmx.errors import DaqError, RpcError
from session_pb2 import Session
from wire.daqmx.boards import AI, Client, Wire, wire

from labrig.virtual_instruments.daqmx.calls import MOST_WAITING

WAITS: dict[str, str] = {
    "read with a time-out": "task.read(50_000, timeout=20)",
    "read without one": "task.read(50_000, timeout=-1)",
    "no trigger": "task.triggers.start_trigger.cfg_dig_edge_start_trig('PFI3'); task.read(10, timeout=-1)",
    "wait until done": "task.start(); task.wait_until_done(20)",
}
CLIENT = """
import sys, grpc, nidaqmx
from nidaqmx.constants import AcquisitionType
options = nidaqmx.GrpcSessionOptions(grpc.insecure_channel("127.0.0.1:{port}"), "")
task = nidaqmx.Task("waiting", grpc_options=options)
task.ai_channels.add_ai_voltage_chan("{device}/ai0")
task.timing.cfg_samp_clk_timing(1e3, sample_mode=AcquisitionType.FINITE, samps_per_chan=50_000)
print("waits", flush=True)
{call}
"""


@contextmanager
def waiting_client(port: int, call: str) -> Iterator[subprocess.Popen[str]]:
    """A program of its own in the middle of a call."""
    program = CLIENT.format(port=port, device=AI, call=call)
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "waits\n"
            yield child
        finally:
            child.kill()


def becomes(condition: Callable[[], bool], within_s: float = 5.0) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.01)
    return False


def reads_for_a_trigger(ni: Client, task_name: str, count: int) -> list[grpc.Future]:
    """Reads that wait for an edge that never comes, without a time-out."""
    request = pb.ReadAnalogF64Request(
        task=Session(name=task_name), num_samps_per_chan=1, timeout=-1, fill_mode_raw=0, array_size_in_samps=1
    )
    stub = NiDAQmxStub(ni.options.grpc_channel)
    return [stub.ReadAnalogF64.future(request) for _ in range(count)]


@pytest.mark.parametrize("call", WAITS.values(), ids=WAITS)
def test_a_server_ends_while_a_call_waits(call: str) -> None:
    with wire() as served, waiting_client(served.port, call):
        assert becomes(lambda: served.server.waiting == 1)
        began = time.monotonic()
        served.server.stop()
        assert becomes(lambda: served.server.waiting == 0, 1.0)
        assert time.monotonic() - began < stretched(1.0)


@pytest.mark.parametrize("call", WAITS.values(), ids=WAITS)
def test_a_killed_client_leaves_no_call_behind(served: Wire, call: str) -> None:
    with waiting_client(served.port, call) as child:
        assert becomes(lambda: served.server.waiting == 1)
        child.send_signal(signal.SIGKILL)
        assert becomes(lambda: served.server.waiting == 0, 1.0)


def test_a_killed_clients_device_is_free_after_a_reset(served: Wire, ni: Client) -> None:
    """Its task has a name and is nobody's to clear, as on NI's server."""
    with waiting_client(served.port, WAITS["read with a time-out"]) as child:
        assert becomes(lambda: served.server.waiting == 1)
        child.kill()
        child.wait()
    with ni.task() as task:
        task.ai_channels.add_ai_voltage_chan(f"{AI}/ai0")
        task.timing.cfg_samp_clk_timing(10e3, sample_mode=AcquisitionType.FINITE, samps_per_chan=10)
        with pytest.raises(DaqError) as caught:
            task.read(10)
        assert caught.value.error_code == -50103
        ni.system.devices[AI].reset_device()
        assert len(task.read(10)) == 10


def test_many_waiting_reads_leave_room_for_others(served: Wire, ni: Client) -> None:
    with ni.task("many") as task:
        task.ai_channels.add_ai_voltage_chan(f"{AI}/ai0")
        task.timing.cfg_samp_clk_timing(10e3, sample_mode=AcquisitionType.FINITE, samps_per_chan=1000)
        task.triggers.start_trigger.cfg_dig_edge_start_trig("PFI3")
        task.start()
        reads = reads_for_a_trigger(ni, "many", MOST_WAITING + 10)
        assert becomes(lambda: sum(read.done() for read in reads) == 10)
        assert {read.code() for read in reads if read.done()} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        with pytest.raises(RpcError, match="calls are already waiting"):
            task.wait_until_done(1.0)
        began = time.monotonic()
        ni.system.devices[AI].reset_device()
        assert time.monotonic() - began < stretched(1.0)
        assert becomes(lambda: served.server.waiting == 0)
        assert all(read.code() is not grpc.StatusCode.OK for read in reads)
