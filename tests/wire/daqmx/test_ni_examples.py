"""NI's gRPC device examples against the virtual server.

Source of every fact: examples/nidaqmx of the public repository ni/grpc-device (MIT), version named in ../README.md. The
tests make the examples' calls, in their order, with their arguments: choices by name, where the `nidaqmx` package sends
numbers. The environment variable LABRIG_NI_GRPC_DEVICE names a checkout of that repository, whose examples are then run
unchanged against `labrig virtual serve`. Without it there is no such test.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from nidaqmx._stubs import nidaqmx_pb2 as ni
from nidaqmx._stubs.nidaqmx_pb2_grpc import NiDAQmxStub
from serving import grpc_address, served
from wire.daqmx.boards import AI, AO, wire


@pytest.fixture
def client() -> Iterator[Any]:
    """A bare stub, as `protoc` makes one: no `nidaqmx` package in between."""
    with wire() as world, grpc.insecure_channel(f"127.0.0.1:{world.port}") as channel:
        yield NiDAQmxStub(channel)
        assert world.server.tasks == ()


def input_task(client: Any, channels: str, rate: float, samples: int, name: str = "") -> Any:
    task = client.CreateTask(ni.CreateTaskRequest(session_name=name)).task
    client.CreateAIVoltageChan(
        ni.CreateAIVoltageChanRequest(
            task=task,
            physical_channel=channels,
            terminal_config=ni.INPUT_TERM_CFG_WITH_DEFAULT_CFG_DEFAULT,
            min_val=-10.0,
            max_val=10.0,
            units=ni.VOLTAGE_UNITS2_VOLTS,
        )
    )
    client.CfgSampClkTiming(
        ni.CfgSampClkTimingRequest(
            task=task,
            rate=rate,
            active_edge=ni.EDGE1_RISING,
            sample_mode=ni.ACQUISITION_TYPE_FINITE_SAMPS,
            samps_per_chan=samples,
        )
    )
    return task


def channels_of(client: Any, task: Any) -> int:
    request = ni.GetTaskAttributeUInt32Request(task=task, attribute=ni.TASK_ATTRIBUTE_NUM_CHANS)
    return client.GetTaskAttributeUInt32(request).value


def read(client: Any, task: Any, samples: int, fill_mode: int = ni.GROUP_BY_GROUP_BY_CHANNEL) -> Any:
    return client.ReadAnalogF64(
        ni.ReadAnalogF64Request(
            task=task,
            num_samps_per_chan=samples,
            array_size_in_samps=channels_of(client, task) * samples,
            fill_mode=fill_mode,
            timeout=10.0,
        )
    )


def put_out_one_volt(client: Any) -> None:
    """The calls of analog-output.py."""
    task = client.CreateTask(ni.CreateTaskRequest(session_name="my task")).task
    client.CreateAOVoltageChan(
        ni.CreateAOVoltageChanRequest(
            task=task, physical_channel=f"{AO}/ao0", min_val=-10.0, max_val=10.0, units=ni.VOLTAGE_UNITS2_VOLTS
        )
    )
    assert client.StartTask(ni.StartTaskRequest(task=task)).status == 0
    reply = client.WriteAnalogF64(
        ni.WriteAnalogF64Request(
            task=task,
            num_samps_per_chan=1,
            data_layout=ni.GROUP_BY_GROUP_BY_CHANNEL,
            write_array=[1.0],
            timeout=10.0,
        )
    )
    assert (reply.status, reply.samps_per_chan_written) == (0, 1)
    assert client.StopTask(ni.StopTaskRequest(task=task)).status == 0
    client.ClearTask(ni.ClearTaskRequest(task=task))


@pytest.mark.parametrize("layout", ["GROUP_BY_GROUP_BY_CHANNEL", "GROUP_BY_GROUP_BY_SCAN_NUMBER"])
def test_analog_output_then_analog_input(client: Any, layout: str) -> None:
    """What analog-output.py leaves on the board is what analog-input.py reads."""
    put_out_one_volt(client)
    task = input_task(client, f"{AI}/ai0:1", 10_000.0, 1000, "my task")
    assert client.StartTask(ni.StartTaskRequest(task=task)).status == 0
    assert channels_of(client, task) == 2
    reply = read(client, task, 1000, getattr(ni, layout))
    assert (reply.status, reply.samps_per_chan_read, len(reply.read_array)) == (0, 1000, 2000)
    assert client.StopTask(ni.StopTaskRequest(task=task)).status == 0
    client.ClearTask(ni.ClearTaskRequest(task=task))
    volts = np.array(reply.read_array)
    first, second = volts.reshape(2, 1000) if layout.endswith("CHANNEL") else volts.reshape(1000, 2).T
    assert first.mean() > 0.9  # driven with 1 V through 1 kΩ
    assert second.mean() < 0.2  # its neighbour, held at 0 V through 1 kΩ
    assert np.ptp(first) < 0.01
    assert np.ptp(second) < 0.01


def test_a_finite_acquisition_asked_for_by_name_ends(client: Any) -> None:
    task = input_task(client, f"{AI}/ai0", 10_000.0, 100)
    client.StartTask(ni.StartTaskRequest(task=task))
    read(client, task, 100)
    with pytest.raises(grpc.RpcError) as caught:  # a continuous one would go on
        read(client, task, 1)
    assert dict(caught.value.trailing_metadata())["ni-error"] == "-200278"
    client.ClearTask(ni.ClearTaskRequest(task=task))


def test_every_n_samples(client: Any) -> None:
    """The calls of analog-input-every-n-samples.py, a hundred times as fast: it acquires for ten seconds."""
    task = input_task(client, f"{AI}/ai0", 10_000.0, 1000)
    blocks = client.RegisterEveryNSamplesEvent(
        ni.RegisterEveryNSamplesEventRequest(
            task=task, n_samples=100, every_n_samples_event_type=ni.EVERY_N_SAMPLES_EVENT_TYPE_ACQUIRED_INTO_BUFFER
        )
    )
    blocks.initial_metadata()
    done = client.RegisterDoneEvent(ni.RegisterDoneEventRequest(task=task))
    done.initial_metadata()
    began = time.monotonic()
    client.StartTask(ni.StartTaskRequest(task=task))

    def first_of_done() -> float:
        message = next(done)
        done.cancel()
        assert message.status == 0
        return time.monotonic() - began

    with ThreadPoolExecutor() as executor:
        ended = executor.submit(first_of_done)
        got = 0
        for message in blocks:
            assert message.n_samples == 100
            assert message.every_n_samples_event_type == ni.EVERY_N_SAMPLES_EVENT_TYPE_ACQUIRED_INTO_BUFFER
            got += read(client, task, 100).samps_per_chan_read
            assert time.monotonic() - began >= (got - 1) / 10_000
            if got == 1000:
                break
        blocks.cancel()
        assert ended.result(timeout=10) >= 0.0999
    client.StopTask(ni.StopTaskRequest(task=task))
    client.ClearTask(ni.ClearTaskRequest(task=task))


def test_errors_are_where_the_examples_look(client: Any) -> None:
    """Details of the status, and `ni-error` in the trailing metadata."""
    task = client.CreateTask(ni.CreateTaskRequest(session_name="my task")).task
    with pytest.raises(grpc.RpcError) as caught:
        client.CreateAIVoltageChan(
            ni.CreateAIVoltageChanRequest(
                task=task,
                physical_channel="Dev1/ai0",
                terminal_config=ni.INPUT_TERM_CFG_WITH_DEFAULT_CFG_DEFAULT,
                min_val=-10.0,
                max_val=10.0,
                units=ni.VOLTAGE_UNITS2_VOLTS,
            )
        )
    assert "Device identifier is invalid" in (caught.value.details() or "")
    assert dict(caught.value.trailing_metadata())["ni-error"] == "-200220"
    client.ClearTask(ni.ClearTaskRequest(task=task))


def test_a_choice_that_is_left_out_is_refused_as_by_nis_server(client: Any) -> None:
    """generated/nidaqmx/nidaqmx_service.cpp of the same repository: INVALID_ARGUMENT, by name."""
    task = client.CreateTask(ni.CreateTaskRequest()).task
    with pytest.raises(grpc.RpcError) as caught:
        client.CfgSampClkTiming(
            ni.CfgSampClkTimingRequest(task=task, rate=1000.0, active_edge=ni.EDGE1_RISING, samps_per_chan=10)
        )
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == "The value for sample_mode was not specified or out of range"
    client.ClearTask(ni.ClearTaskRequest(task=task))


_CHECKOUT = os.environ.get("LABRIG_NI_GRPC_DEVICE")


if _CHECKOUT:
    CHECKOUT = Path(_CHECKOUT)
    SHIM = "import sys\nfrom nidaqmx._stubs import {0}\nsys.modules[__name__] = {0}\n"
    """The examples import stubs that `protoc` makes from the repository's definitions; NI ships the same in nidaqmx."""

    @pytest.mark.parametrize(
        ("example", "channels", "expected"),
        [
            ("analog-output.py", f"{AO}/ao0", f"Output was successfully written to {AO}/ao0."),
            ("analog-input.py", f"{AI}/ai0", "Acquired 1000 samples (1000 samples per channel)"),
            ("analog-input.py", f"{AI}/ai0:3", "Acquired 4000 samples (1000 samples per channel)"),
            ("analog-input-every-n-samples.py", f"{AI}/ai0", "Acquired 100 samples (100 samples per channel)"),
        ],
    )
    def test_examples_run_unchanged(tmp_path: Path, example: str, channels: str, expected: str) -> None:
        for stubs in ("nidaqmx_pb2", "nidaqmx_pb2_grpc"):
            (tmp_path / f"{stubs}.py").write_text(SHIM.format(stubs))
        with served("iris_wire.yaml") as resources:
            host, port, _ = grpc_address(resources["daq"])
            done = subprocess.run(
                [sys.executable, str(CHECKOUT / "examples" / "nidaqmx" / example), host, port, channels],
                env={**os.environ, "PYTHONPATH": str(tmp_path)},
                capture_output=True,
                text=True,
                timeout=60,
            )
        lines = [line for line in done.stdout.splitlines() if not line.startswith("Read Data")]
        assert (done.returncode, done.stderr) == (0, "")
        assert set(lines) == {expected}
