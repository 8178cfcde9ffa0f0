"""The contract of a miswiring: a wrong connection on a board, and the board that results from it.

A simulated board with miswirings is a rehearsal for `labrig selftest`, which uses the miswirings as its hypotheses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

from labrig.network.physics import Network
from labrig.quantities import as_written, parse_quantity
from labrig.simulation.world import BoardWiring


@dataclass(frozen=True)
class Wired:
    """A board and the channels at its nodes and edges."""

    network: Network
    wiring: BoardWiring

    def rewired(self, **changes: Any) -> Wired:
        """Return the board with other values of some attributes of its wiring."""
        return Wired(self.network, replace(self.wiring, **changes))

    def sense_channel(self, node: str) -> str:
        """Return the digitizer channel of a node."""
        return next(channel for channel, at in self.wiring.senses.items() if at == node)

    def drive_channel(self, node: str) -> str:
        """Return the source channel of a node."""
        return next(channel for channel, at in self.wiring.sources.items() if at == node)

    def edge_channel(self, edge: str) -> str:
        """Return the programmer channel of an edge."""
        return next(channel for channel, at in self.wiring.edges.items() if at == edge)


@dataclass(frozen=True)
class Places:
    """The nodes and edges that a miswiring may name.

    Attributes
    ----------
    sensed, inputs, outputs, edges : tuple of str
        Nodes with a sense lead, nodes that are driven, nodes into which an error is injected, and edges.
    pilot : str
        The node of the pilot.
    """

    sensed: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    edges: tuple[str, ...]
    pilot: str

    def of(self, kind: str) -> tuple[str, ...]:
        """Return all names of a kind, which is "sense", "drive" or "edge"."""
        return {"sense": self.sensed, "drive": (*self.inputs, *self.outputs), "edge": self.edges}[kind]


class Miswiring(ABC):
    """One wrong connection or part.

    Parameters
    ----------
    *names : str
        The nodes or edges concerned.
    value : float, optional
        The wrong value, in SI units.

    Attributes
    ----------
    key : str
        Key in `simulation.miswired`.
    at : str
        Kind of its names: "sense" (nodes with a sense lead), "drive" (driven nodes) or "edge".
    count : tuple of int
        Allowed numbers of names.
    takes : str or None
        Dimension of the value; None without a value.
    """

    key: ClassVar[str]
    at: ClassVar[Literal["sense", "drive", "edge"]]
    count: ClassVar[tuple[int, ...]] = (1,)
    takes: ClassVar[str | None] = None

    def __init__(self, *names: str, value: float | None = None) -> None:
        self.names = names
        self.value = value

    def __repr__(self) -> str:
        """Return e.g. "swap in3, in4"."""
        return f"{self.key} {', '.join(self.names)}"

    @classmethod
    def read(cls, written: object, names: Collection[str]) -> Self:
        """Return the miswiring that is written under its key; raises ValueError with a message for the user."""
        value = None
        if cls.takes is not None:
            if not isinstance(written, Mapping) or len(written) != 1:
                raise ValueError(f"{cls.key} takes one name and a value, {cls._example(names)}")
            ((given, amount),) = written.items()
            value, listed = _amount(amount, cls.takes), [given]
        else:
            listed = list(written) if isinstance(written, list | tuple) else [written]
        named = [name for name in listed if isinstance(name, str)]
        if len(listed) not in cls.count or len(named) < len(listed):
            raise ValueError(f"{cls.key} takes {_counted(cls.count)}, {cls._example(names)}")
        for name in named:
            if name not in names:
                raise ValueError(f"there is no {cls._what()} {as_written(name)}; the names are {', '.join(names)}")
        if len(set(named)) < len(named):
            raise ValueError(f"{cls.key} needs two different names, got {as_written(named[0])} twice")
        return cls(*named, value=value)

    @classmethod
    @abstractmethod
    def candidates(cls, places: Places) -> Iterator[Self]:
        """Yield all miswirings of this kind on a board; a miswiring with a value is tried with several values."""
        ...

    @abstractmethod
    def applied(self, board: Wired) -> Wired:
        """Return the board with this miswiring."""
        ...

    @abstractmethod
    def remedy(self, board: Wired) -> str:
        """Return what to check, with the pins."""
        ...

    @classmethod
    def _what(cls) -> str:
        return {"sense": "sensed node", "drive": "driven node", "edge": "edge"}[cls.at]

    @classmethod
    def _example(cls, names: Collection[str]) -> str:
        some = [*names, "a", "b"][: cls.count[-1]]
        if cls.takes is not None:
            return f"e.g. {cls.key}: {{{some[0]}: {'1 kΩ' if cls.takes == 'resistance' else 10}}}"
        return f"e.g. {cls.key}: {some[0] if len(some) == 1 else '[' + ', '.join(some) + ']'}"


def exchanged(mapping: Mapping[str, Any], a: str, b: str) -> dict[str, Any]:
    """Return the mapping with the values of two keys exchanged."""
    return {**mapping, a: mapping[b], b: mapping[a]}


def _counted(count: tuple[int, ...]) -> str:
    words = {1: "one name", 2: "a list of two names"}
    return " or ".join(words[number] for number in count)


def _amount(written: object, dimension: str) -> float:
    if dimension == "number":
        if isinstance(written, int | float) and not isinstance(written, bool) and written > 0:
            return float(written)
        raise ValueError(f"expected a number above 0, got {as_written(written)}")
    if not isinstance(written, str):
        raise ValueError(f"expected a {dimension} with its unit, got {as_written(written)}")
    quantity = parse_quantity(written, dimension)
    if quantity.dimension != dimension or not quantity.value > 0:
        raise ValueError(f"expected a {dimension} above 0, got {as_written(written)}")
    return quantity.value
