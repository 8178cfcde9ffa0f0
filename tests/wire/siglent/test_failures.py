"""siglent.sdg when the generator, its connection or its identity is not what it should be."""

from __future__ import annotations

import gc
import socket
import threading
import time

import pytest
from busy import stretched
from labrig_drivers.siglent import SdgOptions, SdgSource
from pyvisa.errors import InvalidSession
from wire.siglent.rigs import assert_as_told, options, played, rig, sine, virtual_bench

from labrig.errors import (
    ChannelFault,
    ConnectionFailed,
    DeadlineExceeded,
    IdentityMismatch,
    LabrigError,
)
from labrig.signals.tones import SILENT, ToneProgram
from labrig.simulation.faults.disconnect import Disconnect
from labrig.simulation.faults.late_replies import LateReplies
from labrig.simulation.faults.silent import Silent
from labrig.virtual_instruments.scpi import ScpiInstrument, SocketServer, Vxi11Server
from labrig.virtual_instruments.siglent import VirtualSdg

FRONTS = pytest.mark.parametrize("front", [SocketServer, Vxi11Server])


@pytest.mark.parametrize("resource", ["TCPIP::127.0.0.1::{}::SOCKET", "TCPIP::127.0.0.1,{}::inst0::INSTR"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_nobody_there(resource):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    wanted = SdgOptions(driver="siglent.sdg", resource=resource.format(port), deadline="300 ms")
    source = SdgSource("gen", wanted)
    with pytest.raises((ConnectionFailed, DeadlineExceeded), match=r"gen: .*remedy"):
        source.open()
    source.make_safe()
    source.close()
    gc.collect()  # pyvisa-py leaves the socket of a refused VXI-11 connection to the collector, which warns: here


@FRONTS
def test_an_instrument_that_falls_silent(front):
    with rig(front, deadline="300 ms") as (source, generator, server):
        source.idle()
        server.faults.begin(Silent(), "gen")
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded, match=r"gen: did not answer.*while: load; limit: 0.3 s"):
            source.load({"1": sine(1000, 1.0)})
        began, spent = time.monotonic(), time.monotonic() - began
        assert spent < stretched(3)
        with pytest.raises(LabrigError):
            source.make_safe()
        assert time.monotonic() - began < stretched(6)
        server.faults.end("gen")
        source.make_safe()
        told, volts = played(source, generator, {"1": sine(1000, 1.0), "2": SILENT})
        assert_as_told(told, volts)


@FRONTS
def test_it_is_made_safe_over_a_connection_of_its_own_while_a_call_hangs(front):
    """The generator never answers one question, and nobody gave it a deadline worth the name."""
    hung = threading.Event()

    def latency(message: bytes) -> float:
        if b"BTWV?" in message and hanging.is_set():
            hung.set()
            return 20.0
        return 0.0

    hanging = threading.Event()
    generator = VirtualSdg(virtual_bench(), "gen")
    with front(generator, latency) as server:
        source = SdgSource("gen", options(server, deadline="60 s"))
        source.open()
        source.load({"1": sine(1000, 0.5), "2": ToneProgram(0.3)})
        hanging.set()
        failures: list[Exception] = []

        def confirm() -> None:
            try:
                source.confirm()
            except Exception as failure:
                failures.append(failure)

        thread = threading.Thread(target=confirm, daemon=True)
        thread.start()
        assert hung.wait(5)
        began = time.monotonic()
        source.make_safe()
        assert time.monotonic() - began < stretched(1.0)
        assert generator.execute(b"C1:OUTP?").startswith(b"C1:OUTP OFF")
        assert generator.execute(b"C2:OUTP?").startswith(b"C2:OUTP OFF")
        thread.join(5.0)  # it was woken up
        assert not thread.is_alive()
        assert [type(failure) for failure in failures] == [ConnectionFailed]
        source.make_safe()  # over the connection that is left
        source.close()
    gc.collect()


def test_both_outputs_are_off_before_an_answer_is_waited_for():
    """Over VXI-11 a message is acknowledged, so there the second one has to wait."""
    generator = VirtualSdg(virtual_bench(), "gen")
    with SocketServer(generator, name="gen") as server:
        source = SdgSource("gen", options(server, deadline="500 ms"))
        source.open()
        source.load({"1": sine(1000, 0.5), "2": ToneProgram(0.3)})
        server.faults.begin(Silent(), "gen")
        off_s: list[float] = []
        began = time.monotonic()

        def watch() -> None:
            while b"OUTP ON" in generator.execute(b"C1:OUTP?") + generator.execute(b"C2:OUTP?"):
                time.sleep(1e-3)
            off_s.append(time.monotonic() - began)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        with pytest.raises(DeadlineExceeded):
            source.make_safe()
        watcher.join(5.0)
        assert off_s[0] < 0.3
        server.faults.end("gen")
        source.close()
    gc.collect()


@FRONTS
def test_a_lost_connection(front):
    with rig(front, deadline="500 ms") as (source, generator, server):
        source.idle()
        server.faults.begin(Disconnect(), "gen")
        with pytest.raises((ConnectionFailed, DeadlineExceeded), match="gen: "):
            source.load({"1": sine(1000, 1.0)})
        server.faults.end("gen")
        source.make_safe()
        assert generator._bench.world.playing(time.monotonic()) == {"gen/1": None, "gen/2": None}


def test_late_answers_are_not_taken_for_others():
    deadline_s = stretched(0.2)
    with rig(deadline=f"{deadline_s:.3g} s") as (source, generator, server):
        source.idle()
        server.faults.begin(LateReplies(LateReplies.Options(by=f"{2 * deadline_s:.3g} s")), "gen")
        with pytest.raises(DeadlineExceeded):
            source.load({"1": sine(1000, 1.0)})
        server.faults.end("gen")
        told, volts = played(source, generator, {"1": sine(1000, 0.5), "2": SILENT})
        assert_as_told(told, volts)


def test_without_a_clock_at_its_input():
    generator = VirtualSdg(virtual_bench(), "gen", reference=lambda: False)
    with SocketServer(generator) as server:
        source = SdgSource("gen", options(server))
        with pytest.raises(ConnectionFailed, match="10 MHz"):
            source.open()
        source.make_safe()
        source.close()
        source = SdgSource("gen", options(server, clock="internal"))
        source.open()
        source.close()


@pytest.mark.parametrize("identity", ["Siglent Technologies,SDS2104X,1,1", "Keysight,33500B,1,1", "junk"])
def test_another_instrument(identity):
    with SocketServer(ScpiInstrument(identity)) as server:
        source = SdgSource("gen", options(server))
        with pytest.raises(IdentityMismatch, match="identifies as"):
            source.open()
        source.make_safe()
        source.close()


def test_outputs_that_another_process_left_on_are_switched_off_from_outside_without_a_reset() -> None:
    with rig() as (source, generator, server):
        source.idle()
        generator.execute(b"C1:BSWV FRQ,1234")
        SdgSource("gen", options(server)).rescue()
        for channel in "12":
            assert b"OUTP OFF" in generator.execute(f"C{channel}:OUTP?".encode())
        assert b"FRQ,1234" in generator.execute(b"C1:BSWV?")
        generator.execute(b"C1:BSWV FRQ,1000")
        with pytest.raises(ChannelFault, match="requested ON, got OFF"):
            source.confirm()


def test_a_session_that_cannot_be_closed_is_not_closed_again():
    """PyVISA tries once more when it is collected and when Python ends, and prints what comes of it."""
    with rig(Vxi11Server, deadline="300 ms") as (source, _, _):
        source.idle()
        visa = source._session
        session = visa._session
        visa._cut(session)
        visa._discard(session)
        with pytest.raises(InvalidSession):
            _ = session.session
