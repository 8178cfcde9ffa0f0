"""A server of its own for each test, and NI's client of it; a file may serve another board."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from wire.daqmx.boards import Client, Wire, client, wire


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
