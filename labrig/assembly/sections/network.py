"""The `network` section: the physics with its keys, and the programmable edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from labrig.assembly.board import Board
from labrig.assembly.sections.instruments import Device
from labrig.config.document import Document
from labrig.config.section import Section, composed, part
from labrig.config.validation import validate
from labrig.extensions import UnknownExtension
from labrig.instruments.data import Continuous, LevelTable, scaled_levels
from labrig.learning.updates import within
from labrig.medium import ELECTRICAL, Medium, PositiveParameter, medium_in_use
from labrig.network import PHYSICS, Physics
from labrig.network.physics import Layout, NetworkError
from labrig.quantities import NonNegativeCount, as_written, escape_hint
from labrig.random_streams import RandomStream

PILOT = "pilot"
EDGES = "edges"
RESERVED = (PILOT, EDGES)
"""Names of rows of the wiring that are not nodes of the network."""

Array = NDArray[np.float64]

ROUNDING = 1e-12
"""Relative difference that the rounding of a transducer's factor may cause."""


class InitialRun(Section):
    """A run whose trained conductances are the initial conductances.

    run: folder of the run. step: the step after which its conductances are taken, by default the last.
    """

    run: str
    step: NonNegativeCount | None = None


class Programmable(Section):
    """The trained edges.

    range: lowest and highest conductance (S). initial: the initial conductances, either a range (S) from which they are
    drawn at random, or a run.
    """

    edges: Literal["all"] = "all"
    range: tuple[PositiveParameter, PositiveParameter]
    initial: tuple[PositiveParameter, PositiveParameter] | InitialRun | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low, high = self.range
        if low >= high:
            raise ValueError("range: the first conductance must be smaller than the second")
        if isinstance(self.initial, tuple):
            first, last = self.initial
            if first > last:
                raise ValueError("initial: the first conductance must not be larger than the second")
            if first < low or last > high:
                limits = " to ".join(medium_in_use().text("parameter", value) for value in self.range)
                raise ValueError(f"initial: both values must lie within 'range' ({limits})")
        return self


class Network(Section):
    """The keys common to all physics."""

    physics: str = "resistive"
    programmable: Programmable


@dataclass(frozen=True)
class NetworkChoice:
    """The section and the physics it names."""

    section: Network
    physics: type[Physics]

    @property
    def programmable(self) -> Programmable:
        """The trained edges."""
        return self.section.programmable


def medium_of(document: Document) -> Medium:
    """Return the medium of the physics that a configuration names; electrical if it names none or an unknown one."""
    named = document.get(("network", "physics"))
    try:
        return PHYSICS.find(named.value).medium if named and isinstance(named.value, str) else ELECTRICAL
    except UnknownExtension:
        return ELECTRICAL


def read_network(document: Document) -> NetworkChoice | None:
    """Validate the section with the keys of its physics; return None if it has problems."""
    if document.get(("network",)) is None:
        return None
    named = document.get(("network", "physics"))
    name = "resistive" if named is None else named.value
    physics: type[Physics] | None = None
    if isinstance(name, str):
        try:
            physics = PHYSICS.find(name)
        except UnknownExtension as error:
            document.report(("network", "physics"), str(error))
    options = [physics.Options] if physics else []
    section = validate(document, ("network",), composed("Network", Network, *options, any_key=physics is None))
    if section is None or physics is None:
        return None
    assert isinstance(section, Network)
    return NetworkChoice(section, physics)


def read_layout(document: Document, network: NetworkChoice) -> Layout | None:
    """Build the nodes and elements, without sources; return None if there are problems."""
    before = len(document.problems)

    def report(key: tuple[str | int, ...], message: str) -> None:
        document.report(("network", *key), message)

    options = part(network.section, network.physics.Options)
    for key in network.physics.files:
        options = _located(document, options, key, ())
    if len(document.problems) > before:
        return None
    try:
        layout = network.physics.build(options, report)
    except NetworkError as error:
        report((), str(error))
        return None
    if layout is None or len(document.problems) > before:
        return None
    for name in RESERVED:
        if name in layout.nodes:
            message = f"a node cannot be called {name!r}: the wiring uses that name for another row"
            document.report(("network",), message, at_key=True)
    return layout if len(document.problems) == before else None


def _located(document: Document, options: Section, key: tuple[str, ...], above: tuple[str, ...]) -> Section:
    """Return the options with the file name at a key replaced by the path of the file; report a missing file."""
    first, *below = key
    value = getattr(options, first)
    if value is None:
        return options
    path = ("network", *above, first)
    if below:
        return options.model_copy(update={first: _located(document, value, tuple(below), (*above, first))})
    named_at = document.get(path)
    found = document.locate(value, named_at)
    if found is None:
        where = document.searched(named_at)
        document.report(path, f"there is no file {as_written(value)} {where}{escape_hint(value)}")
        return options
    return options.model_copy(update={first: str(found)})


def check_range(document: Document, network: NetworkChoice, board: Board, devices: Mapping[str, Device]) -> None:
    """Report a conductance range that a part cannot cover, or that contains fewer than two levels."""
    path = ("network", "programmable", "range")
    low, high = network.programmable.range
    for name, per_siemens in {(edge.device, edge.per_siemens) for edge in board.hookup.edges}:
        capabilities = devices[name].programmer
        part = scaled_levels(capabilities.part.levels(), per_siemens)
        if isinstance(part, Continuous):
            least, greatest = part.minimum, part.maximum
        else:
            least, greatest = float(part.siemens[0]), float(part.siemens[-1])
        if low < least * (1 - ROUNDING) or high > greatest * (1 + ROUNDING):
            document.report(
                path,
                f"{capabilities.part.name} of {name} covers {_in_words(least)} to {_in_words(greatest)}, not "
                f"{_in_words(low)} to {_in_words(high)}; choose a range that it covers, or another part",
            )
            continue
        levels = within(part, low, high)
        if isinstance(levels, LevelTable) and len(levels.codes) < 2:
            count = "1 level" if len(levels.codes) else "no level"
            document.report(
                path,
                f"{capabilities.part.name} of {name} has {count} in this range; "
                "choose a wider range, which contains at least 2 of its levels",
            )


def initial_conductances(network: NetworkChoice, edges: int, seed: int) -> Array:
    """Draw the (E,) initial conductances (S), uniform in `initial`."""
    return RandomStream(seed, "initial").at(0).uniform(*initial_range(network.programmable), edges)


def initial_range(programmable: Programmable) -> tuple[float, float]:
    """Return the range of the initial conductances (S), by default the middle 60 % of the full range."""
    low, high = programmable.range
    return (
        programmable.initial
        if isinstance(programmable.initial, tuple)
        else (low + 0.2 * (high - low), high - 0.2 * (high - low))
    )


def _in_words(value: float) -> str:
    medium = medium_in_use()
    if medium.parameter != "conductance" or not 1e-6 <= value < 1:
        return medium.text("parameter", value)
    return f"{value * 1e6:.5g} µS" if value < 1e-3 else f"{value * 1e3:.5g} mS"
