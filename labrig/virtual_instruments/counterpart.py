"""How to write the virtual counterpart of a driver, and how the counterparts of a configuration are served.

On `bench: wire`, and under `labrig virtual serve`, the real drivers talk to virtual counterparts that share one
simulated world. `DriverInfo.virtual` names a driver's counterpart: a `VirtualCounterpart` with a factory,

    factory(bench: VirtualBench, entries: Sequence[Entry]) -> context manager that yields Sequence[Endpoint]

that is called once, with all instruments of the configuration that have this counterpart. Entering the context starts
the servers and yields one endpoint per entry; leaving it ends all connections and threads. Most instruments have their
own address; for these, `each_on_its_own` makes the factory from a function that serves one instrument:

    @each_on_its_own
    @contextmanager
    def generator(bench: VirtualBench, entry: Entry) -> Iterator[str]:
        with SocketServer(MyGenerator(bench, entry.name), faults=bench.faults, name=entry.name) as server:
            yield server.resource

How a counterpart uses the bench:

- a source sets its outputs with `bench.world.drive(t, "awg/1", program)` (None opens the output), and starts at
  signal edges on its trigger line, `bench.lines.listen("awg/trigger", on_edge)`;
- a programmer sets the conductances with `bench.world.set(t, {edge: siemens})`; the edges of its channels are in
  `bench.world.wiring.edges`;
- a digitizer calls `bench.world.begin_acquisition(t)` and `bench.world.voltages(...)`, and fires its start trigger with
  `bench.lines.fire("daq/start", t)`; the World forgets signals from before the last 16 acquisitions, unless
  `begin_acquisition(t, reader)` declares that these signals will still be read;
- times are `bench.clock()` in seconds; code that reads or changes the World must hold `bench.lock`;
- faults of the configuration are in `bench.faults`, where a counterpart looks up the faults at the places listed in its
  `VirtualCounterpart.faults`. The servers of `scpi.servers` do so for "connection", "silence" and "delay".

Servers for SCPI instruments are in `scpi`, and a server for serial devices is in `serial_server`.
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
    """One instrument of a configuration, for its virtual counterpart.

    Attributes
    ----------
    name : str
        Name of the instrument in the configuration; on the bench its channels are `<name>/<channel>`.
    model : str
        Model with which the instrument identifies itself.
    capabilities : Capabilities
        Capabilities of the instrument, with the channels in order.
    options : Mapping[str, Any]
        The entry's validated options as plain values.
    parts : sequence of Part, optional
        For a programmer, the specimen in each channel; `conductance` of a specimen is its actual conductance.
    """

    name: str
    model: str
    capabilities: Capabilities
    options: Mapping[str, Any]
    parts: Sequence[Part] = ()


@dataclass(frozen=True)
class Endpoint:
    """The address of a virtual instrument.

    Attributes
    ----------
    name, model : str
        Name and model of the entry.
    resource : str
        Address for other clients: a VISA resource, `grpc://HOST:PORT/DEVICE`, or `socket://HOST:PORT`.
    options : Mapping[str, str], optional
        Driver options that connect to the instrument, by default `{"resource": resource}`.
    """

    name: str
    model: str
    resource: str
    options: Mapping[str, str] | None = None

    @property
    def overrides(self) -> Mapping[str, str]:
        """Driver options that connect to the instrument."""
        return {"resource": self.resource} if self.options is None else self.options


Served = AbstractContextManager[Sequence[Endpoint]]
"""Serves the instruments while the context lasts."""

Factory = Callable[[VirtualBench, Sequence[Entry]], Served]


def each_on_its_own(serve: Callable[[VirtualBench, Entry], AbstractContextManager[str]]) -> Factory:
    """Make a factory for instruments that have their own address.

    Parameters
    ----------
    serve : callable
        Context manager that serves one instrument and yields its resource.
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
    groups: dict[VirtualCounterpart, list[Entry]] = {}
    for driver, entry in instruments:
        if driver.virtual is not None:
            groups.setdefault(driver.virtual, []).append(entry)
    if without := {entry.name: driver.name for driver, entry in instruments if driver.virtual is None}:
        raise ConfigError(
            f"there is no virtual counterpart of {', '.join(dict.fromkeys(without.values()))}",
            device=", ".join(without),
            remedy="use a driver with a virtual counterpart (see `labrig drivers --json`), or 'bench: simulated'",
        )
    with ExitStack() as stack:
        endpoints: list[Endpoint] = []
        for counterpart, entries in groups.items():
            endpoints += stack.enter_context(counterpart.load()(bench, entries))
        yield endpoints
