"""What differs between models and firmware, what a reply left on the line does, and uploads that are sent whole."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
import pytest
from labrig_drivers.siglent import SdgOptions, SdgSource, capabilities
from labrig_drivers.siglent.dialect import messages
from labrig_drivers.siglent.models import LONGEST_USB_MESSAGE, model_of
from labrig_drivers.siglent.upload import stored_bytes, without_line_feeds
from wire.siglent.rigs import assert_as_told, edge, options, played, rig, seen, sine, virtual_bench

from labrig.errors import ChannelFault, ConnectionFailed, LabrigError
from labrig.instruments.data import SourceAccuracy
from labrig.instruments.drivers import SourceCapabilities
from labrig.signals.tones import SILENT, Tone, ToneProgram
from labrig.virtual_instruments.counterpart import Entry
from labrig.virtual_instruments.scpi import ScpiInstrument, Server, SocketServer, Vxi11Server
from labrig.virtual_instruments.siglent import VirtualSdg
from labrig.virtual_instruments.siglent.counterpart import generators
from labrig.virtual_instruments.siglent.models import MODELS

TWO = ToneProgram(0.1, (Tone(650, 0.6), Tone(1100, 0.3, np.pi)))


@contextmanager
def source_of(model: str, front: type[Server] = SocketServer, **more: str) -> Iterator[tuple[SdgSource, VirtualSdg]]:
    generator = VirtualSdg(virtual_bench(), "gen", model)
    with front(generator) as server:
        source = SdgSource("gen", options(server, model=model, **more))
        source.open()
        try:
            yield source, generator
        finally:
            source.close()
    assert generator.failure is None


def resource_of(model: str, resource: str) -> tuple[str, str]:
    """Where the counterpart of an entry is served, and its firmware."""
    entry = Entry(
        "gen", model, SourceCapabilities(("1", "2"), 16, 10.0, 50.0, 1e-3), {"resource": resource, "serial": ""}
    )
    bench = virtual_bench()
    with generators(bench, [entry]) as (endpoint,):
        source = SdgSource("gen", SdgOptions(driver="siglent.sdg", resource=endpoint.resource))
        source.open()
        firmware = source.identify().firmware
        source.close()
    return endpoint.resource.rpartition("::")[2], firmware


def test_a_virtual_generator_serves_what_its_firmware_serves() -> None:
    assert resource_of("SDG2042X", "TCPIP::192.0.2.20::INSTR") == ("INSTR", "2.01.01.23R7")
    assert resource_of("SDG2042X", "TCPIP::192.0.2.20::5025::SOCKET") == ("SOCKET", "2.01.01.39R7")
    assert resource_of("SDG1032X", "TCPIP::192.0.2.20::5025::SOCKET") == ("SOCKET", "1.01.01.33R1B6")
    assert not MODELS["SDG2042X"].firmware[0].raw_socket


def test_a_refused_raw_socket_is_answered_with_vxi_11() -> None:
    wanted = SdgOptions(driver="siglent.sdg", resource="TCPIP::127.0.0.1::1::SOCKET", deadline="300 ms")
    source = SdgSource("gen", wanted)
    with pytest.raises(LabrigError, match=r"use its VXI-11 resource, .* 2\.01\.01\.23R7 refuses port 5025"):
        source.open()
    source.close()


def test_an_sdg1032x_plays_in_steps_of_1_mv_and_a_hundredth_of_a_degree() -> None:
    with source_of("SDG1032X") as (source, generator):
        source.idle()
        asked = ToneProgram(0.1234, (Tone(1000, 0.33333, 0.3),))
        told, volts = played(source, generator, {"1": asked, "2": sine(1000, 0.2)})
        (tone,) = told["1"].tones
        assert tone.amplitude == pytest.approx(0.3335)  # 667 mVpp
        assert told["1"].dc == pytest.approx(0.123)
        assert_as_told(told, volts)


def test_the_message_after_a_combined_wave_type_is_swallowed_and_none_is_sent() -> None:
    with source_of("SDG1032X") as (_, generator):
        assert generator.execute(b"C1:BSWV?").startswith(b"C1:BSWV WVTP,SINE")
    generator = VirtualSdg(virtual_bench(), "gen", "SDG1032X")
    generator.execute(b"C1:BSWV WVTP,SINE,FRQ,1500")
    assert generator.execute(b"C1:BSWV?") == b""
    assert b"FRQ,1500HZ" in generator.execute(b"C1:BSWV?")
    assert generator.execute(b"ROSC?") == b"ROSC INT\n"


def test_an_sdg1032x_is_uploaded_over_its_socket_around_line_feeds() -> None:
    with source_of("SDG1032X") as (source, generator):
        source.idle()
        told, volts = played(source, generator, {"1": TWO, "2": SILENT})
        assert_as_told(told, volts, 1e-3)
        assert stored_bytes(source._session, "labrig1") == 32768


@pytest.mark.parametrize(
    ("model", "resource", "most"),
    [
        ("SDG1032X", "TCPIP::192.0.2.20::5025::SOCKET", 64),
        ("SDG1032X", "USB0::0xF4EC::0x1103::SDG1X::INSTR", 1),
        ("SDG2042X", "TCPIP::192.0.2.20::5025::SOCKET", 1),
        ("SDG2042X", "TCPIP::192.0.2.20::INSTR", 64),
        ("SDG2042X", "USB0::0xF4EC::0x1102::SDG2X::INSTR", 64),
    ],
)
def test_where_an_upload_arrives(model: str, resource: str, most: int) -> None:
    assert capabilities(SdgOptions(driver="siglent.sdg", model=model, resource=resource)).most_tones == most


def test_samples_step_round_the_line_feed() -> None:
    every = np.arange(-32768, 32768, dtype="<i2")
    sent = np.frombuffer(without_line_feeds(every.tobytes()), "<i2")
    assert b"\n" not in sent.tobytes()
    assert np.abs(sent.astype(int) - every).max() <= 129
    untouched = [b"\n" not in value.tobytes() for value in every]
    np.testing.assert_array_equal(sent[untouched], every[untouched])


def test_what_goes_over_usb_fits_a_packet() -> None:
    pairs = ["FRQ,12345.678901", "PHSE,-123.456", "AMP,12.3456", "OFST,-3.21098"]
    sent = messages("C1:BSWV", pairs, LONGEST_USB_MESSAGE)
    assert len(sent) == 2
    assert max(map(len, sent)) <= LONGEST_USB_MESSAGE
    assert ",".join(message.removeprefix("C1:BSWV ") for message in sent) == ",".join(pairs)
    assert messages("C1:BSWV", pairs, None) == ["C1:BSWV " + ",".join(pairs)]


@pytest.mark.parametrize("model", ["SDG1032X", "SDG2042X"])
def test_levels_are_compared_in_the_steps_of_the_model(model: str) -> None:
    data = model_of(model)
    assert data.same_level(1.0, 1.0)
    assert data.same_level(1.0, 1.0004) == (model == "SDG1032X")
    assert data.same_phase(30.0, 30.004) == (model == "SDG1032X")
    assert not data.same_level(1.0, 1.001)


def test_a_counted_burst_in_place_of_an_infinite_one() -> None:
    with source_of("SDG2042X", Vxi11Server, burst="counted") as (source, generator):
        source.idle()
        for amplitude in (0.5, -0.25):
            told, volts = played(source, generator, {"1": sine(1000, amplitude), "2": SILENT})
            assert_as_told(told, volts)
        assert b"TIME,1000000" in generator.execute(b"C1:BTWV?")
        told = source.load({"1": sine(400e3, 0.5)})
        t0 = edge(generator)
        assert np.abs(seen(generator, t0 + 2.0, 1e6, 20)).max() > 0.4  # still playing two seconds later
        source.confirm()


class Stale(ScpiInstrument):
    """A generator that answers one query with a reply to the query before it."""

    def __init__(self, generator: VirtualSdg, query: bytes, stale: bytes) -> None:
        super().__init__("")
        self.has_blocks = False
        self._generator, self._query, self._stale = generator, query, stale

    def execute(self, message: bytes) -> bytes:
        reply = self._generator.execute(message)
        if message.strip().startswith(self._query) and self._stale:
            reply, self._stale = self._stale, b""
        return reply


@pytest.mark.parametrize("front", [SocketServer, Vxi11Server])
@pytest.mark.parametrize(
    ("query", "stale"),
    [
        (b"*IDN?", b"C1:OUTP OFF,LOAD,HZ,PLRT,NOR\n"),
        (b"ROSC?", b"C1:OUTP EXT,LOAD,HZ,PLRT,NOR\n"),
        (b"ROSC?", b"Siglent Technologies,SDG2042X,1,EXT\n"),
        (b"C1:OUTP?", b"C2:OUTP OFF,LOAD,HZ,PLRT,NOR\n"),
        (b"C2:BTWV?", b"ROSC EXT,10MOUT,OFF\n"),
    ],
)
def test_a_reply_left_on_the_line_is_named_as_that(front: type[Server], query: bytes, stale: bytes) -> None:
    with front(Stale(VirtualSdg(virtual_bench(), "gen"), query, stale)) as server:
        source = SdgSource("gen", options(server))
        with pytest.raises(ConnectionFailed, match="left on the line") as raised:
            source.open()
        assert f"answered {stale.decode().strip()!r} to {query.decode()}" in str(raised.value)
        source.open()  # over another connection
        source.close()


def test_a_reply_left_before_the_length_of_an_upload() -> None:
    stale = b"C1:OUTP OFF,LOAD,HZ,PLRT,NOR\n"
    with Vxi11Server(Stale(VirtualSdg(virtual_bench(), "gen"), b"WVDT?", stale)) as server:
        source = SdgSource("gen", options(server))
        source.open()
        with pytest.raises(ConnectionFailed, match="left on the line"):
            source.load({"1": TWO})
        source.load({"1": TWO})
        source.close()


@pytest.mark.parametrize("kept", [0, 1000])
def test_a_waveform_that_was_stored_short_is_a_fault(kept: int) -> None:
    cut = VirtualSdg._upload

    def short(self, call):
        cut(self, type(call)(call.suffixes, (*call.arguments[:-1], call.arguments[-1][:kept])))

    says = rf"stored {kept} of the 32768 bytes of labrig1.*do not switch it off"
    with (
        patch.object(VirtualSdg, "_upload", short),
        rig(Vxi11Server) as (source, _, _),
        pytest.raises(ChannelFault, match=says),
    ):
        source.load({"1": TWO})


def slow_upload(server: Server, takes_s: float) -> threading.Event:
    """Let an upload take this long; the event is set as soon as it has begun."""
    begun = threading.Event()

    def latency(message: bytes) -> float:
        if b"WAVEDATA," in message[:200]:
            begun.set()
            return takes_s
        return 0.0

    server._latency = latency
    return begun


def test_ctrl_c_waits_until_an_upload_has_ended() -> None:
    with rig(Vxi11Server) as (source, generator, server):
        begun = slow_upload(server, 1.0)

        def interrupt() -> None:
            assert begun.wait(5)
            for _ in range(2):  # and again
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.1)

        pressing = threading.Thread(target=interrupt, daemon=True)
        pressing.start()

        def upload() -> None:
            try:
                source.load({"1": TWO})
            finally:
                pressing.join()  # on a busy machine the second one comes only now

        with pytest.raises(KeyboardInterrupt):
            upload()
        ends = time.monotonic() + 5.0  # the server of a busy machine may still be at it
        while "labrig1" not in generator._tables and time.monotonic() < ends:
            time.sleep(0.01)
        assert len(generator._tables["labrig1"].data) == 32768
        server._latency = lambda _: 0.0
        assert stored_bytes(source._session, "labrig1") == 32768
        source.load({"1": TWO})


def test_make_safe_waits_until_an_upload_of_another_thread_has_ended() -> None:
    with rig(Vxi11Server) as (source, generator, server):
        source.idle()
        begun = slow_upload(server, 0.5)
        failures: list[Exception] = []

        def load() -> None:
            try:
                source.load({"1": TWO})
            except Exception as failure:
                failures.append(failure)

        thread = threading.Thread(target=load, daemon=True)
        thread.start()
        assert begun.wait(5)
        source.make_safe()
        thread.join(5)
        assert len(generator._tables["labrig1"].data) == 32768
        assert generator.execute(b"C1:OUTP?").startswith(b"C1:OUTP OFF")
        assert [type(failure) for failure in failures] == [ChannelFault]


def test_queries_of_what_changes_nothing_on_the_board() -> None:
    """As an SDG1032X (firmware 1.01.01.33R1B6) and, for SRATE?, an SDG2122X answered."""
    generator = VirtualSdg(virtual_bench(), "gen")

    def ask(query: str) -> str:
        return generator.execute(query.encode()).decode("latin-1").removesuffix("\n")

    assert ask("STL?").startswith("STL M10, ExpFal, M11, ExpRise, ")
    assert ask("STL? BUILDIN").endswith("M9, Dnramp")
    assert ask("STL? USER") == "STL WVNM"
    assert ask("WVDT? USER,wave1") == ""
    samples = bytes(range(32))
    generator.execute(b"C1:WVDT WVNM,wave1,FREQ,1000,AMPL,1,OFST,0,PHASE,0,WAVEDATA," + samples)
    assert ask("STL? USER") == "STL WVNM,wave1"
    head = b"WVDT POS, /Local, WVNM, wave1, LENGTH, 32B, TYPE, 6, WAVEDATA,"
    assert generator.execute(b"WVDT? USER,wave1") == head + samples + b"\n"
    assert ask("C2:SRATE?") == "C2:SRATE MODE,DDS"
    generator.execute(b"C1:SRATE MODE,TARB,VALUE,333333,INTER,LINE")
    assert ask("C1:SRATE?") == "C1:SRATE MODE,TARB,VALUE,333333Sa/s"
    assert ask("C1:INVT?") == "C1:INVT OFF"
    generator.execute(b"C1:INVT ON")
    assert ask("C1:INVT?") == "C1:INVT ON"
    assert ask("C1:OUTP?").endswith("PLRT,INVT")
    assert ask("C1:HARM?") == "C1:HARM HARMSTATE,OFF"
    generator.execute(b"C1:BSWV WVTP,SQUARE")
    assert ask("C1:HARM?") == ""
    assert ask("FCNT?") == "FCNT STATE,OFF"
    assert ask("VOLTPRT?") == "ON"
    assert ask("SCFG?") == "SCFG DEFAULT"
    assert ask("C1:SYNC?") == "C1:SYNC OFF"
    generator.execute(b"C1:ARWV INDEX,4")
    assert ask("C1:ARWV?") == "C1:ARWV INDEX,4,NAME,StairUD"
    assert generator.failure is None


@pytest.mark.parametrize(("load", "tone_v"), [("high_z", 0.5e-3), ("50ohm", 1e-3)])
def test_a_generator_states_the_accuracy_of_its_data_sheet(load: str, tone_v: float) -> None:
    """1 % + 1 mVpp of what it shows, which is half of the open-circuit voltage with a load of 50 Ω set."""
    resource = {"driver": "siglent.sdg", "resource": "TCPIP::127.0.0.1::INSTR"}
    stated = SdgSource("gen", SdgOptions.model_validate({**resource, "load": load})).accuracy()
    assert stated.u_gain == pytest.approx(0.01 / 3**0.5)
    assert stated.u_tone_v == pytest.approx(tone_v / 3**0.5)
    calibrated = SdgOptions.model_validate({**resource, "gain_error": "0.1 %", "tone_error": "0 V"})
    assert SdgSource("gen", calibrated).accuracy() == SourceAccuracy.within(1e-3)
