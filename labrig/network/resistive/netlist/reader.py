"""Reads a netlist into a circuit; subcircuits are flattened as in ngspice ('x1.node', 'x1.r1')."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from labrig.network.resistive.netlist.cards import Card, read_cards
from labrig.network.resistive.netlist.circuit import GROUND, Circuit, NetlistError, Place, Transient
from labrig.network.resistive.netlist.elements import BUILDERS, Context
from labrig.network.resistive.netlist.models import ModelCard
from labrig.network.resistive.netlist.values import ValueProblem, value

GROUND_NAMES = ("0", "gnd")
DEEPEST_SUBCIRCUIT = 50
MOST_SUBCIRCUITS = 100_000
IGNORED = (".save", ".print", ".plot", ".probe", ".four", ".meas", ".measure", ".width", ".control", ".title")
"""Statements that request output; they are ignored, because `labrig simulate` writes all results."""
ANALYSES = (".ac", ".dc", ".noise", ".tf", ".sens", ".pz", ".disto", ".pss", ".sp")
OPTIONS_THAT_MATTER = ("temp", "tnom", "gmin", "scale", "rshunt", "cshunt")
Definition = tuple[Card, str, str]
"""A parameter: the statement that defines it, its name, and the text of its value."""


@dataclass(slots=True)
class Scope:
    """The names that are valid inside one circuit or subcircuit.

    `given` are the parameters that an instance sets; they replace `defaults` and every .param of the same name inside.
    """

    prefix: str
    parameters: dict[str, float]
    models: dict[str, ModelCard]
    subcircuits: dict[str, Subcircuit]
    nodes: Mapping[str, str] = field(default_factory=dict[str, str])
    defaults: tuple[Definition, ...] = ()
    given: Mapping[str, float] = field(default_factory=dict[str, float])

    def node(self, word: str) -> str:
        """The node of the whole circuit to which a name refers."""
        name = word.lower()
        if name in GROUND_NAMES:
            return GROUND
        return self.nodes.get(name) or f"{self.prefix}{name}"


@dataclass(frozen=True, slots=True)
class Subcircuit:
    """A .subckt: its pins, the defaults of its parameters, and its statements."""

    pins: tuple[str, ...]
    defaults: tuple[Definition, ...]
    body: tuple[Card, ...]
    place: Place


def read_netlist(path: str | Path, skipped: Collection[str] = ()) -> Circuit:
    """Read a netlist of resistors, capacitors, diodes and independent sources.

    Supported are R, C, D with .model, V and I with DC, SIN and PWL, X with .subckt, .param with expressions, .include,
    .op, .tran, .temp, continued lines and units. Raises NetlistError, with file and line, for everything else that
    would change the result. `skipped` contains the names, in lower case, of elements of any kind to leave out.
    """
    file = Path(path)
    title, cards = read_cards(file)
    circuit = Circuit(title, file)
    _read(cards, Scope("", {}, {}, {}), circuit, Context(skipped=frozenset(skipped)), 0)
    _check_names(circuit)
    return circuit


def _read(cards: Sequence[Card], scope: Scope, circuit: Circuit, context: Context, depth: int) -> None:
    """Add the elements of one circuit or subcircuit; definitions may come after their use."""
    rest = _definitions(cards, scope, context)
    for card in rest:
        if card.name[0] == ".":
            _directive(card, scope, circuit)
        elif f"{scope.prefix}{card.name}" in context.skipped:
            circuit.skipped.append(f"{scope.prefix}{card.name}")
        elif card.name[0] == "x":
            _instance(card, scope, circuit, context, depth)
        else:
            build = BUILDERS.get(card.name[0])
            if build is None:
                raise NetlistError(
                    card.place,
                    f"{card.words[0]}: elements of this kind are not supported",
                    "only R, C, D, V, I and X are supported; replace it, or leave it out of the netlist",
                )
            with _located(card):
                build(card, scope, circuit, context)


def _definitions(cards: Sequence[Card], scope: Scope, context: Context) -> list[Card]:
    """Process the definitions of parameters, models, subcircuits and temperature; return the other statements."""
    rest: list[Card] = []
    pending = list(scope.defaults)
    conditions: list[Card] = []
    position = 0
    while position < len(cards):
        card = cards[position]
        position += 1
        if card.name == ".subckt":
            position = _subcircuit(cards, position - 1, scope)
        elif card.name == ".ends":
            raise NetlistError(card.place, ".ends has no .subckt; remove it, or begin the subcircuit with .subckt")
        elif card.name == ".param":
            pending += [(card, name, text) for name, text in _pairs(card.words[1:], card)]
        elif card.name == ".model":
            if len(card.words) < 3:
                raise NetlistError(card.place, ".model needs a name and a type", "write .model NAME D(IS=…)")
            name, kind, *words = card.words[1:]
            scope.models[name.lower()] = ModelCard(name, kind.lower(), tuple(words), card.place, scope.parameters)
        elif card.name in (".temp", ".options", ".option", ".opt"):
            conditions.append(card)
        else:
            rest.append(card)
    _resolve(pending, scope)
    for card in conditions:
        with _located(card):
            _options(card, scope, context)
    return rest


def _resolve(definitions: list[Definition], scope: Scope) -> None:
    """Compute the parameters, which may be written in any order; the last one of a name counts.

    Inside a subcircuit they hide those of the same names outside, except in their own values: `.param r={2*r}`.
    """
    pending = {name: (card, text) for card, name, text in definitions}
    outside = {name: scope.parameters.pop(name) for name in pending if name in scope.parameters}
    scope.parameters.update(scope.given)
    pending = {name: each for name, each in pending.items() if name not in scope.given}
    while pending:
        found: dict[str, float] = {}
        problem: NetlistError | None = None
        for name, (card, text) in pending.items():
            own = {name: outside[name]} if name in outside else {}
            try:
                found[name] = value(text, {**scope.parameters, **own})
            except ValueProblem as reason:
                problem = problem or NetlistError(card.place, f"{name}: {reason}")
        if problem is not None and not found:
            raise problem
        scope.parameters.update(found)
        pending = {name: each for name, each in pending.items() if name not in found}


def _options(card: Card, scope: Scope, context: Context) -> None:
    if card.name == ".temp":
        if len(card.words) != 2:
            raise ValueProblem(".temp needs exactly one temperature in °C")
        context.temperature_c = value(card.words[1], scope.parameters)
        return
    words = list(card.words[1:])
    for place, word in enumerate(words):
        if word.lower() not in OPTIONS_THAT_MATTER or words[place + 1 : place + 2] != ["="]:
            continue
        given = value(words[place + 2], scope.parameters) if place + 2 < len(words) else 0.0
        if word.lower() == "temp":
            context.temperature_c = given
        elif word.lower() == "tnom":
            context.nominal_c = given
        elif word.lower() == "gmin" and given != 1e-12:
            raise ValueProblem("gmin is 1e-12 S in labrig; leave the option out")
        elif word.lower() == "scale" and given != 1:
            raise ValueProblem("the option scale is not supported; write values without it")
        elif word.lower() in ("rshunt", "cshunt"):
            raise ValueProblem(f"the option {word} is not supported; connect such parts from the nodes to ground")


def _subcircuit(cards: Sequence[Card], first: int, scope: Scope) -> int:
    """Define the subcircuit that begins at `first`; return the position after its .ends."""
    card, depth, last = cards[first], 0, first
    for last in range(first, len(cards)):
        depth += {".subckt": 1, ".ends": -1}.get(cards[last].name, 0)
        if depth == 0:
            break
    if depth:
        raise NetlistError(card.place, ".subckt has no .ends; end the subcircuit with it")
    words = [word for word in card.words[1:] if word.lower() != "params:"]
    if not words:
        raise NetlistError(card.place, ".subckt needs a name", "write .subckt NAME pin1 pin2 …")
    equals = words.index("=") - 1 if "=" in words else len(words)
    pins = tuple(word.lower() for word in words[1:equals])
    if repeated := sorted({pin for pin in pins if pins.count(pin) > 1}):
        raise NetlistError(
            card.place, f".subckt {words[0]} names the pin {repeated[0]} twice; give every pin its own name"
        )
    defaults = tuple((card, name, text) for name, text in _pairs(words[equals:], card))
    body = tuple(cards[first + 1 : last])
    scope.subcircuits[words[0].lower()] = Subcircuit(pins, defaults, body, card.place)
    return last + 1


def _instance(card: Card, scope: Scope, circuit: Circuit, context: Context, depth: int) -> None:
    """Add the elements of a subcircuit: X1 node … NAME [parameter=value …]."""
    words = [word for word in card.words if word.lower() != "params:"]
    equals = words.index("=") - 1 if "=" in words else len(words)
    if equals < 2:
        raise NetlistError(card.place, f"{card.words[0]} needs the name of a subcircuit")
    *nodes, name = words[1:equals]
    subcircuit = scope.subcircuits.get(name.lower())
    if subcircuit is None:
        raise NetlistError(card.place, f"{card.words[0]}: there is no .subckt {name}", "define it or .include its file")
    if len(nodes) != len(subcircuit.pins):
        raise NetlistError(
            card.place,
            f"{card.words[0]}: {name} has {len(subcircuit.pins)} pins ({subcircuit.place}), not {len(nodes)}",
        )
    if depth >= DEEPEST_SUBCIRCUIT:
        raise NetlistError(
            card.place, f"subcircuits are nested more than {DEEPEST_SUBCIRCUIT} deep; one may contain itself"
        )
    context.instances += 1
    if context.instances > MOST_SUBCIRCUITS:
        raise NetlistError(card.place, f"the netlist has more than {MOST_SUBCIRCUITS} instances of subcircuits")
    with _located(card):
        given = {key: value(text, scope.parameters) for key, text in _pairs(words[equals:], card)}
    if given.get("m", 1.0) != 1 and "m" not in (key for _, key, _ in subcircuit.defaults):
        raise NetlistError(
            card.place, f"{card.words[0]}: m= of a subcircuit is not supported", "write that many instances in parallel"
        )
    connected = dict(zip(subcircuit.pins, map(scope.node, nodes), strict=True))
    prefix = f"{scope.prefix}{card.name}."
    inner = Scope(
        prefix,
        dict(scope.parameters),
        dict(scope.models),
        dict(scope.subcircuits),
        connected,
        subcircuit.defaults,
        given,
    )
    _read(subcircuit.body, inner, circuit, context, depth + 1)


def _directive(card: Card, scope: Scope, circuit: Circuit) -> None:
    if card.name == ".op":
        circuit.operating_point = True
    elif card.name == ".tran":
        with _located(card):
            circuit.transient = _transient(card, scope)
    elif card.name in IGNORED:
        if card.name not in (".save", ".probe", ".title"):
            circuit.notes.append(f"{card.place}: {card.words[0]} is ignored")
    elif card.name in ANALYSES:
        circuit.notes.append(f"{card.place}: {card.words[0]} is ignored; only .op and .tran are computed")
    else:
        raise NetlistError(card.place, f"{card.words[0]} is not supported", "remove the line if it does not matter")


def _transient(card: Card, scope: Scope) -> Transient:
    words = card.words[1:]
    if any(word.lower() == "uic" for word in words):
        raise ValueProblem(".tran with uic is not supported; without uic it starts from the operating point")
    if not 2 <= len(words) <= 4:
        raise ValueProblem("write .tran STEP STOP [START]")
    step, stop, *more = (value(word, scope.parameters) for word in words)
    start = more[0] if more else 0.0
    if not (step > 0 and stop > start >= 0):
        raise ValueProblem(".tran needs STEP > 0 and STOP > START ≥ 0")
    return Transient(step, stop, start, card.place)


def _pairs(words: Sequence[str], card: Card) -> list[tuple[str, str]]:
    """Pairs (key, value) from the words 'key = value key = value …'."""
    found = [(words[k].lower(), words[k + 2]) for k in range(0, len(words) - 2, 3) if words[k + 1] == "="]
    if len(found) * 3 != len(words):
        raise NetlistError(card.place, f"{card.words[0]}: expected NAME=VALUE", "put expressions in braces: a={2*b}")
    return found


def _check_names(circuit: Circuit) -> None:
    """Raise NetlistError for two elements with the same name, and for an empty circuit."""
    seen: dict[str, Place] = {}
    for part in circuit.parts:
        if part.name in seen:
            raise NetlistError(part.place, f"the name {part.name} is already used in {seen[part.name]}", "rename one")
        seen[part.name] = part.place
    if not circuit.parts:
        raise NetlistError(Place(circuit.file, None), "the netlist has no elements; write at least one R, C, D, V or I")


@contextmanager
def _located(card: Card) -> Generator[None]:
    """Turn a ValueProblem into a NetlistError at the place of a statement."""
    try:
        yield
    except ValueProblem as problem:
        raise NetlistError(card.place, f"{card.words[0]}: {problem}") from problem
