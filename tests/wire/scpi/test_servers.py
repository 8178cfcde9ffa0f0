"""A real client (PyVISA with pyvisa-py) on both front ends."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import threading
import time

import pytest
import pyvisa
from busy import stretched
from pyvisa.errors import VisaIOError

from labrig.simulation.faults.disconnect import Disconnect
from labrig.simulation.faults.late_replies import LateReplies
from labrig.simulation.faults.silent import Silent
from labrig.virtual_instruments.scpi import Latency, ScpiInstrument, SocketServer, Vxi11Server

INSTANT = Latency(0.0, 0.0)


class Echo(ScpiInstrument):
    def __init__(self) -> None:
        super().__init__("labrig,echo,7,1.0", raw_after=frozenset({"RAW"}))
        self.held = b""
        self.command("DATA", self._set)
        self.query("DATA", lambda _: f"#6{len(self.held):06d}".encode() + self.held)

    def _set(self, call) -> None:
        self.held = call.arguments[-1]


@pytest.fixture(params=[SocketServer, Vxi11Server])
def front(request):
    with request.param(Echo(), INSTANT, name="echo") as server:
        yield server


@pytest.fixture
def client(front):
    session = pyvisa.ResourceManager("@py").open_resource(front.resource, open_timeout=2000)
    session.timeout = 2000
    session.read_termination = session.write_termination = "\n"
    yield session
    session.close()


def test_ask_who_is_there(client):
    assert client.query("*IDN?") == "labrig,echo,7,1.0"
    client.write("NONSENSE")
    assert client.query("SYST:ERR?").startswith("-113,")


def test_blocks_of_every_byte(client):
    data = bytes(range(256)) * 900
    client.write_binary_values("DATA ", data, datatype="B")
    got = client.query_binary_values("DATA?", datatype="B", container=bytes, data_points=len(data))
    assert got == data


def test_raw_data_needs_an_end_flag():
    with Vxi11Server(Echo(), INSTANT) as server:
        session = pyvisa.ResourceManager("@py").open_resource(server.resource)
        payload = b"\n;#1" * 50_000
        session.write_raw(b"DATA RAW," + payload)
        assert session.query("*OPC?").strip() == "1"
        assert server.instrument.held == payload  # type: ignore[attr-defined]
        session.close()


def test_one_round_trip_is_fast(client, front, capsys):
    times = []
    for _ in range(200):
        began = time.perf_counter()
        client.query("*OPC?")
        times.append(time.perf_counter() - began)
    median = statistics.median(times)
    with capsys.disabled():
        print(f"\n{type(front).__name__}: query {median * 1e6:.0f} us median", end=" ")
    assert median < 20e-3  # a wall-clock bound for a busy machine; the figure is what is printed


def test_silence_delay_and_a_lost_connection(client, front):
    client.query("*OPC?")
    front.faults.begin(LateReplies(LateReplies.Options(by="50 ms")), "echo")
    began = time.perf_counter()
    client.query("*OPC?")
    assert time.perf_counter() - began >= 0.05
    front.faults.end("echo")
    front.faults.begin(Silent(), "echo")
    client.timeout = 200
    began = time.perf_counter()
    with pytest.raises((VisaIOError, OSError)):
        client.query("*OPC?")
    assert time.perf_counter() - began < stretched(5)


def test_the_connection_drops_when_asked(front):
    manager = pyvisa.ResourceManager("@py")
    session = manager.open_resource(front.resource, read_termination="\n", write_termination="\n")
    session.timeout = 500
    session.query("*OPC?")
    front.faults.begin(Disconnect(), "echo")
    with pytest.raises(Exception):  # noqa: B017, PT011  pyvisa-py lets through what it meets
        session.query("*OPC?")
    session.close()


def test_threads_end_with_the_server(front):
    connection = socket.create_connection((front.host, front.port))
    connection.sendall(b"\x80\x00\x00\x00")
    time.sleep(0.05)
    front.stop()
    front.stop()
    connection.close()
    time.sleep(0.05)
    names = [thread.name for thread in threading.enumerate()]
    assert f"virtual instrument {front.port}" not in names


@pytest.mark.parametrize("garbage", [b"\xff" * 64, b"\x80\x00\x00\x04abcd", b"\x80\x00\x00\x18" + b"\0" * 24, b""])
def test_garbage_ends_a_connection_and_nothing_else(garbage):
    with Vxi11Server(Echo(), INSTANT) as server:
        with socket.create_connection((server.host, server.port)) as connection:
            connection.sendall(garbage)
        session = pyvisa.ResourceManager("@py").open_resource(server.resource)
        assert session.query("*OPC?").strip() == "1"
        session.close()


def test_several_clients_share_one_instrument():
    with SocketServer(Echo(), INSTANT) as server:
        manager = pyvisa.ResourceManager("@py")
        sessions = [
            manager.open_resource(server.resource, read_termination="\n", write_termination="\n") for _ in range(3)
        ]
        assert [session.query("*OPC?") for session in sessions] == ["1"] * 3
        for session in sessions:
            session.close()


def test_pyvisa_shell_talks_to_it():
    shell = os.path.join(os.path.dirname(sys.executable), "pyvisa-shell")
    if not os.path.exists(shell):
        pytest.skip("pyvisa-shell is not installed")
    with SocketServer(Echo(), INSTANT) as server:
        script = f"list\nopen {server.resource}\ntermchar LF LF\nquery *IDN?\nclose\nexit\n"
        done = subprocess.run(
            [shell, "-b", "py"], input=script, capture_output=True, text=True, timeout=60, check=False
        )
    assert "labrig,echo,7,1.0" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("front", [Vxi11Server], indirect=True)
def test_status_clear_and_trigger_of_vxi11(client):
    """As pyvisa-py sends them: the status byte tells whether a reply is waiting, clear drops it."""
    client.write("*IDN?")
    assert client.read_stb() & 16
    client.clear()
    assert not client.read_stb() & 16
    client.assert_trigger()
    assert client.query("*OPC?") == "1"


@pytest.mark.parametrize("front", [Vxi11Server], indirect=True)
def test_a_read_of_nothing_ends_with_its_time(client):
    client.timeout = 50
    began = time.monotonic()
    with pytest.raises(VisaIOError, match="VI_ERROR_TMO"):
        client.read()
    assert time.monotonic() - began < stretched(5)
    client.timeout = 2000
    assert client.query("*OPC?") == "1"
