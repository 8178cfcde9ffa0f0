"""Reads without a sample clock, as everybody's first lines with NI's package."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from nidaqmx.constants import SampleTimingType
from nidaqmx.errors import DaqError
from wire.daqmx.boards import AI, AO, NOISY, Client, Wire, client, wire
from wire.in_process import InProcessWire, run

from labrig.virtual_instruments.daqmx import DaqmxServer, VirtualDevice
from labrig.virtual_instruments.virtual_bench import VirtualBench

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def served() -> Iterator[Wire]:
    with wire(wrong=NOISY) as served:
        yield served


def write(ni: Client, volts: float) -> None:
    with ni.task() as out:
        out.ao_channels.add_ao_voltage_chan(f"{AO}/ao0")
        out.write(volts)


def test_a_read_takes_what_is_there_now(ni: Client) -> None:
    with ni.task() as task:
        task.ai_channels.add_ai_voltage_chan(f"{AI}/ai0", min_val=-2, max_val=2)
        assert task.timing.samp_timing_type is SampleTimingType.ON_DEMAND
        write(ni, 1.0)
        time.sleep(0.01)
        high = task.read()
        write(ni, 0.0)
        time.sleep(0.01)
        assert high > 0.5
        assert abs(task.read()) < 0.02
        assert task.read(number_of_samples_per_channel=1) != task.read(number_of_samples_per_channel=1)  # its noise
        assert len(task.read(-1)) == 1


def test_several_samples_come_one_after_another(ni: Client) -> None:
    with ni.task() as task:
        task.ai_channels.add_ai_voltage_chan(f"{AI}/ai0:3", min_val=-2, max_val=2)
        began = time.monotonic()
        volts = np.array(task.read(500))
        assert volts.shape == (4, 500)
        assert time.monotonic() - began > 0.04
        assert (volts.std(axis=1) > 1e-4).all()


def test_a_change_in_the_middle_is_seen_in_the_middle(ni: Client) -> None:
    with ni.task() as task, ni.task() as out:
        task.ai_channels.add_ai_voltage_chan(f"{AI}/ai0", min_val=-2, max_val=2)
        out.ao_channels.add_ao_voltage_chan(f"{AO}/ao0")
        out.write(0.0)
        later = threading.Timer(0.15, out.write, (1.0,))
        later.start()
        volts = np.array(task.read(3000))
        later.join()
        step = int(np.argmax(volts > 0.25))
        assert 1000 < step < 2900
        assert abs(volts[: step - 1]).max() < 0.02
        assert volts[step + 1 :].min() > 0.5


def test_the_board_is_free_between_reads_unless_the_task_was_started(ni: Client) -> None:
    with ni.task() as one, ni.task() as two:
        for task in (one, two):
            task.ai_channels.add_ai_voltage_chan(f"{AI}/ai0")
        one.read()
        two.read()
        one.start()
        one.read(2)
        with pytest.raises(DaqError) as caught:
            two.read()
        assert caught.value.error_code == -50103
        one.stop()
        two.read()


@pytest.mark.parametrize("channel", [f"{AI}/ai0", f"{AO}/ao0"])
def test_a_task_without_a_clock_is_done_at_all_times(ni: Client, channel: str) -> None:
    """As NI's component test of an on-demand task shows; so `done` does not tell whether the task runs."""
    with ni.task() as task:
        add = task.ai_channels.add_ai_voltage_chan if "/ai" in channel else task.ao_channels.add_ao_voltage_chan
        add(channel)
        assert task.is_task_done()
        task.start()
        task.wait_until_done(0.5)
        assert task.is_task_done()


def test_a_board_may_also_call_it_running() -> None:
    with wire(on_demand_done=False) as served, client(served.port) as ni, ni.task() as task:
        task.ao_channels.add_ao_voltage_chan(f"{AO}/ao0")
        assert task.is_task_done()
        task.start()
        assert not task.is_task_done()
        task.stop()
        assert task.is_task_done()


class RunningOnDemand(InProcessWire):
    """Its NI cards say that a running task without a sample clock is not done."""

    def _daqmx_server(self, bench: VirtualBench, boards: Sequence[VirtualDevice]) -> DaqmxServer:
        return super()._daqmx_server(bench, [replace(board, on_demand_done=False) for board in boards])


@pytest.mark.parametrize("bench", [InProcessWire, RunningOnDemand])
def test_iris_runs_whatever_a_card_calls_done(bench: type[InProcessWire], tmp_path: Path) -> None:
    outcome = run(tmp_path / "run", bench=bench)
    assert outcome.code == 0
    assert outcome.kinds == []
    assert outcome.repeated == 0
    (server,) = outcome.bench.daqmx_servers
    assert server.calls["WriteAnalogF64"] > 20  # levels, written again to confirm them


def test_a_started_output_takes_levels_until_a_reset_aborts_it(ni: Client) -> None:
    with ni.task() as task:
        task.ao_channels.add_ao_voltage_chan(f"{AO}/ao0")
        task.start()
        assert task.write(1.0, auto_start=False) == 1
        ni.system.devices[AO].reset_device()
        with pytest.raises(DaqError) as caught:
            task.write(1.0, auto_start=False)
        assert caught.value.error_code == -200846
