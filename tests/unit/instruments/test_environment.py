"""What the environment sets for other programs does not reach the instruments, or is named."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from labrig_drivers.ni.grpc_channel import BoundedChannel
from labrig_drivers.visa import VisaSession

from labrig.errors import ConnectionFailed


@pytest.mark.parametrize("name", ["http_proxy", "grpc_proxy"])
def test_a_proxy_for_the_web_is_not_asked_for_an_instrument(name, monkeypatch) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    server = grpc.server(ThreadPoolExecutor(1))
    echo = grpc.unary_unary_rpc_method_handler(lambda request, context: request)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("s", {"echo": echo}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = BoundedChannel(f"127.0.0.1:{port}")
    try:
        assert channel.unary_unary("/s/echo")(b"here") == b"here"
    finally:
        channel.close()
        server.stop(0).wait()


def test_a_visa_library_that_is_gone_is_named_with_the_variable_that_chose_it(monkeypatch) -> None:
    monkeypatch.setenv("PYVISA_LIBRARY", "/gone/libvisa.so")
    session = VisaSession("err", "TCPIP::192.0.2.20::INSTR", 0.2)
    with pytest.raises(ConnectionFailed) as caught:
        session.open()
    assert "the VISA library cannot be loaded" in str(caught.value)
    assert "PYVISA_LIBRARY" in str(caught.value)
    assert "cable" not in str(caught.value)
