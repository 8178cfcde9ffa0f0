from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire.siglent.rigs import virtual_bench

from labrig.virtual_instruments.scpi import Call, ScpiInstrument
from labrig.virtual_instruments.scpi.syntax import ScpiError
from labrig.virtual_instruments.siglent import VirtualSdg


class Supply(ScpiInstrument):
    """Enough of an instrument to have paths, blocks and errors."""

    def __init__(self) -> None:
        super().__init__("labrig,supply,0,1")
        self.volts = {1: 0.0, 2: 0.0}
        self.offset = 0.0
        self.data = b""
        self.command("[SOURce#:]VOLTage[:LEVel]", self._set)
        self.query("[SOURce#:]VOLTage[:LEVel]", lambda call: f"{self.volts[call.suffixes[0]]:g}")
        self.command("[SOURce#:]VOLTage:OFFSet", self._offset)
        self.query("[SOURce#:]VOLTage:OFFSet", lambda _: f"{self.offset:g}")
        self.command("DATA", self._data)
        self.query("DATA", lambda _: f"#2{len(self.data):02d}".encode() + self.data)

    def _set(self, call: Call) -> None:
        if call.suffixes[0] not in self.volts:
            raise ScpiError(-114, "Header suffix out of range")
        self.volts[call.suffixes[0]] = call.number()

    def _offset(self, call: Call) -> None:
        self.offset = call.number()

    def _data(self, call: Call) -> None:
        self.data = call.block()

    def reset(self) -> None:
        self.volts = {1: 0.0, 2: 0.0}


def test_set_and_ask():
    supply = Supply()
    assert supply.execute(b"SOUR2:VOLT 1.5 V;:VOLT 20MV") == b""
    assert supply.execute(b"SOUR2:VOLT?;:VOLT?") == b"1.5;0.02\n"


def test_path_is_carried_over_and_common_commands_leave_it():
    supply = Supply()
    supply.execute(b"SOUR1:VOLT 3;*WAI;VOLT:OFFS 0.5")
    assert supply.offset == 0.5
    assert supply.execute(b"SOUR1:VOLT:OFFS?;LEV?") == b"0.5;3\n"


def test_blocks_come_back_as_they_went():
    supply = Supply()
    supply.execute(b'DATA #15;\n,"#')
    assert supply.execute(b"DATA?") == b'#205;\n,"#\n'


@pytest.mark.parametrize(
    ("message", "code", "bit"),
    [
        (b"NONSENSE", -113, 32),
        (b"VOLT", -109, 32),
        (b"VOLT abc", -104, 32),
        (b"VOLT 1 FURLONG", -131, 32),
        (b"VOLT 1e999", -222, 16),
        (b"SOUR3:VOLT 1", -114, 32),
        (b"VOLT 'open", -151, 32),
        (b"DATA #19abc", -161, 32),
    ],
)
def test_errors_are_queued_and_set_their_bit(message, code, bit):
    supply = Supply()
    supply.execute(b"*CLS")
    assert supply.execute(message) == b""
    assert supply.execute(b"*STB?") == b"4\n"
    assert supply.execute(b"*ESR?;*ESR?") == f"{bit};0\n".encode()
    assert supply.execute(b"SYST:ERR?").startswith(f"{code:+d},".encode())
    assert supply.execute(b"SYSTem:ERRor:NEXT?") == b'+0,"No error"\n'


def test_error_queue_overflows_with_a_word():
    supply = Supply()
    for _ in range(30):
        supply.execute(b"X")
    errors = [supply.execute(b"SYST:ERR?") for _ in range(21)]
    assert errors[19].startswith(b"-350")
    assert errors[20].startswith(b"+0")


def test_status_reporting():
    supply = Supply()
    assert supply.execute(b"*ESR?") == b"128\n"  # power on
    supply.execute(b"*ESE 33;*SRE 255;*OPC")
    assert supply.execute(b"*ESE?;*SRE?;*STB?") == b"33;191;96\n"
    assert supply.execute(b"*ESR?;*STB?;*OPC?") == b"1;0;1\n"
    supply.execute(b"VOLT 5;*RST;*CLS")
    assert supply.execute(b"VOLT?;*IDN?;*TST?") == b"0;labrig,supply,0,1;0\n"


_words = st.sampled_from(
    b"""VOLT SOUR2 : ; ? , # #15 ' " *ESE 1e99 MHZ - C1: C2: BSWV BTWV OUTP WVDT ARWV WVTP STATE ON CARR TIME INF SINE
    PULSE DC NOISE ARB FRQ AMP OFST PHSE AMPDBM LOAD HZ 50 WAVEDATA, WVNM, w NAME MTRIG TRSR MAN EXT 0 -1 400 PERI
    DUTY""".split(b" ")  # with a newline left in two of them
)
_messages = st.one_of(st.binary(max_size=120), st.lists(_words | st.just(b" "), max_size=14).map(b"".join))


@given(st.lists(_messages, max_size=6))
def test_nothing_a_client_sends_is_a_mistake_of_the_engine(messages):
    supply = Supply()
    for message in messages:
        assert isinstance(supply.execute(message), bytes)
    assert supply.failure is None or isinstance(supply.failure, KeyError)  # SOUR9:VOLT? of this test's own handler


@given(st.lists(_messages, max_size=10))
def test_the_generator_survives_everything(messages):
    generator = VirtualSdg(virtual_bench(), "gen")
    generator.execute(b"C1:OUTP ON")
    for message in messages:
        generator.execute(message)
        generator.execute(b"C1:" + message)
        for query in (b"C1:BSWV?", b"C1:BTWV?", b"C1:OUTP?"):
            assert generator.execute(query).startswith(query[:-1])
    generator._bench.lines.fire("gen/trigger", generator._bench.clock())
    assert generator.failure is None


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (b"SOUR1:VOLT", -109),
        (b"SOUR1:VOLT #13abc", -104),
        (b"DATA", -109),
        (b"DATA 5", -104),
        (b"*ESE 256", -222),
        (b"*SRE -1", -222),
        (b"SOUR3:VOLT 1", -114),
        (b"NOTHING", -113),
    ],
)
def test_an_argument_that_is_wrong_has_its_error(command: bytes, code: int):
    supply = Supply()
    assert supply.execute(command) == b""
    assert supply.execute(b"SYST:ERR?").startswith(str(code).encode())
    assert supply.failure is None
    assert supply.volts == {1: 0.0, 2: 0.0}


def test_masks_are_kept_without_the_bit_of_the_request_itself():
    supply = Supply()
    supply.execute(b"*ESE 36;*SRE 255")
    assert supply.execute(b"*ESE?;*SRE?") == b"36;191\n"


def test_a_handler_that_fails_is_an_error_of_the_device_and_is_kept():
    supply = Supply()
    supply.query("FAIL", lambda _: str(1 / 0))
    assert supply.execute(b"FAIL?") == b""
    assert supply.execute(b"SYST:ERR?").startswith(b"-300")
    assert isinstance(supply.failure, ZeroDivisionError)
