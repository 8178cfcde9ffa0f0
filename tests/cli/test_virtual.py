"""`labrig virtual serve` as a command: how it ends, and what it says of a file that it cannot serve."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable

import grpc
import nidaqmx
import pytest
from busy import stretched
from nidaqmx.constants import AcquisitionType
from nidaqmx.errors import DaqError, RpcError
from serving import grpc_address, served, serving

from labrig.cli.main import main
from labrig.errors import ConfigError
from labrig.instruments.drivers import VirtualCounterpart, installed_drivers
from labrig.virtual_instruments.counterpart import Entry
from labrig.virtual_instruments.counterpart import served as served_instruments


def in_a_call(resource: str, call: Callable[[nidaqmx.Task], object]) -> threading.Thread:
    """A client in the middle of `call`, which the server's end ends."""
    began = threading.Event()
    host, port, device = grpc_address(resource)

    def use() -> None:
        with grpc.insecure_channel(f"{host}:{port}") as channel:
            task = nidaqmx.Task("mine", grpc_options=nidaqmx.GrpcSessionOptions(channel, ""))
            task.ai_channels.add_ai_voltage_chan(f"{device}/ai0")
            task.timing.cfg_samp_clk_timing(1e3, sample_mode=AcquisitionType.FINITE, samps_per_chan=50_000)
            task.start()
            began.set()
            with pytest.raises((RpcError, DaqError)):
                call(task)
            task._handle = None  # nobody is left to clear it at

    thread = threading.Thread(target=use, daemon=True)
    thread.start()
    assert began.wait(20)
    time.sleep(0.2)
    return thread


def reads(task: nidaqmx.Task) -> object:
    return task.read(50_000, timeout=-1)


def waits(task: nidaqmx.Task) -> object:
    return task.wait_until_done(20)


@pytest.mark.parametrize(
    ("call", "asked"),
    [
        (reads, (signal.SIGTERM,)),
        (waits, (signal.SIGINT,)),
        pytest.param(reads, (signal.SIGINT, signal.SIGINT), marks=pytest.mark.more),
        pytest.param(reads, (signal.SIGINT,), marks=pytest.mark.more),
        pytest.param(waits, (signal.SIGTERM,), marks=pytest.mark.more),
        pytest.param(waits, (signal.SIGINT, signal.SIGINT), marks=pytest.mark.more),
    ],
)
def test_it_ends_when_asked_though_a_client_is_in_a_call(
    call: Callable[[nidaqmx.Task], object], asked: tuple[signal.Signals, ...]
) -> None:
    with serving("iris_wire.yaml") as (child, resources):
        client = in_a_call(resources["daq"], call)
        began = time.monotonic()
        for number in asked:
            child.send_signal(number)
        assert child.wait(10) in ((0,) if len(asked) == 1 else (0, 130))
        # One second on an idle machine; a read would have gone on for fifty.
        assert time.monotonic() - began < stretched(3)
        client.join(5)
        assert not client.is_alive()


def test_the_external_sample_clock_of_a_file_is_there() -> None:
    with served("iris_wire.yaml", "--set", "instruments.daq.sample_clock=PFI7") as resources:
        host, port, device = grpc_address(resources["daq"])
        with (
            grpc.insecure_channel(f"{host}:{port}") as channel,
            nidaqmx.Task(grpc_options=nidaqmx.GrpcSessionOptions(channel, "")) as task,
        ):
            task.ai_channels.add_ai_voltage_chan(f"{device}/ai0")
            mode = AcquisitionType.FINITE
            task.timing.cfg_samp_clk_timing(1e4, source=f"/{device}/PFI7", sample_mode=mode, samps_per_chan=10)
            assert len(task.read(10)) == 10


def test_a_file_of_generic_instruments_is_refused_with_every_one_and_its_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["virtual", "serve", "iris.yaml"]) == 3
    said = capsys.readouterr().err
    for name in ("awg", "daq", "pots"):
        assert re.search(
            rf"iris\.yaml:\d+:\d+: instruments\.{name}\.driver: .* and virtual serve run real drivers", said
        )


def test_it_has_no_bench_to_choose(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["virtual", "serve", "iris_wire.yaml", "--bench", "simulated"]) == 2
    assert "--bench" in capsys.readouterr().err


def test_drivers_without_a_counterpart_are_named_together() -> None:
    drivers = installed_drivers()
    instruments = [
        (drivers[driver], Entry(name, "", None, {}))
        for driver, name in (("generic.source", "one"), ("ni.ai", "two"), ("generic.digitizer", "three"))
    ]
    with (
        pytest.raises(ConfigError, match=r"^one, three: there is no virtual counterpart of generic.source, generic"),
        served_instruments(None, instruments),
    ):
        pass


@pytest.mark.parametrize("path", ["no_such_package:factory", "labrig.virtual_instruments.daqmx:no_such_factory", "x"])
def test_a_counterpart_that_cannot_be_imported_is_named_with_its_path(path: str) -> None:
    with pytest.raises(ConfigError, match=f"the virtual counterpart mine cannot be imported from '{path}'.*remedy"):
        VirtualCounterpart("mine", path).load()
