"""ni.ai and ni.ao end to end: they drive a board and read it through NI's package and the virtual server."""

from __future__ import annotations

import time

import numpy as np
import pytest
from labrig_drivers.ni import (
    DRIVERS,
    NiAnalogInput,
    NiAnalogInputOptions,
    NiAnalogOutput,
    NiAnalogOutputOptions,
)
from wire.daqmx.boards import (
    AI,
    AO,
    AO_STEP_V,
    PROGRAMS,
    QUIET,
    Wire,
    acquire,
    analog_input,
    analog_output,
    chain,
    client,
    levels,
    plan,
)

from labrig.clock import SimulatedClock
from labrig.errors import ConfigError, ConnectionFailed, LimitExceeded
from labrig.instruments.contracts import Digitizer, WaveformSource
from labrig.instruments.data import AcquisitionPlan, Block
from labrig.instruments.drivers import DigitizerCapabilities, SourceCapabilities
from labrig.lockin.demodulated import Demodulated
from labrig.lockin.demodulator import Demodulator
from labrig.signals.tones import Tone, ToneProgram
from labrig.simulation.faces import SimulatedContext, SimulatedDigitizer, SimulatedSource
from labrig.simulation.faults.disconnect import Disconnect
from labrig.simulation.front_end import FrontEnd
from labrig.virtual_instruments.daqmx import DaqmxServer, VirtualDevice
from labrig.virtual_instruments.virtual_bench import VirtualBench


def lock_in(plan: AcquisitionPlan, blocks: list[Block]) -> Demodulated:
    drops = np.eye(5)[:4] - np.eye(5)[1:]
    demodulator = Demodulator(plan, (350.0, 1100.0), drops, 4)
    for block in blocks:
        demodulator.feed(block)
    return demodulator.result()


def in_process(played: dict[str, ToneProgram], plan: AcquisitionPlan) -> Demodulated:
    """The same programs on the same board with the simulated bench's faces."""
    context = SimulatedContext(chain(5, 0.0), SimulatedClock(), QUIET, seed=0)
    inputs = tuple(f"ai{k}" for k in range(32))
    outputs = tuple(f"ao{k}" for k in range(32))
    source = SimulatedSource("awg", context, SourceCapabilities(outputs, 16, 10.0, 0.2, 20e-6))
    able = DigitizerCapabilities(inputs, 16, 2.0, 2e6, plan.skew_s[1])
    digitizer = SimulatedDigitizer("daq", context, able)
    source.open()
    digitizer.open()
    plan = digitizer.configure(plan)
    source.load(played)
    digitizer.arm()
    source.start()
    return lock_in(plan, [digitizer.read(10.0)])


def test_they_keep_the_contracts(ai: NiAnalogInput, ao: NiAnalogOutput) -> None:
    assert isinstance(ai, Digitizer)
    assert isinstance(ao, WaveformSource)
    assert ai.identify().model == "PXIe-6363"
    assert ao.identify().serial == "01ABCDEF"
    assert {info.name: info.kind for info in DRIVERS} == {"ni.ai": "digitizer", "ni.ao": "source"}


def test_the_wire_delivers_the_codes_of_its_front_end(
    ai: NiAnalogInput, ao: NiAnalogOutput, served_chain: Wire
) -> None:
    """The same world, sampled in this process at the same trigger: bit for bit what came over the wire."""
    actual = ai.configure(plan(5))
    ao.load(PROGRAMS)
    edges: list[float] = []
    served_chain.bench.lines.listen("daq/start", edges.append)
    codes = np.vstack([block.codes for block in acquire(ai, ao, actual.total_samples)])
    front_end = FrontEnd("daq", actual.channels, 16, 2.0, QUIET, converts=True)
    span = (0, actual.total_samples)
    with served_chain.bench.lock:
        volts = front_end.sample(
            served_chain.world, actual.channels, edges[0], actual.sample_rate_hz, span, 1, actual.skew_s
        )
    expected, _ = front_end.codes(volts)
    assert np.count_nonzero(codes != expected) <= 2  # a tie of rounding may fall either way in another piece
    assert np.abs(codes - expected).max() <= 1


def test_lock_in_agrees_with_the_bench_in_process(ai: NiAnalogInput, ao: NiAnalogOutput) -> None:
    """The in-process bench triggers at another phase, so the codes are rounded differently: 0.8 LSB/√N between two
    such benches, one standard deviation of a drop."""
    actual = ai.configure(plan(5))
    played = ao.load(PROGRAMS)
    found = lock_in(actual, acquire(ai, ao, actual.total_samples))
    expected = in_process(played, actual)
    assert found.flags == frozenset()
    code_v = 4 / 2**16
    agreement = 4 * 0.82 * code_v / np.sqrt(actual.window_samples)
    assert np.abs(found.edge_dc - expected.edge_dc).max() < code_v / 10  # the tones dither the rounding of DC
    assert np.abs(found.in_phase - expected.in_phase).max() < agreement
    assert np.abs(found.quadrature - expected.quadrature).max() < agreement
    assert np.abs(expected.in_phase).min() > 100 * agreement


def test_what_load_returns_is_what_plays(ai: NiAnalogInput, ao: NiAnalogOutput, served_chain: Wire) -> None:
    played = ao.load(PROGRAMS)
    actual = ai.configure(plan(5))
    acquire(ai, ao, actual.total_samples)
    with served_chain.bench.lock:
        world = served_chain.world.playing(served_chain.bench.clock())
    for channel, program in played.items():
        plays = world[f"awg/{channel}"]
        assert plays is not None
        assert plays.dc == pytest.approx(program.dc, abs=3e-6)
        asked = [tone.frequency_hz for tone in PROGRAMS[channel].tones]
        assert [tone.frequency_hz for tone in program.tones] == asked
        for tone, real in zip(program.tones, plays.tones, strict=True):
            assert real.frequency_hz == tone.frequency_hz
            assert real.amplitude == pytest.approx(tone.amplitude, abs=3e-6)  # a hundredth of a step of the converter
            # The world's program begins half a sample and the settling time after the trigger.
            since = 2 * np.pi * tone.frequency_hz * (0.5 / 100e3 + 20e-6)
            assert np.cos(real.phase_rad - since - tone.phase_rad) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("dc_v", "amplitude_v", "least_v"), [(0.5, 1.0, 0.999), (0.0, 10.0, 8.2), (9.5, 0.5, 0.41)])
def test_a_low_update_rate_weakens_no_tone_that_the_range_has_room_for(
    served_chain: Wire, dc_v: float, amplitude_v: float, least_v: float
):
    """A third of the update rate: sin(x)/x is 0.827, and the samples would have to be 21 % larger."""
    output = analog_output(served_chain.port, update_rate="1 kS/s", start_trigger=None)
    output.open()
    played = output.load({"ao0": ToneProgram(dc_v, (Tone(1000 / 3, amplitude_v),))})["ao0"]
    output.arm()
    output.start()
    time.sleep(0.01)
    with served_chain.bench.lock:
        real = served_chain.world.playing(served_chain.bench.clock())["awg/ao0"]
    output.close()
    assert real is not None
    assert real.tones[0].amplitude == pytest.approx(played.tones[0].amplitude, abs=1e-5)
    assert least_v < played.tones[0].amplitude <= amplitude_v * 1.001
    assert real.dc == pytest.approx(dc_v, abs=1e-3)


@pytest.mark.parametrize("reference", ["PXIe_Clk100", "pxie_clk100", "/PXI1Slot4/PXIe_Clk100"])
def test_the_rate_of_a_reference_clock_does_not_depend_on_how_it_is_written(served_chain: Wire, reference: str):
    instrument = analog_input(served_chain.port, reference_clock=reference)
    instrument.open()
    instrument.configure(plan(2))
    assert instrument._task is not None
    assert instrument._task.timing.ref_clk_rate == 100e6
    instrument.close()


def test_rate_and_skew_are_read_back(ai: NiAnalogInput) -> None:
    actual = ai.configure(plan(5, rate_hz=30e3))
    assert actual.sample_rate_hz == pytest.approx(100e6 / 3333)
    assert actual.skew_s[1] == pytest.approx(666 / 100e6)  # five conversions spread over the scan
    assert ai.configure(plan(5, rate_hz=10e3)).skew_s[4] == pytest.approx(80e-6)  # not the 11 µs each of DAQmx itself
    assert ai.configure(plan(1)).skew_s == (0.0,)


def test_long_windows_come_in_pieces(ai: NiAnalogInput, ao: NiAnalogOutput) -> None:
    actual = ai.configure(plan(5, window=4000))
    ao.load(PROGRAMS)
    blocks = acquire(ai, ao, actual.total_samples)
    assert [len(block.codes) for block in blocks] == [3280, 820, 150]
    assert [block.start_index for block in blocks] == [0, 3280, 4100]
    assert blocks[0].codes.dtype == np.int16
    assert blocks[0].scale.shape == (5, 4)


@pytest.mark.more
def test_tasks_are_kept(ai: NiAnalogInput, ao: NiAnalogOutput, served_chain: Wire) -> None:
    ai.configure(plan(5, settle=5, window=50))
    ao.load(PROGRAMS)
    before: tuple[str, ...] | None = None
    for round_number in range(300):
        if round_number % 10 == 0:
            ao.load(levels(0.001 * round_number) if round_number % 20 == 0 else PROGRAMS)
        acquire(ai, ao, 55)
        if round_number == 20:
            before = served_chain.server.tasks
    assert served_chain.server.tasks == before
    assert served_chain.world.acquisitions == 300
    assert served_chain.server.calls["CreateTask"] == 3


def test_levels_are_written_once_and_only_when_they_change(ao: NiAnalogOutput, served_chain: Wire) -> None:
    for program in (levels(0.5, -1.0), levels(0.5, -1.0), levels(0.5)):
        played = ao.load(program)
        ao.arm()
        ao.start()
    assert played["ao0"].dc == round(0.5 * 2**15 / 10) * 10 / 2**15
    assert served_chain.server.calls["WriteAnalogF64"] == 2
    with served_chain.bench.lock:
        world = served_chain.world.playing(served_chain.bench.clock() + 1)
    assert world["awg/ao0"] == ToneProgram(played["ao0"].dc)
    assert world["awg/ao1"] == ToneProgram(0.0)


@pytest.mark.parametrize("program", [ToneProgram(0.5), ToneProgram(0.0, (Tone(350.0, 0.2),))])
def test_what_plays_is_confirmed_until_the_device_is_reset(
    ai: NiAnalogInput, ao: NiAnalogOutput, served_chain: Wire, program: ToneProgram
) -> None:
    ai.configure(plan(5))
    for _ in range(3):
        ao.load({"ao0": program})
        acquire(ai, ao, 1250)
        ao.confirm()
        with client(served_chain.port) as other:
            other.system.devices[AO].reset_device()
        with pytest.raises(ConnectionFailed, match=r"output task was aborted: the device was reset.*while: confirm"):
            ao.confirm()
    ao.load({"ao0": program})  # set up anew
    acquire(ai, ao, 1250)
    ao.confirm()
    with served_chain.bench.lock:
        playing = served_chain.world.playing(served_chain.bench.clock() + 1)["awg/ao0"]
    assert playing is not None
    assert len(playing.tones) == len(program.tones)
    assert playing.dc == pytest.approx(program.dc, abs=AO_STEP_V)


def test_a_device_that_is_gone_does_not_confirm(ao: NiAnalogOutput, served_chain: Wire) -> None:
    ao.load(levels(0.5))
    ao.confirm()
    served_chain.bench.faults.begin(Disconnect(), "awg")
    with pytest.raises(ConnectionFailed, match=r"cannot be accessed.*DAQmx -201003.*while: confirm"):
        ao.confirm()


def test_idle_and_safe_are_zero_volts(ai: NiAnalogInput, ao: NiAnalogOutput, served_chain: Wire) -> None:
    ai.configure(plan(5))
    for rest in (ao.idle, ao.make_safe, ao.make_safe):
        ao.load(PROGRAMS)
        acquire(ai, ao, 1250)
        rest()
        with served_chain.bench.lock:
            playing = served_chain.world.playing(served_chain.bench.clock() + 1)
        assert set(playing.values()) == {ToneProgram(0.0)}


def test_clipping_is_flagged(ai: NiAnalogInput, ao: NiAnalogOutput) -> None:
    ai.configure(plan(5))
    ao.load({"ao0": ToneProgram(9.0)})
    blocks = acquire(ai, ao, 1250)
    assert blocks[-1].overrange.tolist() == [True, False, False, False, False]
    assert blocks[-1].codes[-1, 0] == 2**15 - 1


def test_what_cannot_be_played_is_refused(ao: NiAnalogOutput) -> None:
    with pytest.raises(LimitExceeded, match="full scale 10 V"):
        ao.load({"ao0": ToneProgram(9.0, (Tone(350.0, 2.0),))})
    with pytest.raises(LimitExceeded, match="no channel 'ao40'"):
        ao.load({"ao40": ToneProgram(1.0)})
    with pytest.raises(ConfigError, match="no common period"):
        ao.load({"ao0": ToneProgram(0.0, (Tone(350.0 + np.pi * 1e-3, 1.0),))})
    with pytest.raises(ConfigError, match="half the update rate"):
        ao.load({"ao0": ToneProgram(0.0, (Tone(60e3, 1.0),))})


def test_what_cannot_be_measured_is_refused(ai: NiAnalogInput) -> None:
    with pytest.raises(ConfigError, match="cannot sample 14 channels at 80000 S/s"):
        ai.configure(plan(14, rate_hz=80e3))
    with pytest.raises(ConfigError, match="no channel 'ai40'"):
        ai.configure(AcquisitionPlan(1e3, 0, 10, ("ai40",), (2.0,), (0.0,)))


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("ai", {"model": "PXIe-1"}, "model: ni.ai does not support 'PXIe-1'"),
        ("ai", {"model": None}, "model: this key is missing; `labrig drivers` lists"),
        ("ai", {"full_scale": "12 V"}, "full_scale: PXIe-6363 measures up to"),
        ("ai", {"max_sample_rate": "3 MS/s"}, "max_sample_rate: PXIe-6363 samples at up to"),
        ("ao", {"update_rate": "1 MS/s"}, "update_rate: PXIe-6738 plays up to"),
    ],
)
def test_options_that_no_model_has_are_refused(kind: str, options: dict, message: str) -> None:
    make = analog_input if kind == "ai" else analog_output
    with pytest.raises(ValueError, match=message):
        make(1, **options)


def test_capabilities_are_those_of_the_wiring() -> None:
    entry = {"driver": "ni.ai", "model": "PXIe-6363", "resource": AI, "terminal": "differential", "full_scale": "3 V"}
    able = DRIVERS[0].capabilities(NiAnalogInputOptions.model_validate(entry))
    assert able.channels[:9] == (*(f"ai{k}" for k in range(8)), "ai16")
    assert len(able.channels) == 16
    assert able.full_scale_v == 5.0
    entry = {"driver": "ni.ao", "model": "PXIe-6738", "resource": "Dev1", "settle": "1 ms"}
    assert DRIVERS[1].capabilities(NiAnalogOutputOptions.model_validate(entry)).settle_s == 1e-3


def test_nothing_is_needed_to_be_safe() -> None:
    for instrument in (analog_input(1), analog_output(1)):
        instrument.make_safe()
        instrument.close()
        instrument.make_safe()
        with pytest.raises(ConnectionFailed, match="is not open"):
            instrument.identify()


def test_one_board_can_be_two_instruments() -> None:
    """Inputs and outputs of one PXIe-6363, each under a name of its own, started by its own trigger."""
    world = chain(4)
    bench = VirtualBench(world, QUIET, seed=0)
    boards = [VirtualDevice.of("PXIe-6363", name=AI, instrument=name) for name in ("awg", "daq")]
    server = DaqmxServer(bench, boards)
    port = server.start()
    try:
        ai = analog_input(port)
        ao = analog_output(port, model="PXIe-6363", resource=AI, start_trigger="ai/StartTrigger")
        ai.open()
        ao.open()
        assert ai.identify() == ao.identify()
        actual = ai.configure(plan(4))
        ao.load({"ao0": ToneProgram(0.5), "ao3": ToneProgram(0.0, (Tone(350.0, 0.5),))})
        volts = np.vstack([block.volts() for block in acquire(ai, ao, actual.total_samples)])
        assert volts[-1, 0] > 0.3
        assert np.ptp(volts[250:, 3]) > 0.5
        ao.close()
        ai.close()
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("model", "options", "reference"),
    [
        ("PXIe-6363", {}, ("PXIe_Clk100", 100e6)),
        ("PXIe-6363", {"reference_clock": "PXI_Clk10"}, ("PXI_Clk10", 10e6)),
        ("PXIe-6363", {"reference_clock": "onboard"}, ("OnboardClock", 10e6)),
        ("USB-6363", {}, ("OnboardClock", 10e6)),
        ("USB-6363", {"reference_clock": "PFI2", "export_clock": "PFI1"}, ("PFI2", 10e6)),
    ],
)
def test_devices_are_locked_to_the_clock_they_share(served_chain: Wire, model: str, options: dict, reference: tuple):
    instrument = analog_input(served_chain.port, model=model, **options)
    instrument.open()
    try:
        instrument.configure(plan(2))
        assert instrument._task is not None
        timing = instrument._task.timing
        assert (timing.ref_clk_src, timing.ref_clk_rate) == reference
    finally:
        instrument.close()


def test_tones_are_locked_to_the_clock_of_the_chassis(served_chain: Wire, ao: NiAnalogOutput):
    ao.load(PROGRAMS)
    ao.arm()
    assert ao._tones_task.timing.ref_clk_src == "PXIe_Clk100"


@pytest.mark.parametrize("option", ["reference_clock", "export_clock"])
def test_a_clock_at_a_terminal_that_there_is_not(served_chain: Wire, option: str):
    options = {"reference_clock": "onboard", option: f"/{AO}/NoSuchTerminal"}
    instrument = analog_input(served_chain.port, **options)

    def connected() -> None:
        instrument.open()
        instrument.configure(plan(2))

    with pytest.raises(ConnectionFailed, match="name a terminal that NI MAX lists"):
        connected()
    instrument.close()


def test_an_export_to_a_terminal_that_there_is_not_names_its_destination(served_chain: Wire):
    instrument = analog_input(served_chain.port, export_start="/Dev9/PFI0")
    instrument.open()
    with pytest.raises(ConnectionFailed, match=r"^daq: Destination terminal .* /Dev9/PFI0 .*NI MAX lists"):
        instrument.configure(plan(2))
    instrument.close()
