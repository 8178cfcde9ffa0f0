"""Commands of the guide that labrig does not send, and what the instrument ignores."""

from __future__ import annotations

import pytest
from wire.siglent.rigs import virtual_bench

from labrig.virtual_instruments.siglent import VirtualSdg, measured_latency


@pytest.fixture
def generator() -> VirtualSdg:
    return VirtualSdg(virtual_bench(), "gen")


def pairs(generator: VirtualSdg, query: str) -> dict[str, str]:
    reply = generator.execute(query.encode()).decode().strip()
    words = reply.partition(" ")[2].removeprefix(",").split(",")
    return dict(zip(words[::2], words[1::2], strict=False))


def tell(generator: VirtualSdg, *commands: str) -> None:
    for command in commands:
        assert generator.execute(command.encode()) == b""
    assert generator.failure is None


def test_noise_has_a_band(generator: VirtualSdg) -> None:
    tell(generator, "C1:BSWV WVTP,NOISE", "C1:BSWV BANDSTATE,ON", "C1:BSWV BANDWIDTH,50E6")
    assert pairs(generator, "C1:BSWV?")["BANDSTATE"] == "ON"
    assert pairs(generator, "C1:BSWV?")["BANDWIDTH"].startswith("50000000")
    tell(generator, "C1:BSWV BANDSTATE,PERHAPS")
    assert pairs(generator, "C1:BSWV?")["BANDSTATE"] == "ON"
    tell(generator, "C1:BSWV BANDSTATE,OFF")
    assert "BANDWIDTH" not in pairs(generator, "C1:BSWV?")


@pytest.mark.parametrize(
    ("command", "query", "key"),
    [
        ("C1:BSWV WVTP,SAUSAGE", "C1:BSWV?", "WVTP"),
        ("C1:BSWV FRQ,fast", "C1:BSWV?", "FRQ"),
        ("C1:BSWV AMPDBM,10", "C1:BSWV?", "AMP"),  # there are no dBm without a load
        ("C1:BTWV PRD,soon", "C1:BTWV?", "PRD"),
        ("C1:BTWV DLAY,later", "C1:BTWV?", "DLAY"),
        ("C1:HARM HARMORDER,many", "C1:HARM?", "HARMORDER"),
        ("COUP FDEV,some", "COUP?", "FDEV"),
        ("ROSC LATER", "ROSC?", "INT"),
    ],
)
def test_a_value_that_is_none_changes_nothing(generator: VirtualSdg, command: str, query: str, key: str) -> None:
    tell(
        generator, "C1:HARM HARMSTATE,ON", "C1:BTWV STATE,ON", "C1:BTWV TRSR,INT", "COUP FCOUP,ON", "COUP FDEV,10"
    )  # fmt: skip
    before = generator.execute(query.encode())
    assert key in before.decode(), before
    tell(generator, command)
    assert generator.execute(query.encode()) == before


def test_the_period_of_a_burst(generator: VirtualSdg) -> None:
    tell(generator, "C1:BTWV STATE,ON", "C1:BTWV TIME,3", "C1:BTWV TRSR,INT", "C1:BTWV PRD,0.25")
    assert pairs(generator, "C1:BTWV?")["PRD"] == "0.25S"
    tell(generator, "C1:BTWV TRSR,EXT", "C1:BTWV PRD,0.5", "C1:BTWV TRSR,INT")  # an external trigger has no period
    assert pairs(generator, "C1:BTWV?")["PRD"] == "0.25S"


def test_a_burst_of_noise_is_gated(generator: VirtualSdg) -> None:
    tell(generator, "C1:BTWV STATE,ON", "C1:BTWV CARR,WVTP,NOISE", "C1:BTWV PLRT,NEG")
    reply = generator.execute(b"C1:BTWV?").decode()
    assert "STATE,ON,PLRT,NEG,CARR,WVTP,NOISE" in reply


def test_the_phase_of_a_harmonic(generator: VirtualSdg) -> None:
    tell(generator, "C1:HARM HARMSTATE,ON", "C1:HARM HARMORDER,3", "C1:HARM HARMAMP,1", "C1:HARM HARMPHASE,-90")
    assert pairs(generator, "C1:HARM?")["HARMPHASE"] == "270"


def test_what_is_kept_at_power_on_and_protected(generator: VirtualSdg) -> None:
    for header, values in (("SCFG", ("LAST", "DEFAULT")), ("VOLTPRT", ("ON", "OFF"))):
        for value in values:
            tell(generator, f"{header} {value}", f"{header} PERHAPS")
            assert generator.execute(f"{header}?".encode()).decode().split()[-1] == value


def test_a_table_without_its_samples_and_a_channel_that_is_not_there_change_nothing(generator: VirtualSdg) -> None:
    before = generator.execute(b"C1:ARWV?")
    tell(generator, "C1:WVDT WVNM,wave,WAVEDATA", "C1:ARWV NAME,wave", "C3:OUTP ON")
    assert generator.execute(b"C1:ARWV?") == before
    assert generator.execute(b"C3:OUTP?") == b""
    assert generator.execute(b"C1:OUTP?").startswith(b"C1:OUTP OFF")


def test_a_relay_takes_longer_than_a_setting() -> None:
    relay, waveform, other = (measured_latency(m) for m in (b"C1:OUTP ON", b"C1:BSWV WVTP,SINE", b"C1:BSWV AMP,1"))
    assert 0.08 < relay < 0.26
    assert 0.015 < waveform < 0.03
    assert other < 0.015
