"""Virtual instruments obey the programs of their own user only."""

from __future__ import annotations

import os
import socket
import sys

import grpc
import pytest
from nidaqmx.errors import RpcError
from wire.daqmx.boards import client, wire
from wire.siglent.rigs import virtual_bench

from labrig.virtual_instruments import same_user, serial_server
from labrig.virtual_instruments.daqmx import server as daqmx_server
from labrig.virtual_instruments.digipot import VirtualDigipotBoard
from labrig.virtual_instruments.same_user import is_same_user, owner
from labrig.virtual_instruments.scpi import SocketServer, servers
from labrig.virtual_instruments.siglent import VirtualSdg


@pytest.mark.skipif(sys.platform != "linux", reason="only the kernel of Linux tells")
def test_the_kernel_knows_whose_socket_it_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = listener.getsockname()
        here = socket.create_connection(server)
        client = here.getsockname()
        assert owner(client, server) == os.getuid()
        assert owner(server, client) is None  # not accepted yet: nobody's
        assert is_same_user(client, server)
        here.close()
        assert owner(client, server) is None
        assert not is_same_user(client, server)


def test_the_user_must_be_the_same_or_root(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = ("127.0.0.1", 1), ("127.0.0.1", 2)
    for user, same in ((os.getuid(), True), (0, True), (4711, os.getuid() == 4711), (None, False)):
        monkeypatch.setattr(same_user, "owner", lambda *ends, user=user: user)
        assert same_user.is_same_user(*ends) is same


def test_other_users_get_no_answer_from_a_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = VirtualSdg(virtual_bench(), "gen")
    with SocketServer(generator, name="gen") as server:
        for same, answer in ((True, b"Siglent"), (False, b"")):
            monkeypatch.setattr(servers, "is_same_user", lambda *peer, same=same: same)
            with socket.create_connection((server.host, server.port), 5.0) as line:
                line.sendall(b"*IDN?\n")
                try:
                    said = line.recv(4096)
                except ConnectionResetError:
                    said = b""
                assert said.startswith(answer)
                assert bool(said) is same


def test_other_users_get_no_answer_from_a_bank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_server, "is_same_user", lambda *peer: False)
    with serial_server.serve(VirtualDigipotBoard(4)) as resource:
        host, _, port = resource.removeprefix("socket://").partition(":")
        with socket.create_connection((host, int(port)), 5.0) as line:
            assert line.recv(1) == b""


def test_other_users_get_an_error_from_a_board(monkeypatch: pytest.MonkeyPatch) -> None:
    with wire() as served, client(served.port) as ni:
        monkeypatch.setattr(daqmx_server, "is_same_user", lambda *peer: False)
        served.server._admitted.clear()  # the client has made calls already
        with pytest.raises(RpcError) as caught:
            list(ni.system.devices.device_names)
        assert caught.value.rpc_code is grpc.StatusCode.PERMISSION_DENIED
        monkeypatch.setattr(daqmx_server, "is_same_user", lambda *peer: True)
        assert list(ni.system.devices.device_names)
