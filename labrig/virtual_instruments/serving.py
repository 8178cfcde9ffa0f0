"""Virtual instruments around one World: what each is given, and what it answers with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from labrig.instruments.drivers import Capabilities


@dataclass(frozen=True)
class Entry:
    """One instrument of a configuration, as its virtual counterpart needs it.

    options: the entry's validated options as plain values. end_to_end_ohm: actual resistances of a programmer's bank.
    """

    name: str
    model: str
    capabilities: Capabilities
    options: Mapping[str, Any]
    end_to_end_ohm: Any = None


@dataclass(frozen=True)
class Endpoint:
    """Where a virtual instrument is reached. resource: what a foreign client would be given.

    A VISA resource, `grpc://HOST:PORT/DEVICE`, or `socket://HOST:PORT`.
    """

    name: str
    model: str
    resource: str

    def overrides(self) -> dict[str, str]:
        """What of a driver's options leads it here."""
        if self.resource.startswith("grpc://"):
            address, _, device = self.resource.removeprefix("grpc://").partition("/")
            return {"grpc": address, "resource": device}
        return {"resource": self.resource}


class VirtualInstruments(Protocol):
    """Servers of one kind."""

    def start(self) -> list[Endpoint]:
        """Serve; returns one endpoint per instrument."""
        ...

    def stop(self) -> None:
        """End every server thread."""
        ...
