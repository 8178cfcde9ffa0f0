"""A server of its own for each test, and NI's client of it; a file may serve another board."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from labrig_drivers.ni import NiAnalogInput, NiAnalogOutput, grpc_channel
from wire.daqmx.boards import Client, Wire, analog_input, analog_output, chain, client, wire


@pytest.fixture
def served() -> Iterator[Wire]:
    with wire() as served:
        yield served


@pytest.fixture
def ni(served: Wire) -> Iterator[Client]:
    with client(served.port) as connected:
        yield connected


@pytest.fixture
def nothing_left(served: Wire) -> Iterator[None]:
    """When the test and its client have ended, no task is left on the server."""
    yield
    assert served.server.tasks == ()


@pytest.fixture
def served_chain() -> Iterator[Wire]:
    """A server of a chain of nodes, for instruments that drive and read it."""
    with wire(chain(5, 0.0)) as served:
        yield served


@pytest.fixture
def ai(served_chain: Wire) -> Iterator[NiAnalogInput]:
    instrument = analog_input(served_chain.port)
    instrument.open()
    yield instrument
    instrument.close()
    assert not [name for name in served_chain.server.tasks if name.startswith("ai")]


@pytest.fixture
def ao(served_chain: Wire) -> Iterator[NiAnalogOutput]:
    instrument = analog_output(served_chain.port)
    instrument.open()
    yield instrument
    instrument.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc_channel, "DEADLINE_S", 0.3)
