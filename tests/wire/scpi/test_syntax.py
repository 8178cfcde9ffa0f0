from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labrig.virtual_instruments.scpi.syntax import Framer, ScpiError, Unit, boolean, number, split_units
from labrig.virtual_instruments.scpi.tree import CommandTree


def test_units_arguments_and_case():
    assert split_units(b" freq 1 kHz ;:volt:offs?;*RST") == [
        Unit("FREQ", False, ("1 kHz",)),
        Unit(":VOLT:OFFS", True, ()),
        Unit("*RST", False, ()),
    ]


def test_quoted_strings_hold_separators():
    (unit,) = split_units(b"MMEM:NAME \"a;b,c\",'it #12'")
    assert unit.arguments == ("a;b,c", "it #12")


def test_definite_blocks_hold_any_byte():
    payload = b';\n,"#' + bytes(range(256))
    head = f"#3{len(payload):03d}".encode()
    first, second = split_units(b"DATA:ARB name," + head + payload + b";*OPC?")
    assert first.arguments == ("name", payload)
    assert second == Unit("*OPC", True, ())


def test_raw_tail_without_a_length():
    payload = b"\x00;,\n\"'#" * 3
    (unit,) = split_units(b"C1:WVDT WVNM,w,WAVEDATA," + payload, raw_after={"WAVEDATA"})
    assert unit.arguments == ("WVNM", "w", "WAVEDATA", payload)


def test_empty_arguments_are_kept():
    (unit,) = split_units(b"A 1,,2,")
    assert unit.arguments == ("1", "", "2", "")


@pytest.mark.parametrize("text", [b"A 'open", b"A #15abc", b"A #9", b"\xff\xfe 1"])
def test_unreadable(text):
    with pytest.raises(ScpiError):
        split_units(text)


def test_a_long_row_of_digits_is_refused_at_once():
    """A pattern whose parts could share the digits between them would try all ways: an hour for these."""
    with pytest.raises(ScpiError):
        number("1" * 1_000_000 + "!")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2.5MHZ", 2.5e6),
        ("10 MV", 0.01),
        ("4.7MOHM", 4.7e6),
        ("3 mS", 3e-3),
        ("1E3", 1e3),
        ("-.5", -0.5),
        ("1MA", 1e-3),
        ("20uS", 20e-6),
        ("1.414Vrms", 1.414),
        ("3kohm", 3e3),
        ("50 %", 50.0),
    ],
)
def test_numbers_with_units(text, value):
    assert number(text) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("text", ["", "abc", "1 FURLONG", "1e9999", "1..2", b"12", "0x10"])
def test_no_numbers(text):
    with pytest.raises(ScpiError):
        number(text)


def test_booleans():
    assert [boolean(text) for text in ("ON", "off", "1", "0", "0.4")] == [True, False, True, False, False]


def test_tree_spellings_suffixes_and_strangers():
    tree: CommandTree[str] = CommandTree()
    tree.add("[SOURce#:]VOLTage[:LEVel][:IMMediate]", "volts")
    tree.add("C#:BaSic_WaVe", "wave")
    tree.add("OUTPut#[:STATe]", "output")
    tree.add("*IDN", "identity")
    for header, found in {
        "VOLT": ("volts", (1,)),
        "SOUR2:VOLTAGE": ("volts", (2,)),
        "SOURCE:VOLT:LEV:IMM": ("volts", (1,)),
        "SOUR12:VOLT:IMMEDIATE": ("volts", (12,)),
        "C2:BSWV": ("wave", (2,)),
        "C1:BASIC_WAVE": ("wave", (1,)),
        "OUTP2:STAT": ("output", (2,)),
        "*IDN": ("identity", ()),
    }.items():
        assert tree.find(header) == found
    for stranger in ("VOL", "VOLTA", "VOLT2", "SOUR", "C1", "C1:BSWV:X", "", ":", "OUTP1:STAT1", "É"):
        assert tree.find(stranger) is None


@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(1, 7))
def test_framing_does_not_depend_on_how_bytes_arrive(payloads, size):
    messages = [b"D " + f"#2{len(p):02d}".encode() + p for p in payloads]
    stream = b"\n".join([*messages, b""])
    framer = Framer()
    got = [m for at in range(0, len(stream), size) for m in framer.feed(stream[at : at + size])]
    assert got == messages


@given(st.binary(max_size=300), st.integers(1, 50))
def test_framer_never_fails(data, size):
    framer = Framer()
    for at in range(0, len(data), size):
        framer.feed(data[at : at + size])
