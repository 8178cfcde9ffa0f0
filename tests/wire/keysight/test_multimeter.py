"""keysight.truevolt against the virtual multimeter, and the virtual multimeter against facts about real ones.

The sources of the facts are in tests/wire/README.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from labrig_drivers.keysight import TruevoltMultimeter, TruevoltOptions
from labrig_drivers.keysight.multimeter_options import capabilities
from wire.siglent.rigs import LOAD_OHM, SOURCE_OHM, virtual_bench

from labrig.assembly import Assembly, assemble, packaged_configs
from labrig.config.problems import ConfigProblems
from labrig.errors import ChannelFault, ConfigError, DeadlineExceeded, IdentityMismatch
from labrig.instruments.contracts import Digitizer
from labrig.instruments.data import AcquisitionPlan
from labrig.procedures.train import train
from labrig.signals.tones import Tone, ToneProgram
from labrig.virtual_instruments.keysight import VirtualTrueform, VirtualTruevolt
from labrig.virtual_instruments.scpi import Server, SocketServer, Vxi11Server

PLAN = AcquisitionPlan(1000.0, 0, 4, ("1",), (10.0,), (0.0,))
"""Four readings, each over 0.02 periods of the mains and as long for its zero."""
FRONTS = pytest.mark.parametrize("front", [SocketServer, Vxi11Server])
NODE = LOAD_OHM / (LOAD_OHM + SOURCE_OHM)
"""Voltage of the node per volt of the source."""
NO_ERROR = '+0,"No error"'


def options(resource: str = "TCPIP::192.0.2.30::INSTR", **more) -> TruevoltOptions:
    return TruevoltOptions(driver="keysight.truevolt", resource=resource, **{"aperture": "400 us", **more})


@pytest.fixture
def meter() -> VirtualTruevolt:
    """One whose channel 1 is at the node that channel gen/2 drives."""
    return VirtualTruevolt(virtual_bench(), "daq")


def play(meter: VirtualTruevolt, dc: float, *tones: Tone, later_s: float = 0.0) -> None:
    bench = meter._bench
    with bench.lock:
        bench.world.drive(bench.clock() + later_s, "gen/2", ToneProgram(dc, tones))


def ask(meter: VirtualTruevolt, text: str) -> str:
    return meter.execute(text.encode()).decode().strip()


@contextmanager
def rig(
    meter: VirtualTruevolt, front: type[Server] = SocketServer, plan: AcquisitionPlan | None = PLAN, **more
) -> Iterator[TruevoltMultimeter]:
    """The driver, opened and configured."""
    with front(meter, name="daq") as server:
        digitizer = TruevoltMultimeter("dmm", options(server.resource, **more))
        try:
            digitizer.open()
            if plan is not None:
                digitizer.configure(plan)
            yield digitizer
        finally:
            digitizer.close()
    assert meter.failure is None


def read(digitizer: TruevoltMultimeter):
    digitizer.arm()
    digitizer.start()
    return digitizer.read(2.0)


@FRONTS
def test_it_reads_the_node(meter, front):
    with rig(meter, front) as digitizer:
        assert isinstance(digitizer, Digitizer)
        for dc in (1.5, -0.25, 0.0, 9.0):
            play(meter, dc)
            block = read(digitizer)
            assert block.codes.shape == (4, 1)
            assert not block.overrange.any()
            np.testing.assert_allclose(block.codes, dc * NODE, atol=1e-8)


def test_the_plan_is_the_multimeters(meter):
    with rig(meter, plan=None, aperture="20 ms", full_scale="1 V") as digitizer:
        plan = digitizer.configure(replace(PLAN, sample_rate_hz=20.0, ranges_v=(1.0,)))
        assert (plan.ranges_v, plan.aperture_s, plan.skew_s) == ((1.0,), 0.02, (0.0,))
        assert plan.u_gain == pytest.approx(40e-6 / np.sqrt(3))
        assert plan.u_offset_v == pytest.approx(7e-6 / np.sqrt(3))
        told = ask(meter, ":VOLT:DC:RANG?;:VOLT:DC:NPLC?;:TRIG:SOUR?;:TRIG:DEL?;:SAMP:COUN?;:VOLT:DC:IMP:AUTO?")
        assert told == "+1.00000000E+00;+1.00000000E+00;BUS;+1.00000000E-02;+4;1"


def test_a_reading_is_the_mean_over_its_aperture(meter):
    """A tone with whole periods in an aperture disappears; another leaves what its mean is."""
    with rig(meter, plan=replace(PLAN, sample_rate_hz=25.0), aperture="20 ms") as digitizer:
        play(meter, 0.5, Tone(450.0, 0.3), later_s=-1.0)
        np.testing.assert_allclose(read(digitizer).codes, 0.5 * NODE, atol=1e-6)
        play(meter, 0.5, Tone(475.0, 0.3), later_s=-1.0)
        rest = read(digitizer).codes - 0.5 * NODE
        assert 1e-4 < np.abs(rest).max() < 0.3 * 2 / (2 * np.pi * 475.0 * 0.02) + 1e-6


def test_readings_follow_one_another_at_the_rate_of_the_plan(meter):
    plan = replace(PLAN, sample_rate_hz=100.0)
    with rig(meter, plan=plan) as digitizer:
        play(meter, 1.0)
        digitizer.arm()
        digitizer.start()
        digitizer.identify()  # it has begun when it answers
        bench, measurement = meter._bench, meter._measurement
        assert measurement is not None
        with bench.lock:
            bench.world.drive(measurement.began + 0.02, "gen/2", ToneProgram(2.0))
        np.testing.assert_allclose(digitizer.read(2.0).codes[:, 0], [NODE, NODE, 2 * NODE, 2 * NODE], atol=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_an_overload_is_clipped(meter, sign):
    with rig(meter, full_scale="100 mV") as digitizer:
        play(meter, sign * 0.119)
        block = read(digitizer)
        assert not block.overrange.any()
        play(meter, sign * 0.121)
        block = read(digitizer)
        assert block.overrange.all()
        np.testing.assert_array_equal(block.codes, np.full((4, 1), sign * 0.1))


def test_it_takes_nothing_before_the_command(meter):
    with rig(meter) as digitizer:
        digitizer.arm()
        with pytest.raises(DeadlineExceeded, match="took 0 of 4 readings"):
            digitizer.read(0.05)
        digitizer.start()
        digitizer.read(2.0)


def test_the_order_of_calls_is_checked(meter):
    with rig(meter, plan=None) as digitizer:
        with pytest.raises(ConfigError, match="is not configured"):
            digitizer.arm()
        digitizer.configure(PLAN)
        for call in (digitizer.start, lambda: digitizer.read(1.0)):
            with pytest.raises(ConfigError, match="is not armed"):
                call()


def test_arming_again_forgets_the_readings_before(meter):
    with rig(meter) as digitizer:
        play(meter, 1.0)
        read(digitizer)
        digitizer.arm()
        digitizer.start()
        play(meter, 2.0)
        digitizer.arm()
        digitizer.start()
        np.testing.assert_allclose(digitizer.read(2.0).codes, 2 * NODE, atol=1e-8)


@pytest.mark.parametrize("command", [":VOLT:DC:NPLC 1", ":ABOR", "*RST"])
def test_somebody_at_the_front_panel_makes_no_readings_up(meter, command):
    with rig(meter, plan=replace(PLAN, sample_rate_hz=20.0)) as digitizer:
        digitizer.arm()
        digitizer.start()
        ask(meter, command)
        with pytest.raises(DeadlineExceeded, match=r"took \d of 4 readings"):
            digitizer.read(0.3)


def test_a_setting_that_reads_back_differently_is_named(meter, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("labrig.virtual_instruments.keysight.multimeter.CYCLES", (0.2, 1.0, 10.0))
    with rig(meter, plan=None) as digitizer, pytest.raises(ChannelFault, match=r"VOLT:DC:NPLC: requested 0\.02"):
        digitizer.configure(PLAN)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"channels": ("1", "2"), "ranges_v": (10.0, 10.0), "skew_s": (0.0, 0.0)}, "has one channel, '1', not 1, 2"),
        ({"sample_rate_hz": 1300.0}, "cannot take 1300 readings a second"),
        ({"window_samples": 1001}, "cannot keep 1001 readings"),
    ],
)
def test_what_it_cannot_measure_is_refused(meter, changes, words):
    with rig(meter, plan=None) as digitizer, pytest.raises(ConfigError, match=words):
        digitizer.configure(replace(PLAN, **changes))


def test_safe_is_idle_even_with_an_acquisition_going_on(meter):
    with rig(meter) as digitizer:
        digitizer.arm()
        digitizer.make_safe()
        assert ask(meter, "*TRG;:SYST:ERR?").startswith("-211,")


def test_another_instrument_at_the_address_is_refused():
    with SocketServer(VirtualTrueform(virtual_bench(), "gen"), name="gen") as server:
        digitizer = TruevoltMultimeter("dmm", options(server.resource))
        with pytest.raises(IdentityMismatch, match="not a Keysight Truevolt multimeter"):
            digitizer.open()
        digitizer.close()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"full_scale": "2 V"}, "full_scale: must be one of 100 mV, 1 V, 10 V, 100 V"),
        ({"aperture": "20 ms", "mains": "60 Hz"}, "aperture: must be one of 333.3 µs, .* at 60 Hz"),
        ({"resource": "/dev/ttyUSB0"}, "resource: "),
    ],
)
def test_options_that_no_multimeter_has_are_refused(more, words):
    with pytest.raises(ValueError, match=words):
        capabilities(options(**more))


@pytest.mark.parametrize("aperture", ["16.67 ms", "16.6667 ms"])
def test_periods_of_60_hz_may_be_rounded(meter, aperture):
    with rig(meter, plan=replace(PLAN, sample_rate_hz=10.0), aperture=aperture, mains="60 Hz"):
        assert ask(meter, ":VOLT:DC:NPLC?") == "+1.00000000E+00"
    assert capabilities(options(aperture=aperture, mains="60 Hz")).aperture_s == pytest.approx(1 / 60, rel=1e-15)


def test_capabilities():
    able = capabilities(options(aperture="20 ms", full_scale="1 V"))
    assert (able.channels, able.full_scale_v, able.max_sample_rate_hz, able.aperture_s) == (("1",), 1.0, 25.0, 0.02)
    assert able.bits == 19
    assert able.clock_output is None


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("*IDN?", "Keysight Technologies,34461A,MYVIRTUAL,A.03.03-02.40-03.03-00.52-01-01"),
        (":SYST:ERR?", NO_ERROR),
        (":VOLT:DC:NPLC?", "+1.00000000E+01"),
        (":VOLT:DC:RANG:AUTO?", "1"),
        (":VOLT:DC:IMP:AUTO?", "0"),
        (":VOLT:DC:ZERO:AUTO?", "1"),
        (":TRIG:SOUR?", "IMM"),
        (":SAMP:COUN?", "+1"),
        (":FUNC?", '"VOLT"'),
        ("*OPT?", "0"),
        (":SYST:LFR?", "+50"),
        (":TRIG:DEL:AUTO?", "1"),
        (":VOLT:DC:RES?", "+1.00000000E-05"),
        ("CONF?", '"VOLT +1.00000000E+01,+1.00000000E-05"'),
    ],
)
@pytest.mark.parametrize("reset", ["*RST", "CONF:VOLT:DC", "CONF:VOLT:DC AUTO"])
def test_after_a_reset_or_conf_it_answers_as_the_guide_says(meter, query, told, reset):
    for command in (":VOLT:DC:NPLC 1", ":VOLT:DC:RANG 1", ":TRIG:SOUR BUS", ":SAMP:COUN 5", ":VOLT:DC:IMP:AUTO ON"):
        ask(meter, command)
    ask(meter, reset)
    assert ask(meter, query) == told


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (":VOLT:DC:RANG 2000", -222),
        (":VOLT:DC:NPLC 0.001", -222),
        (":SAMP:COUN 0", -222),
        (":SAMP:COUN 1000001", -222),
        (":TRIG:SOUR LINE", -224),
        (":FETC?", -230),
        ("*TRG", -211),
        (":INIT;*TRG", -211),
        (":TRIG:SOUR BUS;*TRG", -211),
        (":TRIG:SOUR BUS;:SAMP:COUN 20000;:INIT", -221),
        (":VOLT:RATE FAST", -113),
    ],
)
def test_it_refuses_what_a_real_one_refuses(meter, command, error):
    ask(meter, command)
    assert ask(meter, ":SYST:ERR?").startswith(f"{error},")
    assert ask(meter, ":SYST:ERR?") == NO_ERROR


@pytest.mark.parametrize(
    ("command", "query", "told"),
    [  # as QCoDeS' Keysight_34461A sends them
        ("SENSe:VOLTage:NPLC 1", "SENSe:VOLTage:DC:RESolution?", "+3.00000000E-05"),
        ("SENSe:VOLTage:DC:RESolution 1e-4", "SENSe:VOLTage:NPLC?", "+2.00000000E-01"),
        ("TRIGger:DELay 0.01", "TRIGger:DELay:AUTO?", "0"),
        ("TRIGger:DELay 0.01;:TRIGger:DELay:AUTO 1", "TRIGger:DELay?", "+0.00000000E+00"),
        ('DISPLAY:TEXT "Acquiring"', "DISPLAY:TEXT?", '"Acquiring"'),
        ("DISPLAY:TEXT:CLEar", "DISPLAY:TEXT?", '""'),
        ("DISPLAY:STATE OFF", "DISPLAY:STATE?", "0"),
    ],
)
def test_settings_read_back_as_clients_expect(meter, command, query, told):
    ask(meter, command)
    assert ask(meter, query) == told
    assert ask(meter, ":SYST:ERR?") == NO_ERROR


def test_a_single_measurement_as_pymeasure_asks_for_it(meter):
    play(meter, 1.25)
    time.sleep(0.01)
    ask(meter, ":TRIG:SOUR BUS")
    assert float(ask(meter, "MEAS:VOLT:DC? DEF,DEF")) == pytest.approx(1.25 * NODE)
    assert (ask(meter, ":TRIG:SOUR?"), ask(meter, ":VOLT:DC:NPLC?")) == ("IMM", "+1.00000000E+01")


def test_clients_of_real_ones_read_what_they_expect(meter):
    """The messages of public drivers: configure and read, an explicit wait for the bus, an overload as a number."""
    play(meter, 1.25)
    time.sleep(0.01)
    ask(meter, "CONF:VOLT:DC 10;:SENS:VOLT:DC:NPLC 0.02")
    assert float(ask(meter, "READ?")) == pytest.approx(1.25 * NODE)
    ask(meter, "TRIG:SOUR BUS;:SAMP:COUN 3;:INIT")
    assert ask(meter, "DATA:POIN?") == "+0"
    ask(meter, "*TRG")
    assert len(ask(meter, "FETC?").split(",")) == 3
    assert ask(meter, "DATA:POIN?") == "+3"
    ask(meter, "CONF:VOLT:DC 1;:VOLT:DC:NPLC 0.02")
    assert ask(meter, "READ?") == "+9.90000000E+37"
    ask(meter, "VOLT:DC:RANG:AUTO ON")
    assert float(ask(meter, "READ?")) == pytest.approx(1.25 * NODE)


METER = "{{driver: keysight.truevolt, resource: 'TCPIP::192.0.2.3{0}::INSTR'}}"


def judged(config: str, outputs: int, *more: str) -> Assembly:
    """A configuration whose outputs are judged by a multimeter each."""
    meters = [f"instruments.dmm{n}={METER.format(n)}" for n in range(outputs)]
    wires = ", ".join(f"dmm{n}/1" for n in range(outputs))
    return assemble(packaged_configs() / config, [*meters, f"judge={{outputs: '{wires}'}}", *more])


def test_one_for_each_output_judges_a_simulated_board() -> None:
    assembly = judged("xor.yaml", 2, "simulation.preset=ideal")
    setup = assembly.setup()
    with setup.rig as rig:
        rig.program(assembly.update(rig).settings())
        judge = assembly.judge_on(rig)
        assert judge is not None
        for activation in assembly.task.activation:
            np.testing.assert_allclose(judge.outputs(activation)[0], setup.bench.truth.outputs(activation), rtol=1e-9)


def test_one_alone_cannot_judge_two_outputs() -> None:
    with pytest.raises(ConfigProblems, match="1 channels for 2 outputs"):
        judged("xor.yaml", 2, "judge={outputs: dmm0/1}")


@pytest.mark.long
def test_three_of_them_judge_iris_on_the_wire(tmp_path: Path) -> None:
    few = ("learning.epochs=2", "task.split.train_per_class=5", "task.split.test_per_class=5")
    assembly = judged("iris_wire.yaml", 3, *few)
    with assembly.open_rig() as rig:
        update = assembly.update(rig)
        rig.program(update.settings())
        judge = assembly.judge_on(rig)
        assert judge is not None
        own = assembly.probe(rig, update).measure_free(0).outputs
        volts, noise, systematic = judge.outputs(assembly.task.activation[0])
        np.testing.assert_allclose(volts, own, atol=5e-3)
        assert noise.max() < 1e-3
        assert systematic.max() < 1e-4
    result = train(assembly, run_dir=tmp_path / "run")
    assert result.judgement is not None
    assert result.judgement.by == "dmm0, dmm1, dmm2"
    assert not result.judgement.score_differs
