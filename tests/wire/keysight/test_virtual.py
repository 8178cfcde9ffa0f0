"""The virtual generator against facts about real ones; the sources are in tests/wire/README.md."""

from __future__ import annotations

import time

import numpy as np
import pytest
from wire.siglent.rigs import seen, virtual_bench

from labrig.virtual_instruments.keysight import VirtualTrueform

FACTORY = """
DISPlay 1
FORMat:BORDer NORM
INITiate1:CONTinuous 1
OUTPut 0
OUTPut1:LOAD +5.000000000000000E+01
OUTPut1:MODE NORM
OUTPut1:POLarity NORM
OUTPut:SYNC 1
OUTPut:TRIGger 0
ROSCillator:SOURce INT
ROSCillator:SOURce:AUTO ON
SOURce1:AM:DEPTh +1.000000000000000E+02
SOURce1:AM:STATe 0
SOURce1:BURSt:GATE:POLarity NORM
SOURce1:BURSt:INTernal:PERiod +1.000000000000000E-02
SOURce1:BURSt:MODE TRIG
SOURce1:BURSt:NCYCles +1.000000000000000E+00
SOURce1:BURSt:PHASe +0.0000000000000E+00
SOURce1:BURSt:STATe 0
SOURce1:FM:STATe 0
SOURce1:FREQuency +1.000000000000000E+03
SOURce1:FREQuency:MODE CW
SOURce1:FUNCtion SIN
SOURce1:FUNCtion:ARBitrary "INT:\\BUILTIN\\EXP_RISE.ARB"
SOURce1:FUNCtion:ARBitrary:ADVance SRAT
SOURce1:FUNCtion:ARBitrary:FILTer STEP
SOURce1:FUNCtion:ARBitrary:FREQuency +1.600000000000000E+02
SOURce1:FUNCtion:ARBitrary:SRATe +4.000000000000000E+04
SOURce1:FUNCtion:SQUare:DCYCle +5.000000000000000E+01
SOURce1:SWEep:STATe 0
SOURce1:VOLTage +1.0000000000000E-01
SOURce1:VOLTage:LIMit:STATe 0
SOURce1:VOLTage:OFFSet +0.0000000000000E+00
SOURce1:VOLTage:RANGe:AUTO 1
SOURce1:VOLTage:UNIT VPP
TRIGger1:DELay +0.000000000000000E+00
TRIGger1:LEVel +3.300000000000000E+00
TRIGger1:SLOPe POS
TRIGger1:SOURce IMM
UNIT:ANGLe DEG
"""
"""What a real 33600A answers after a reset, command by command."""


@pytest.fixture
def generator() -> VirtualTrueform:
    return VirtualTrueform(virtual_bench(), "gen")


def ask(generator: VirtualTrueform, text: str) -> str:
    return generator.execute(text.encode()).decode().strip()


@pytest.mark.parametrize("line", FACTORY.strip().splitlines(), ids=lambda line: line.partition(" ")[0])
def test_after_a_reset_it_answers_as_a_real_one(generator: VirtualTrueform, line: str):
    header, _, value = line.partition(" ")
    ask(generator, "OUTP1:POL INV;:SOUR1:FREQ 5;:SOUR1:AM:DEPT 20;*RST")
    assert ask(generator, header + "?") == value
    assert ask(generator, "SYST:ERR?") == '+0,"No error"'


@pytest.mark.parametrize(
    ("command", "query", "told"),
    [  # commands as pymeasure's agilent33500 and nominal-io's keysight_33521b send them
        ("SOUR2:FREQ 777.500000", "SOUR2:FREQ?", "+7.775000000000000E+02"),
        ("OUTP:LOAD INF", "OUTP:LOAD?", "+9.900000000000000E+37"),
        ("BURS:NCYC INF", "BURS:NCYC?", "+9.900000000000000E+37"),
        ("TRIG:SOUR BUS", "TRIG:SOUR?", "BUS"),
        ("TRIG1:SOUR EXT", "TRIG1:SOUR?", "EXT"),
        ("BURS:MODE GAT", "BURS:MODE?", "GAT"),
        ("FUNC ARB", "FUNC?", "ARB"),
        ("OUTP1 1", "OUTP1?", "1"),
        ("SOUR1:PHAS 90.000000", "SOUR1:PHAS?", "+9.0000000000000E+01"),
        ("TRIG:DEL 0.001", "TRIG:DEL?", "+1.000000000000000E-03"),
    ],
)
def test_settings_read_back_as_clients_of_real_ones_expect(generator, command, query, told):
    ask(generator, command)
    assert ask(generator, query) == told
    assert ask(generator, ":SYST:ERR?") == '+0,"No error"'


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("FREQ 50e6", -222),
        ("VOLT 30", -222),
        ("VOLT:OFFS 7", -222),
        ("FUNC:ARB nothing", 786),
        ("FUNC SINE", -224),
        ("SOUR3:FREQ 100", -114),
        ("FREEQ 100", -113),
        ("DATA:ARB:DAC short,1,2,3", -109),
        ("DATA:ARB loud,0,0,0,0,0,0,0,1.1", -222),
        ("FUNC DC;:BURS:STAT ON", -221),
        ("BURS:STAT ON;:FUNC DC", -221),
    ],
)
def test_what_is_wrong_is_in_the_error_queue(generator, command, code):
    ask(generator, command)
    assert ask(generator, "SYST:ERR?").startswith(f"{code:+d},")
    assert ask(generator, "SYST:ERR?") == '+0,"No error"'


def test_the_load_changes_what_the_panel_shows_not_what_is_played(generator):
    ask(generator, "VOLT 1;VOLT:OFFS 0.5;:OUTP ON;:OUTP:LOAD INF")
    assert (float(ask(generator, "VOLT?")), float(ask(generator, "VOLT:OFFS?"))) == (2.0, 1.0)
    assert generator.channel(1).open_vpp == 2.0


def test_a_mode_that_excludes_bursts_ends_them(generator):
    ask(generator, "BURS:STAT ON;:SOUR1:AM:STAT ON")
    assert ask(generator, "BURS:STAT?") == "0"


@pytest.mark.parametrize("order", ["NORM", "SWAP"])
def test_a_table_in_both_byte_orders_and_as_numbers(generator, order):
    codes = np.round(32767 * np.sin(2 * np.pi * 3 * np.arange(64) / 64)).astype(int)
    block = codes.astype(">i2" if order == "NORM" else "<i2").tobytes()
    generator.execute(f"FORM:BORD {order};:DATA:ARB:DAC one,#3{len(block)}".encode() + block)
    ask(generator, "DATA:ARB:DAC two, " + ", ".join(map(str, codes)))
    values = codes / 32767  # as pymeasure's agilent33500 sends them with data_format="float"
    block = values.astype(">f4" if order == "NORM" else "<f4").tobytes()
    generator.execute(f"DATA:ARB three,#3{len(block)}".encode() + block)
    ask(generator, "SOUR1:DATA:ARB four, " + ", ".join(map(str, values)))
    for name in ("one", "two", "three", "four"):
        assert ask(generator, f"DATA:ATTR:POIN? {name}") == "+64"
        ask(generator, f"FUNC:ARB {name}")
        ((harmonic, share, _),) = generator.channel(1).selected.harmonics
        assert (harmonic, share) == (3, pytest.approx(1.0, abs=1e-4))
    ask(generator, "DATA:ARB:DAC one,1,2,3,4,5,6,7,8")  # the name is in use
    assert ask(generator, "SYST:ERR?").startswith("+781,")
    ask(generator, "DATA:VOL:CLE;:FUNC:ARB one")
    assert ask(generator, "SYST:ERR?").startswith("+786,")


def test_a_burst_of_some_cycles_ends_and_another_trigger_starts_it_again(generator):
    ask(generator, "OUTP:LOAD INF;:OUTP ON;:VOLT 2;FREQ 1000;:BURS:NCYC 3;:BURS:MODE TRIG;:TRIG:SOUR BUS;:BURS:STAT ON")
    for _ in range(2):
        ask(generator, "*TRG")
        began = generator.channel(1).started
        assert began is not None
        volts = seen(generator, began, 100e3, 500)[:, 0]
        assert np.abs(volts[:300]).max() > 0.99
        assert np.abs(volts[302:]).max() < 1e-9
        time.sleep(0.006)


def test_phase_sync_aligns_what_plays_on(generator):
    ask(generator, "OUTP1:LOAD INF;:OUTP1 ON;:VOLT 2;:OUTP2:LOAD INF;:OUTP2 ON;:SOUR2:VOLT 2")
    first, second = seen(generator, time.monotonic(), 100e3, 100).T
    assert np.abs(first - second).max() > 0.01
    ask(generator, "PHAS:SYNC")
    first, second = seen(generator, time.monotonic(), 100e3, 100).T
    np.testing.assert_allclose(first, second, atol=1e-9)
