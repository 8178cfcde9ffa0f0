"""NI's own package against the virtual server: what it lists, reads and refuses."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from busy import stretched
from nidaqmx.constants import AcquisitionType, ProductCategory, Signal, TaskMode
from nidaqmx.constants import TerminalConfiguration as Wiring
from nidaqmx.errors import DaqError, DaqReadError, RpcError
from nidaqmx.stream_readers import AnalogMultiChannelReader, AnalogUnscaledReader
from wire.daqmx.boards import AI, AO, NOISY, Client, Wire, chain, client, wire

from labrig.simulation.front_end import FrontEnd
from labrig.virtual_instruments.daqmx.input import AHEAD

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture(scope="module")
def served() -> Iterator[Wire]:
    with wire() as served:
        yield served


def finite(ni: Client, samples: int = 100, rate: float = 50e3, channels: str = "ai0:3"):
    task = ni.task()
    task.ai_channels.add_ai_voltage_chan(f"{AI}/{channels}", min_val=-2, max_val=2)
    task.timing.cfg_samp_clk_timing(rate, sample_mode=AcquisitionType.FINITE, samps_per_chan=samples)
    return task


def test_lists_its_devices_and_their_properties(ni: Client) -> None:
    assert list(ni.system.devices.device_names) == [AO, AI]
    device = ni.system.devices[AI]
    assert device.product_type == "PXIe-6363"
    assert device.serial_num == 0x01C0FFEE
    assert len(device.ai_physical_chans) == 32
    assert len(ni.system.devices[AO].ao_physical_chans) == 32
    assert device.ai_max_multi_chan_rate == 1e6
    assert device.ai_simultaneous_sampling_supported is False
    assert device.product_category is ProductCategory.X_SERIES_DAQ
    assert ni.system.devices[AO].product_category is ProductCategory.AO_SERIES
    assert ni.system.devices[AO].ao_voltage_rngs == [-10.0, 10.0]
    assert device.ai_voltage_rngs[:2] == [-0.1, 0.1]
    assert set(device.ai_physical_chans["ai7"].ai_term_cfgs) == {Wiring.RSE, Wiring.NRSE, Wiring.DIFF}
    assert ni.system.devices[AO].ao_physical_chans["ao0"].ao_term_cfgs == [Wiring.RSE]
    assert set(device.ai_physical_chans["ai8"].ai_term_cfgs) == {Wiring.RSE, Wiring.NRSE}


def test_a_task_reads_back_what_it_will_do(ni: Client) -> None:
    with finite(ni, rate=30e3) as task:
        assert task.timing.samp_clk_rate == pytest.approx(100e6 / 3333)
        channel = task.ai_channels[f"{AI}/ai1"]
        assert channel.ai_rng_high == 2.0
        assert channel.ai_dev_scaling_coeff == [0.0, 4 / 2**16, 0.0, 0.0]
        assert task.channel_names == [f"{AI}/ai{k}" for k in range(4)]


@pytest.mark.parametrize(
    ("channels", "rate", "convert"),
    [
        ("ai0:3", 10e3, 100e6 / 1100),  # room for 10 µs of padding beyond the converter's 1 µs
        ("ai0:13", 50e3, 100e6 / 142),  # none: spread over the scan, 700 kS/s to the next divider
        ("ai0:3", 200e3, 800e3),
    ],
)
def test_convert_rate_is_padded_where_there_is_room(ni: Client, channels: str, rate: float, convert: float) -> None:
    with finite(ni, rate=rate, channels=channels) as task:
        assert task.timing.ai_conv_rate == pytest.approx(convert, rel=1e-12)


def failing(ni: Client, code: int, action, kind: type[DaqError] = DaqError) -> DaqError:
    with pytest.raises(kind) as caught:
        action()
    assert caught.value.error_code == code
    return caught.value


def test_errors_bear_nis_codes(ni: Client) -> None:
    with ni.task() as task:
        error = failing(ni, -200170, lambda: task.ai_channels.add_ai_voltage_chan(f"{AI}/ai32"))
        assert "Physical channel specified does not exist" in str(error)
        failing(ni, -200220, lambda: task.ai_channels.add_ai_voltage_chan("Dev9/ai0"))
        failing(ni, -200077, lambda: task.ai_channels.add_ai_voltage_chan(f"{AI}/ai0", min_val=-20, max_val=20))
        failing(ni, -200478, task.start)
    failing(ni, -200220, lambda: ni.system.devices["Dev9"].product_type)
    with finite(ni, rate=600e3) as task:
        failing(ni, -200077, lambda: task.control(TaskMode.TASK_COMMIT))
    with finite(ni) as task:
        failing(ni, -200077, lambda: setattr(task.timing, "ai_conv_rate", 5e6))
        failing(ni, -89120, lambda: task.triggers.start_trigger.cfg_dig_edge_start_trig("/PXI1Slot4/nowhere"))
        failing(ni, -200983, lambda: task.in_stream.total_samp_per_chan_acquired)
        task.start()
        failing(ni, -200479, lambda: task.timing.cfg_samp_clk_timing(1e3))
        failing(ni, -200479, lambda: task.ai_channels.add_ai_voltage_chan(f"{AI}/ai5"))
    with ni.task("twice"):
        failing(ni, -200089, lambda: ni.task("twice"))


def test_a_second_task_finds_the_converter_reserved(ni: Client) -> None:
    with finite(ni) as one, finite(ni) as two:
        one.control(TaskMode.TASK_COMMIT)
        failing(ni, -50103, two.start)
        one.control(TaskMode.TASK_UNRESERVE)
        two.start()


def test_an_output_is_one_tasks_at_a_time(ni: Client) -> None:
    with ni.task() as one, ni.task() as two, ni.task() as other:
        for task, channel in ((one, "ao0:1"), (two, "ao1"), (other, "ao2")):
            task.ao_channels.add_ao_voltage_chan(f"{AO}/{channel}")
        one.start()
        failing(ni, -50103, two.start)
        failing(ni, -50103, lambda: two.write(0.5))
        other.write(0.5)
        one.stop()
        two.write(0.5)


@pytest.mark.parametrize(("channel", "fails"), [("ai7", False), ("ai8", True), ("ai16", False), ("ai0:8", True)])
def test_half_of_the_inputs_begin_a_differential_pair(ni: Client, channel: str, fails: bool) -> None:
    with ni.task() as task:

        def add() -> None:
            task.ai_channels.add_ai_voltage_chan(f"{AI}/{channel}", terminal_config=Wiring.DIFF)

        if fails:
            assert "AI_TermCfg\nYou Can Select: RSE, NRSE" in str(failing(ni, -200077, add))
        else:
            add()


def clocked_by(ni: Client, source: str):
    task = finite(ni)
    task.timing.cfg_samp_clk_timing(50e3, source=source, sample_mode=AcquisitionType.FINITE, samps_per_chan=100)
    return task


@pytest.mark.parametrize("source", ["PFI5", f"/{AI}/PFI5", f"/{AI}/PXI_Trig0"])
def test_no_sample_comes_of_a_clock_that_nobody_drives(ni: Client, served: Wire, source: str) -> None:
    before = served.world.acquisitions
    with clocked_by(ni, source) as task:
        task.start()
        failing(ni, -200284, lambda: task.read(100, timeout=0.1), DaqReadError)
        assert not task.is_task_done()
        assert task.in_stream.total_samp_per_chan_acquired == 0
    assert served.world.acquisitions == before


@pytest.mark.parametrize("source", ["OnboardClock", f"/{AI}/ai/SampleClock"])
def test_clocks_of_the_board_run(ni: Client, source: str) -> None:
    with clocked_by(ni, source) as task:
        assert len(task.read(100)[0]) == 100


def test_an_external_clock_of_the_configuration_runs() -> None:
    with wire(sample_clock="PFI7") as served, client(served.port) as ni:
        with clocked_by(ni, f"/{AI}/PFI7") as task:
            assert len(task.read(100)[0]) == 100
        with clocked_by(ni, "PFI6") as task:
            failing(ni, -200284, lambda: task.read(100, timeout=0.05), DaqReadError)
        with finite(ni) as task:
            failing(ni, -89120, lambda: task.timing.cfg_samp_clk_timing(50e3, source="nowhere"))


def test_a_trigger_that_never_comes_ends_the_read_in_time(ni: Client) -> None:
    with finite(ni) as task:
        task.triggers.start_trigger.cfg_dig_edge_start_trig("PFI3")
        task.start()
        began = time.monotonic()
        with pytest.raises(DaqReadError) as caught:
            task.read(100, timeout=0.1)
        assert caught.value.error_code == -200284
        assert caught.value.samps_per_chan_read == 0
        assert 0.09 < time.monotonic() - began < stretched(1)


def test_a_read_that_is_cut_short_tells_how_much_it_got(ni: Client) -> None:
    with finite(ni, samples=20_000, rate=10e3) as task:
        task.start()
        buffer = np.zeros((4, 10_000))
        with pytest.raises(DaqReadError) as caught:
            AnalogMultiChannelReader(task.in_stream).read_many_sample(buffer, 10_000, timeout=0.1)
        assert caught.value.error_code == -200284
        assert 500 < caught.value.samps_per_chan_read < 5000


def test_more_than_a_finite_task_takes_never_comes(ni: Client) -> None:
    with finite(ni, samples=100) as task:
        task.start()
        task.read(100)
        with pytest.raises(DaqReadError) as caught:
            task.read(1)
        assert caught.value.error_code == -200278


def test_a_reader_that_is_late_loses_samples(ni: Client) -> None:
    with finite(ni) as task:
        task.timing.cfg_samp_clk_timing(50e3, sample_mode=AcquisitionType.CONTINUOUS, samps_per_chan=1000)
        task.in_stream.input_buf_size = 1000
        task.start()
        time.sleep(0.1)
        with pytest.raises(DaqReadError) as caught:
            task.read(100)
        assert caught.value.error_code == -200279


def test_what_is_not_served_is_not_implemented(ni: Client) -> None:
    with ni.task() as task, pytest.raises(RpcError, match="UNIMPLEMENTED"):
        task.ci_channels.add_ci_count_edges_chan(f"{AI}/ctr0")


def test_reads_take_as_long_as_the_samples(ni: Client) -> None:
    with finite(ni, samples=5000) as task:
        task.start()
        began = time.monotonic()
        task.read(5000)
        assert time.monotonic() - began >= 0.09
        task.stop()
        task.start()
        task.wait_until_done(1.0)
        assert task.is_task_done()


def test_scaled_unscaled_and_raw_reads_agree(ni: Client, served: Wire) -> None:
    with ni.task() as out, finite(ni, samples=300) as task:
        out.ao_channels.add_ao_voltage_chan(f"{AO}/ao0:3")
        out.write([0.5, -0.25, 1.0, 0.0])
        task.start()
        scaled = np.array(task.read(100))
        unscaled = np.zeros((4, 100), np.int16)
        AnalogUnscaledReader(task.in_stream).read_int16(unscaled, 100)
        raw = np.zeros(400, np.int16)
        task.in_stream.read_into(raw)
        assert (unscaled == raw.reshape(100, 4).T).all()
        assert np.abs(scaled - unscaled * (4 / 2**16)).max() == 0
        assert scaled[0, 0] > 0.4


def test_chunks_are_the_same_as_one_read() -> None:
    """Noise, gain, offset and tones: the same acquisition read in one piece and in three, bit for bit."""
    with wire(wrong=NOISY) as served, client(served.port) as ni, ni.task() as out, finite(ni, 3000) as task:
        out.ao_channels.add_ao_voltage_chan(f"{AO}/ao0")
        out.timing.cfg_samp_clk_timing(100e3, sample_mode=AcquisitionType.CONTINUOUS, samps_per_chan=1000)
        out.triggers.start_trigger.cfg_dig_edge_start_trig(f"/{AI}/ai/StartTrigger")
        out.write(np.cos(2 * np.pi * 7 * np.arange(1000) / 1000), auto_start=False)
        reads = []
        for pieces in ([3000], [1000, 1900, 100]):
            served.world.acquisitions = 0
            out.start()
            task.start()
            got = [np.zeros(4 * count, np.int16) for count in pieces]
            for piece in got:
                task.in_stream.read_into(piece)
            reads.append(np.concatenate(got))
            task.stop()
            out.stop()
        settled = 4 * 5  # the first scans show the level held from the run before
        assert (reads[0][settled:] == reads[1][settled:]).all()


def test_triggers_go_where_they_are_routed(ni: Client, served: Wire) -> None:
    edges: dict[str, float] = {}
    for line in ("daq/start", "daq/PFI0"):
        served.bench.lines.listen(line, lambda t, line=line: edges.__setitem__(line, t))
    with finite(ni) as task:
        task.export_signals.export_signal(Signal.START_TRIGGER, f"/{AI}/PFI0")
        assert task.export_signals.start_trig_output_term == f"/{AI}/PFI0"
        before = served.world.acquisitions
        task.start()
        task.read(100)
    assert served.world.acquisitions == before + 1
    assert edges["daq/start"] == edges["daq/PFI0"]


def test_events_are_told_while_a_task_runs(ni: Client) -> None:
    ready, done = threading.Semaphore(0), threading.Event()
    with finite(ni, samples=300, rate=10e3) as task:
        task.register_every_n_samples_acquired_into_buffer_event(100, lambda *_: ready.release() or 0)
        task.register_done_event(lambda *_: done.set() or 0)
        for _ in range(2):  # each run anew
            task.start()
            for block in range(3):
                assert ready.acquire(timeout=5)
                assert task.in_stream.total_samp_per_chan_acquired >= 100 * (block + 1)
            assert done.wait(5)
            assert not ready.acquire(timeout=0.05)
            done.clear()
            task.stop()
        task.register_done_event(None)
        task.register_every_n_samples_acquired_into_buffer_event(100, None)


def test_an_edge_from_elsewhere_starts_a_task(ni: Client, served: Wire) -> None:
    with finite(ni) as task:
        task.triggers.start_trigger.cfg_dig_edge_start_trig("/PXI1Slot4/PFI5")
        task.start()
        assert not task.is_task_done()
        with served.bench.lock:
            served.bench.lines.fire("daq/PFI5", served.bench.clock())
        assert len(task.read(100)[0]) == 100


def test_a_large_read_keeps_pace() -> None:
    with wire(chain(16)) as served, client(served.port) as ni, finite(ni, 100_000, 50e3, "ai0:15") as task:
        buffer = np.zeros((16, 100_000))
        began = time.monotonic()
        task.start()
        AnalogMultiChannelReader(task.in_stream).read_many_sample(buffer, 100_000, timeout=10)
        took = time.monotonic() - began
    print(f"\n16 × 100 000 samples: {took:.3f} s for 2 s of signal")
    assert took < 4  # 2.1 s on an idle machine; gRPC's own limit of 4 MB would have ended it at once


def test_a_long_acquisition_is_digitized_piece_by_piece(
    ni: Client, served: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans: list[tuple[int, int]] = []
    sample = FrontEnd.sample

    def watched(self: FrontEnd, world, channels, t0, rate, span, *more):
        spans.append((span[1] - span[0], len(channels)))
        return sample(self, world, channels, t0, rate, span, *more)

    monkeypatch.setattr(FrontEnd, "sample", watched)
    with finite(ni, samples=1_000_000_000, rate=100e3) as task:
        task.start()
        codes = np.zeros((4, 1000), np.int16)
        for _ in range(3):
            AnalogUnscaledReader(task.in_stream).read_int16(codes, 1000)
    assert sum(scans * channels for scans, channels in spans) <= AHEAD
    spans.clear()
    with finite(ni, samples=1_000_000_000, rate=200e3) as task:
        with pytest.raises(DaqReadError):  # what was asked for is more than is foreseen
            task.read(10_000_000, timeout=0.1)
        assert sum(scans for scans, _ in spans) < 100_000


def test_reads_go_on_where_a_piece_ends() -> None:
    with wire(wrong=NOISY) as served, client(served.port) as ni, finite(ni, 200_000, 2e6, "ai0") as task:
        with ni.task() as out:
            out.ao_channels.add_ao_voltage_chan(f"{AO}/ao0")
            out.write(1.0)
        reads = []
        for pieces in ([200_000], [100_000, 30_000, 70_000]):
            served.world.acquisitions = 0
            task.start()
            reads.append(np.concatenate([task.read(count) for count in pieces]))
            task.stop()
        assert reads[0].std() > 1e-4
        assert (reads[0] == reads[1]).all()


def test_what_no_memory_holds_is_refused(ni: Client) -> None:
    with finite(ni, samples=2**40) as task:
        failing(ni, -50352, task.start)
        failing(ni, -50352, lambda: task.control(TaskMode.TASK_COMMIT))
    with finite(ni, samples=10**9) as task:
        task.start()
        failing(ni, -50352, lambda: task.in_stream.read(10**8), DaqReadError)
        assert len(task.read(100)[0]) == 100
