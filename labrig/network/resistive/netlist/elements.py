"""The elements of a netlist: one function per kind of element adds it to the circuit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from labrig.network.resistive.netlist.cards import Card
from labrig.network.resistive.netlist.circuit import Capacitor, Circuit, CurrentSource, Diode, Resistor, VoltageSource
from labrig.network.resistive.netlist.models import ModelCard, diode_model
from labrig.network.resistive.netlist.values import ValueProblem, value
from labrig.network.resistive.netlist.waveforms import PiecewiseLinear, Sine, Waveform

WAVES = ("sin", "sine", "pwl")


@dataclass(slots=True)
class Context:
    """What holds for a whole netlist.

    Temperature of the circuit, nominal temperature of models (°C), names of elements that are left out, and the number
    of subcircuits that were inserted so far.
    """

    temperature_c: float = 27.0
    nominal_c: float = 27.0
    skipped: frozenset[str] = frozenset()
    instances: int = 0


LEAST_OHM, MOST_OHM = 1e-9, 1e18
LEAST_F, MOST_F = 1e-21, 1e6
"""Bounds of resistances (Ω) and capacitances (F): beyond them, the equations of a circuit lose all digits."""


class Names(Protocol):
    """The parameters, models and nodes that an element can refer to by name."""

    prefix: str
    parameters: dict[str, float]
    models: dict[str, ModelCard]

    def node(self, word: str) -> str:
        """The node of the whole circuit to which a name refers."""
        ...


def resistor(card: Card, names: Names, circuit: Circuit, context: Context) -> None:
    """Add a resistor: `R1 a b 4.7k [m=2]`."""
    ohm, multiple = _value(card, names, "r")
    _positive(ohm / multiple, "resistance", "Ω", LEAST_OHM, MOST_OHM)
    a, b = _ends(card, names)
    circuit.resistors.append(Resistor(_name(card, names), a, b, ohm / multiple, card.place))


def capacitor(card: Card, names: Names, circuit: Circuit, context: Context) -> None:
    """Add a capacitor: `C1 a b 100n [m=2]`."""
    farad, multiple = _value(card, names, "c")
    _positive(farad * multiple, "capacitance", "F", LEAST_F, MOST_F)
    a, b = _ends(card, names)
    circuit.capacitors.append(Capacitor(_name(card, names), a, b, farad * multiple, card.place))


def diode(card: Card, names: Names, circuit: Circuit, context: Context) -> None:
    """Add a diode: `D1 anode cathode model [area] [m=2]`."""
    words, options = _split(card.words[3:])
    words = [word for word in words if word.lower() != "off"]
    if not 1 <= len(words) <= 2:
        raise ValueProblem("write ANODE CATHODE MODEL [AREA]")
    written = names.models.get(words[0].lower())
    if written is None:
        raise ValueProblem(f"there is no .model {words[0]}; define it or .include its file")
    area = value(words[1], names.parameters) if len(words) == 2 else 1.0
    area = value(options.pop("area"), names.parameters) if "area" in options else area
    multiple = value(options.pop("m"), names.parameters) if "m" in options else 1.0
    _refuse(options)
    model, charge = diode_model(written, area, multiple, context.temperature_c, context.nominal_c)
    a, b = _ends(card, names)
    circuit.diodes.append(Diode(_name(card, names), a, b, model, card.place))
    note = f"{written.place}: model {written.name}: {', '.join(charge)} left out; its diodes store no charge"
    if charge and note not in circuit.notes:
        circuit.notes.append(note)


def voltage_source(card: Card, names: Names, circuit: Circuit, context: Context) -> None:
    """Add a voltage source: `V1 plus minus [DC] 1 [SIN(…) | SINE(…) | PWL(…)]`."""
    a, b = _ends(card, names)
    circuit.voltages.append(VoltageSource(_name(card, names), a, b, _plays(card, names), card.place))


def current_source(card: Card, names: Names, circuit: Circuit, context: Context) -> None:
    """Add a current source: `I1 plus minus [DC] 1m [SIN(…) | PWL(…)]`."""
    a, b = _ends(card, names)
    circuit.currents.append(CurrentSource(_name(card, names), a, b, _plays(card, names), card.place))


BUILDERS: dict[str, Callable[[Card, Names, Circuit, Context], None]] = {
    "r": resistor,
    "c": capacitor,
    "d": diode,
    "v": voltage_source,
    "i": current_source,
}


def _ends(card: Card, names: Names) -> tuple[str, str]:
    if len(card.words) < 3:
        raise ValueProblem("it needs two nodes")
    a, b = card.words[1:3]
    for node in (a, b):
        if node in "()=" or node[0] in "{'\"":
            raise ValueProblem(f"{node!r} is not the name of a node")
    return names.node(a), names.node(b)


def _name(card: Card, names: Names) -> str:
    return f"{names.prefix}{card.name}"


def _value(card: Card, names: Names, key: str) -> tuple[float, float]:
    """Return the value of a part with two ends, and the number of such parts in parallel."""
    words, options = _split(card.words[3:])
    if key in options:
        words.append(options.pop(key))
    if len(words) != 1:
        raise ValueProblem("it needs one value" if not words else f"{words[1]!r} is not expected here")
    multiple = value(options.pop("m"), names.parameters) if "m" in options else 1.0
    _refuse(options)
    if not multiple > 0:
        raise ValueProblem(f"m must be > 0, not {multiple:g}")
    return value(words[0], names.parameters), multiple


def _split(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Separate the words into plain ones and those written as key=value."""
    plain, options = list[str](), dict[str, str]()
    words, position = list(words), 0
    while position < len(words):
        if words[position + 1 : position + 2] == ["="]:
            if position + 2 >= len(words):
                raise ValueProblem(f"{words[position]}= has no value; write it after the =")
            options[words[position].lower()] = words[position + 2]
            position += 3
        else:
            plain.append(words[position])
            position += 1
    return plain, options


def _refuse(options: dict[str, str]) -> None:
    for key in options:
        raise ValueProblem(f"{key}= is not supported; remove it if it does not matter")


def _positive(amount: float, what: str, unit: str, least: float, most: float) -> None:
    if not least <= amount <= most:
        raise ValueProblem(f"the {what} must be {least:g} to {most:g} {unit}, not {amount:g} {unit}")


def _plays(card: Card, names: Names) -> Waveform:
    """The waveform of a source, from the words after its nodes."""
    words = list(card.words[3:])
    level: float | None = None
    shape: Sine | PiecewiseLinear | None = None
    while words:
        first = words.pop(0)
        key = first.lower()
        if key == "dc":
            if not words:
                raise ValueProblem("DC has no value; write it after DC")
            if words[0].lower() in WAVES or words[1:2] == ["="]:
                continue  # some schematic editors write DC without a value
            level = _level(words, names)
        elif key == "ac":  # only for a small-signal analysis, which is not supported
            while words and words[0].lower() not in (*WAVES, "dc"):
                words.pop(0)
        elif key in WAVES:
            numbers = [value(word, names.parameters) for word in _arguments(words, first)]
            shape = _piecewise(numbers) if key == "pwl" else _sine(numbers)
        elif key in ("pulse", "exp", "sffm", "am", "trnoise", "trrandom", "external"):
            raise ValueProblem(f"{first} is not supported; sources play DC, SIN or PWL")
        elif level is None and shape is None:
            level = value(first, names.parameters)
        else:
            raise ValueProblem(f"{first!r} is not expected here; remove it, or check the words before it")
    return Waveform(level, shape)


def _level(words: list[str], names: Names) -> float:
    """Remove the level after DC (5, =5 or (5)) from the words, and return it."""
    first = words.pop(0)
    if first not in ("=", "("):
        return value(first, names.parameters)
    if not words:
        raise ValueProblem("DC has no value; write it after DC")
    level = value(words.pop(0), names.parameters)
    if first == "(" and (not words or words.pop(0) != ")"):
        raise ValueProblem("DC( has no closing parenthesis")
    return level


def _arguments(words: list[str], name: str) -> list[str]:
    """Remove the arguments of SIN or PWL, with or without parentheses, from the words, and return them."""
    taken: list[str] = []
    if words[:1] != ["("]:
        taken, words[:] = list(words), []
        if "=" in taken:
            raise ValueProblem(f"{name} with {taken[taken.index('=') - 1]}= is not supported")
        return taken
    words.pop(0)
    while words and words[0] != ")":
        taken.append(words.pop(0))
    if not words:
        raise ValueProblem(f"{name}( has no closing parenthesis")
    words.pop(0)
    if words[1:2] == ["="]:
        raise ValueProblem(f"{name} with {words[0]}= is not supported")
    return taken


def _sine(numbers: Sequence[float]) -> Sine:
    if numbers[6:] == [0.0]:  # number of cycles, which some schematic editors write: 0 means that the sine does not end
        numbers = numbers[:6]
    if not 3 <= len(numbers) <= 6:
        raise ValueProblem("write SIN(OFFSET AMPLITUDE FREQUENCY [DELAY [DAMPING [PHASE]]])")
    offset, amplitude, frequency, *more = numbers
    if not frequency > 0:
        raise ValueProblem(f"the frequency of a SIN must be > 0, not {frequency:g} Hz")
    delay, damping, phase = [*more, 0.0, 0.0, 0.0][:3]
    return Sine(offset, amplitude, frequency, delay, damping, math.radians(phase))


def _piecewise(numbers: Sequence[float]) -> PiecewiseLinear:
    times, values = numbers[0::2], numbers[1::2]
    if not times or len(times) != len(values):
        raise ValueProblem("PWL needs pairs of time and value: write PWL(T1 V1 T2 V2 …)")
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise ValueProblem("the times of a PWL must increase")
    return PiecewiseLinear(tuple(times), tuple(values))
