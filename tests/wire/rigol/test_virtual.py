"""The virtual generator against facts about real ones; the sources are in tests/wire/README.md."""

from __future__ import annotations

import struct
import time

import numpy as np
import pytest
from wire.siglent.rigs import seen, virtual_bench

from labrig.virtual_instruments.rigol import VirtualDg1000z

NO_ERROR = '0,"No error"'


@pytest.fixture
def generator() -> VirtualDg1000z:
    return VirtualDg1000z(virtual_bench(), "gen", settle_s=0.0)


def ask(generator: VirtualDg1000z, text: str) -> str:
    return generator.execute(text.encode()).decode().strip()


def upload(generator: VirtualDg1000z, flag: str, codes) -> None:
    """As PyVISA's `write_binary_values` with `datatype="H", is_big_endian=False` sends it."""
    block = struct.pack(f"<{len(codes)}H", *codes)
    head = f":SOUR1:TRAC:DATA:DAC16 VOLATILE,{flag},#{len(str(len(block)))}{len(block)}"
    generator.execute(head.encode() + block + b"\n")


@pytest.mark.parametrize(
    ("query", "told"),
    [  # the defaults in the guide, and replies in tests of drivers for real ones
        (":SOUR1:APPL?", '"SIN,1.000000E+03,5.000000E+00,0.000000E+00,0.000000E+00"'),
        (":OUTP1?", "OFF"),
        (":OUTP2:LOAD?", "5.000000E+01"),
        (":OUTP1:SYNC?", "ON"),
        (":OUTP1:POL?", "NORMAL"),
        (":SOUR1:BURS?", "OFF"),
        (":SOUR1:BURS:MODE?", "TRIG"),
        (":SOUR2:BURS:TRIG:SOUR?", "INT"),
        (":SOUR1:BURS:PHAS?", "0.000000E+00"),
        (":SOUR1:VOLT:UNIT?", "VPP"),
        (":SYST:ROSC:SOUR?", "INT"),
        (":SOUR2:MOD?", "OFF"),
        (":SOUR1:SWE:STAT?", "OFF"),
        (":SOUR1:FUNC:ARB:MODE?", "FREQ"),
        (":COUP?", "FREQ:OFF,PHASE:OFF,AMPL:OFF"),
        (":SYST:ERR?", NO_ERROR),
    ],
)
def test_after_a_reset_it_answers_as_the_guide_says(generator, query, told):
    for command in (":OUTP1 ON", ":SOUR1:FREQ 5", ":OUTP2:LOAD INF", ":SOUR1:BURS ON", ":SYST:ROSC:SOUR EXT", "*RST"):
        ask(generator, command)
    assert ask(generator, query) == told


def test_its_identity_is_that_of_a_real_one():
    generator = VirtualDg1000z(virtual_bench(), "gen", "DG1062Z", "DG1ZA195006397")
    assert ask(generator, "*IDN?") == "Rigol Technologies,DG1062Z,DG1ZA195006397,03.01.12"


@pytest.mark.parametrize(
    ("command", "query", "told"),
    [  # commands as public drivers send them, and replies as they expect them
        (":SOUR1:FREQ:FIX 777.5", ":SOUR1:FREQ?", "7.775000E+02"),
        (":SOUR2:VOLT:LEV:IMM:AMPL 2.5", ":SOUR2:VOLT?", "2.500000E+00"),
        (":SOUR1:VOLT:OFFS 1", ":SOUR1:VOLT:OFFS?", "1.000000E+00"),
        (":OUTP1:IMP INF", ":OUTP1:LOAD?", "9.900000E+37"),
        (":OUTP1:LOAD 100", ":OUTP1:IMP?", "1.000000E+02"),
        (":OUTP1 1", ":OUTP1?", "ON"),
        (":SOUR1:BURS:MODE INF", ":SOUR1:BURS:MODE?", "INF"),
        (":SOUR1:BURS:MODE GAT", ":SOUR1:BURS:MODE?", "GAT"),
        (":SOUR1:BURS:TRIG:SOUR EXT", ":SOUR1:BURS:TRIG:SOUR?", "EXT"),
        (":SOUR1:BURS:STAT ON", ":SOUR1:BURS?", "ON"),
        (":SOUR1:BURS:TDEL 1e-06", ":SOUR1:BURS:TDEL?", "1.000000E-06"),
        (":SOUR2:BURS:IDLE BOTTOM", ":SOUR2:BURS:IDLE?", "BOTTOM"),
        (":SOUR1:APPL:SIN 500,2.5,1,90", ":SOUR1:APPL?", '"SIN,5.000000E+02,2.500000E+00,1.000000E+00,9.000000E+01"'),
        (":SOUR1:APPL:DC 1,1,1.5", ":SOUR1:APPL?", '"DC,DEF,DEF,1.500000E+00,DEF"'),
        (":SOUR1:APPL:DC 1,1,1.5", ":SOUR1:VOLT:OFFS?", "0.000000E+00"),
        (":SYSTem:ROSCillator:SOURce EXTernal", ":SYSTem:ROSCillator:SOURce?", "EXT"),
    ],
)
def test_settings_read_back_as_clients_of_real_ones_expect(generator, command, query, told):
    ask(generator, command)
    assert ask(generator, query) == told
    assert ask(generator, ":SYST:ERR?") == NO_ERROR


@pytest.mark.parametrize(
    ("command", "query", "told"),
    [
        (":SOUR1:VOLT 0.0005", ":SOUR1:VOLT?", "1.000000E-03"),  # 2 mVpp at the open output
        (":SOUR1:VOLT 30", ":SOUR1:VOLT?", "1.000000E+01"),
        (":SOUR1:VOLT:OFFS 4", ":SOUR1:VOLT:OFFS?", "2.500000E+00"),
        (":SOUR1:FREQ 70MHZ", ":SOUR1:FREQ?", "6.000000E+07"),
        (":SOUR1:BURS:PHAS 400", ":SOUR1:BURS:PHAS?", "3.600000E+02"),
    ],
)
def test_values_out_of_range_are_limited_without_an_error(generator, command, query, told):
    ask(generator, command)
    assert ask(generator, query) == told
    assert ask(generator, ":SYST:ERR?") == NO_ERROR


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (":ROSC:SOUR EXT", "-113"),  # firmware 03.01.12
        (":SYST:CLKS EXT", "-113"),
        (":SOUR1:DATA:DAC VOLATILE,1,2,3", '-220,"Parameter error"'),  # pyvisa, issue 891
        (":SOUR3:FREQ 100", "-114"),
    ],
)
def test_what_is_wrong_is_in_the_error_queue(generator, command, error):
    ask(generator, command)
    assert ask(generator, ":SYST:ERR?").startswith(error)
    assert ask(generator, ":SYST:ERR?") == NO_ERROR


def test_without_10_mhz_the_clock_goes_back_to_internal():
    generator = VirtualDg1000z(virtual_bench(), "gen", reference=lambda: False)
    ask(generator, ":SYST:ROSC:SOUR EXT")
    assert ask(generator, ":SYST:ROSC:SOUR?") == "INT"


def test_two_commands_in_one_message_hang_it(generator):
    assert ask(generator, ":SOUR1:FREQ?;:SOUR2:FREQ?") == ""
    assert ask(generator, "*IDN?") == ""
    generator.power_cycle()
    assert ask(generator, "*IDN?").startswith("Rigol")


def test_opc_is_not_answered_while_a_burst_is_armed(generator):
    assert ask(generator, "*OPC?") == "1"
    for command in (":SOUR1:BURS:TRIG:SOUR EXT", ":SOUR1:BURS ON"):
        ask(generator, command)
    assert ask(generator, "*OPC?") == ""
    ask(generator, ":SOUR1:BURS OFF")
    assert ask(generator, "*OPC?") == "1"


def test_a_waveform_in_packets_with_little_endian_codes(generator):
    turns = np.arange(8192) / 8192
    codes = np.rint((np.sin(2 * np.pi * 3 * turns) + 1) / 2 * 16383).astype(int)
    upload(generator, "CON", codes[:4000])
    assert ask(generator, ":SOUR1:FUNC?") == "SIN"
    upload(generator, "END", codes[4000:])
    assert ask(generator, ":SOUR1:FUNC?") == "USER"  # END selects it
    assert ask(generator, ":SOUR1:DATA:POIN? VOLATILE") == "8192"
    (order, share, _), *rest = generator.channel(1).table.harmonics
    assert (order, share, rest) == (3, pytest.approx(1.0, abs=1e-4), [])
    assert ask(generator, ":SYST:ERR?") == NO_ERROR


@pytest.mark.parametrize("codes", [[0, 1, 2], [0x4000] * 8, range(16385)])
def test_a_packet_that_is_too_short_too_long_or_out_of_range_is_refused(generator, codes):
    upload(generator, "END", codes)
    assert ask(generator, ":SYST:ERR?").startswith("-220")
    assert ask(generator, ":SOUR1:FUNC?") == "SIN"


def test_a_short_waveform_is_extended_to_8192_points(generator):
    ask(generator, ":SOUR1:DATA VOLATILE,-0.6,-0.4,-0.3,-0.1,0,0.1,0.2,0.3,0.5,0.7")  # an example of the guide
    assert ask(generator, ":SOUR1:DATA:POIN? VOLATILE") == "8192"
    assert generator.channel(1).table.first == pytest.approx(-0.6, abs=1e-4)


def armed(generator: VirtualDg1000z, *settings: str) -> None:
    for command in (
        *(":OUTP1:LOAD INF", ":SOUR1:VOLT 2", ":SOUR1:BURS:TRIG:SOUR EXT", *settings),
        *(":SOUR1:BURS ON", ":OUTP1 ON", ":OUTP1:SYNC OFF", ":OUTP2:SYNC OFF"),
    ):
        ask(generator, command)


def pulse(generator: VirtualDg1000z) -> float:
    t = time.monotonic()
    generator._bench.lines.fire("gen/trigger", t)
    return t


def test_a_trigger_during_a_burst_does_not_start_another(generator):
    armed(generator, ":SOUR1:BURS:NCYC 3")
    began = pulse(generator)
    pulse(generator)
    volts = seen(generator, began, 100e3, 500)[:, 0]
    assert np.abs(volts[:300]).max() > 0.99
    assert np.abs(volts[302:]).max() < 1e-9
    time.sleep(0.004)
    assert np.abs(seen(generator, pulse(generator), 100e3, 300)[:, 0]).max() > 0.99


def test_a_trigger_ends_an_infinite_burst_and_switching_it_off_and_on_arms_it(generator):
    armed(generator, ":SOUR1:BURS:MODE INF", ":SOUR1:BURS:TRIG:SOUR EXT")
    assert np.abs(seen(generator, pulse(generator), 100e3, 100)[:, 0]).max() > 0.99
    assert np.abs(seen(generator, pulse(generator), 100e3, 100)[2:, 0]).max() < 1e-9
    pulse(generator)
    ask(generator, ":SOUR1:BURS OFF")
    assert np.abs(seen(generator, time.monotonic(), 100e3, 100)[:, 0]).max() > 0.99
    ask(generator, ":SOUR1:BURS ON")
    assert np.abs(seen(generator, time.monotonic(), 100e3, 100)[:, 0]).max() < 1e-9
    assert np.abs(seen(generator, pulse(generator), 100e3, 100)[:, 0]).max() > 0.99


def test_the_sync_output_holds_the_line_of_the_trigger(generator):
    armed(generator)
    ask(generator, ":OUTP2:SYNC ON")
    pulse(generator)
    assert generator.channel(1).started is None


def test_a_command_to_the_other_channel_undoes_a_setting_that_still_reads_back():
    generator = VirtualDg1000z(virtual_bench(), "gen")
    armed(generator)
    time.sleep(0.06)
    ask(generator, ":SOUR1:BURS OFF")
    assert ask(generator, ":SOUR1:BURS?") == "OFF"
    ask(generator, ":SOUR2:FREQ 500")  # within 50 ms
    assert ask(generator, ":SOUR1:BURS?") == "OFF"
    assert np.abs(seen(generator, time.monotonic(), 100e3, 100)[:, 0]).max() < 1e-9  # still waits
    time.sleep(0.06)
    ask(generator, ":SOUR1:BURS OFF")  # the same again does not help
    time.sleep(0.06)
    ask(generator, "*IDN?")
    assert np.abs(seen(generator, time.monotonic(), 100e3, 100)[:, 0]).max() < 1e-9


def test_a_mode_that_excludes_bursts_ends_them(generator):
    armed(generator)
    ask(generator, ":SOUR1:MOD ON")
    assert ask(generator, ":SOUR1:BURS?") == "OFF"
    assert ask(generator, ":SOUR1:MOD?") == "ON"


def test_phase_sync_aligns_what_plays_on(generator):
    for channel in (1, 2):
        for command in (f":OUTP{channel}:LOAD INF", f":SOUR{channel}:VOLT 2", f":OUTP{channel} ON"):
            ask(generator, command)
    first, second = seen(generator, time.monotonic(), 100e3, 100).T
    assert np.abs(first - second).max() > 0.01
    ask(generator, ":SOUR1:PHAS:SYNC")
    first, second = seen(generator, time.monotonic(), 100e3, 100).T
    np.testing.assert_allclose(first, second, atol=1e-9)
