"""How to write the virtual counterpart of a driver, and how those of a configuration are found and served.

On `bench: wire`, and under `labrig virtual serve`, the real drivers talk to virtual counterparts around one simulated
world. `DriverInfo.virtual` names a driver's counterpart: a `VirtualCounterpart` with a factory,

    factory(bench: VirtualBench, entries: Sequence[Entry]) -> context manager that gives Sequence[Endpoint]

that is called once with every instrument of the configuration whose driver has this counterpart. Entering the context
starts the servers and gives one endpoint per entry; leaving it ends every connection and thread. Most instruments have
an address each; `each_on_its_own` makes the factory from a function that serves one of them:

    @each_on_its_own
    @contextmanager
    def generator(bench: VirtualBench, entry: Entry) -> Iterator[str]:
        with SocketServer(MyGenerator(bench, entry.name), faults=bench.faults, name=entry.name) as server:
            yield server.resource

What a counterpart may ask of the bench and what it must do:

- a source tells the world what its outputs play: `bench.world.drive(t, "awg/1", program)`, program None where the
  output is open, and starts at the edges of its trigger line: `bench.lines.listen("awg/trigger", on_edge)`;
- a programmer tells it the conductances: `bench.world.set(t, {edge: siemens})`, with the edges of its channels in
  `bench.world.wiring.edges`;
- a digitizer takes part in it with `bench.world.begin_acquisition(t)` and `bench.world.voltages(...)`, and fires
  `bench.lines.fire("daq/start", t)`;
- times are `bench.clock()` in seconds; whatever touches the world holds `bench.lock`;
- faults of the configuration are in `bench.faults`; a counterpart asks it for those that act where its
  `VirtualCounterpart.faults` says. The servers of `scpi.servers` do so for "connection", "silence" and "delay".

Servers for SCPI instruments are in `scpi`, one for serial devices in `serial_server`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from labrig.errors import ConfigError
from labrig.instruments.drivers import Capabilities, DriverInfo, VirtualCounterpart
from labrig.instruments.parts import Part
from labrig.virtual_instruments.virtual_bench import VirtualBench


@dataclass(frozen=True)
class Entry:
    """One instrument of a configuration, as its virtual counterpart needs it.

    Attributes
    ----------
    name : str
        Its name in the configuration; on the bench its channels are `<name>/<channel>`.
    model : str
        The model to answer as.
    capabilities : Capabilities
        What it can do; its channels in order.
    options : Mapping[str, Any]
        The entry's validated options as plain values.
    parts : sequence of Part, optional
        Of a programmer: the specimen in each channel, whose `conductance` of a setting is the actual one.
    """

    name: str
    model: str
    capabilities: Capabilities
    options: Mapping[str, Any]
    parts: Sequence[Part] = ()


@dataclass(frozen=True)
class Endpoint:
    """Where a virtual instrument is reached.

    Attributes
    ----------
    name, model : str
        Those of its entry.
    resource : str
        What a foreign client is given: a VISA resource, `grpc://HOST:PORT/DEVICE`, or `socket://HOST:PORT`.
    options : Mapping[str, str], optional
        The driver's options that lead it here; without them `{"resource": resource}`.
    """

    name: str
    model: str
    resource: str
    options: Mapping[str, str] | None = None

    @property
    def overrides(self) -> Mapping[str, str]:
        """The driver's options that lead it here."""
        return {"resource": self.resource} if self.options is None else self.options


Served = AbstractContextManager[Sequence[Endpoint]]
"""Serves while the context lasts."""

Factory = Callable[[VirtualBench, Sequence[Entry]], Served]


def each_on_its_own(serve: Callable[[VirtualBench, Entry], AbstractContextManager[str]]) -> Factory:
    """Make the factory of instruments that have an address each.

    Parameters
    ----------
    serve : callable
        Serves one instrument while its context lasts, and gives the resource that it is reached at.
    """

    @contextmanager
    def factory(bench: VirtualBench, entries: Sequence[Entry]) -> Iterator[Sequence[Endpoint]]:
        with ExitStack() as stack:
            yield [Endpoint(entry.name, entry.model, stack.enter_context(serve(bench, entry))) for entry in entries]

    return factory


@contextmanager
def served(bench: VirtualBench, instruments: Sequence[tuple[DriverInfo, Entry]]) -> Iterator[list[Endpoint]]:
    """Serve the counterparts of all instruments while the context lasts.

    Raises
    ------
    ConfigError
        For drivers that have no virtual counterpart.
    """
    together: dict[VirtualCounterpart, list[Entry]] = {}
    for driver, entry in instruments:
        if driver.virtual is not None:
            together.setdefault(driver.virtual, []).append(entry)
    if alone := {entry.name: driver.name for driver, entry in instruments if driver.virtual is None}:
        raise ConfigError(
            f"no virtual counterpart to {', '.join(dict.fromkeys(alone.values()))}",
            device=", ".join(alone),
            remedy="use a driver that has one (`labrig drivers --json` tells), or write 'bench: simulated'",
        )
    with ExitStack() as stack:
        endpoints: list[Endpoint] = []
        for counterpart, entries in together.items():
            endpoints += stack.enter_context(counterpart.load()(bench, entries))
        yield endpoints
