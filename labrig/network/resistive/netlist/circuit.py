"""A circuit as plain data: the content of a netlist with parameters, models and subcircuits resolved."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from labrig.errors import ConfigError
from labrig.network.resistive.diodes import DiodeModel
from labrig.network.resistive.netlist.waveforms import Waveform

GROUND = "0"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file; `line` is None for the whole file."""

    file: Path
    line: int | None

    def __str__(self) -> str:
        return str(self.file) if self.line is None else f"{self.file}:{self.line}"


class NetlistError(ConfigError):
    """A netlist that cannot be read or solved: the place, the problem, and a remedy if there is one."""

    def __init__(self, place: Place, message: str, remedy: str | None = None) -> None:
        super().__init__(f"{place}: {message}", remedy=remedy)


@dataclass(frozen=True, slots=True)
class Resistor:
    """A resistor of `ohm` > 0 between two nodes."""

    name: str
    a: str
    b: str
    ohm: float
    place: Place


@dataclass(frozen=True, slots=True)
class Capacitor:
    """A capacitor of `farad` > 0 between two nodes."""

    name: str
    a: str
    b: str
    farad: float
    place: Place


@dataclass(frozen=True, slots=True)
class Diode:
    """A diode that conducts from `anode` to `cathode`."""

    name: str
    anode: str
    cathode: str
    model: DiodeModel
    place: Place


@dataclass(frozen=True, slots=True)
class VoltageSource:
    """A voltage source: the voltage of `plus` minus that of `minus` is the waveform `plays` (V)."""

    name: str
    plus: str
    minus: str
    plays: Waveform
    place: Place


@dataclass(frozen=True, slots=True)
class CurrentSource:
    """A current source: the waveform `plays` (A) is drawn from `plus` and injected into `minus`."""

    name: str
    plus: str
    minus: str
    plays: Waveform
    place: Place


@dataclass(frozen=True, slots=True)
class Transient:
    """A transient analysis (.tran) from 0 to `stop_s`, with output every `step_s` from `start_s` on."""

    step_s: float
    stop_s: float
    start_s: float
    place: Place


@dataclass(slots=True)
class Circuit:
    """A whole netlist. Nodes are in lower case, as in SPICE, in the order in which they are first named; ground is '0'.

    Attributes
    ----------
    operating_point : bool
        Whether the netlist contains .op.
    transient : Transient or None
        The .tran of the netlist, if there is one.
    notes : list of str
        Statements that were ignored because they do not affect the result, with their places.
    skipped : list of str
        Names of elements that were left out at the caller's request.
    """

    title: str
    file: Path
    resistors: list[Resistor] = field(default_factory=list[Resistor])
    capacitors: list[Capacitor] = field(default_factory=list[Capacitor])
    diodes: list[Diode] = field(default_factory=list[Diode])
    voltages: list[VoltageSource] = field(default_factory=list[VoltageSource])
    currents: list[CurrentSource] = field(default_factory=list[CurrentSource])
    operating_point: bool = False
    transient: Transient | None = None
    notes: list[str] = field(default_factory=list[str])
    skipped: list[str] = field(default_factory=list[str])

    @property
    def parts(self) -> list[Resistor | Capacitor | Diode | VoltageSource | CurrentSource]:
        """All elements."""
        return [*self.resistors, *self.capacitors, *self.diodes, *self.voltages, *self.currents]

    @property
    def nodes(self) -> tuple[str, ...]:
        """All nodes except ground."""
        ends = [
            *((part.place.line or 0, part.a, part.b) for part in (*self.resistors, *self.capacitors)),
            *((part.place.line or 0, part.anode, part.cathode) for part in self.diodes),
            *((part.place.line or 0, part.plus, part.minus) for part in (*self.voltages, *self.currents)),
        ]
        named = [node for _, *pair in sorted(ends, key=lambda end: end[0]) for node in pair]
        return tuple(node for node in dict.fromkeys(named) if node != GROUND)
