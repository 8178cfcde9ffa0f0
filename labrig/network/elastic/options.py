"""The keys of an elastic network, and how the network is built from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from typing_extensions import override

from labrig.config.section import Section, exactly_one
from labrig.medium import Medium
from labrig.network.elastic.lattice import Geometry, diluted, far_springs, triangular
from labrig.network.elastic.network import ElasticLayout
from labrig.network.elastic.springs import Adjusted
from labrig.network.physics import NetworkError, Physics, Report
from labrig.quantities import Count, Length, NonNegativeCount, PositiveLength, PositiveStiffness, as_written

MECHANICAL = Medium(
    state="length",
    flow="force",
    parameter="stiffness",
    power="energy",
    flow_key="force",
    examples=(("state", "2 mm"), ("flow", "1 mN"), ("parameter", "10 N/m"), ("power", "1 mJ")),
)


class Lattice(Section):
    """A triangular lattice with jitter, diluted to a mean number of springs per point.

    Attributes
    ----------
    rows, columns : int
        Numbers of rows and columns of points, which are called n0, n1 … row by row.
    spacing : float
        Distance between neighbours (m).
    jitter : float
        Largest displacement of a point in each coordinate, in units of the spacing.
    coordination : float or None
        Mean number of springs per point; None keeps all springs.
    seed : int
        Seed of the jitter, the dilution and drawn ports.
    """

    rows: Annotated[Count, Field(ge=2, le=100)]
    columns: Annotated[Count, Field(ge=2, le=100)]
    spacing: PositiveLength
    jitter: Annotated[float, Field(ge=0, le=0.3)] = 0.15
    coordination: Annotated[float, Field(ge=4, le=6)] | None = None
    seed: NonNegativeCount = 0


class DrawnPorts(Section):
    """Randomly drawn ports: one spring as `source`, and others far from it as `target0`, `target1` ….

    targets: number of targets.
    """

    targets: Count


class Options(Section):
    """The keys of an elastic network: either `lattice`, or `points` with `springs`, and the supports and ports.

    Attributes
    ----------
    lattice : Lattice or None
        A lattice that labrig builds.
    points, springs : dict, list
        The user's own network: the position of each point (m), and the pairs of points that springs connect.
    pinned : list of str
        Points that do not move.
    background : float or None
        Stiffness of a weak spring at every coordinate (N/m).
    ports : dict, DrawnPorts
        Pairs of points whose distance is driven or sensed, by name; or the number of ports to draw.
    displacement : {'small', 'finite'}
        Whether extensions are linear in displacements.
    """

    lattice: Lattice | None = None
    points: dict[str, tuple[Length, Length]] | None = None
    springs: list[tuple[str, str]] = []
    pinned: list[str] = []
    background: PositiveStiffness | None = None
    ports: dict[str, tuple[str, str]] | DrawnPorts = {}
    displacement: Literal["small", "finite"] = "small"

    @model_validator(mode="after")
    def _one_builder(self) -> Self:
        exactly_one(self, ("lattice", "points"))
        if self.points is not None and not self.springs:
            raise ValueError("springs: name the pairs of points that springs connect, e.g. '[[a, b], [b, c]]'")
        return self


class Elastic(Physics):
    """Springs in a plane, whose stiffness is trained."""

    Options: ClassVar[type[Section]] = Options
    medium: ClassVar[Medium] = MECHANICAL

    @classmethod
    @override
    def build(cls, options: Options, report: Report) -> ElasticLayout | None:
        geometry, names = _geometry(options, report)
        if geometry is None:
            return None
        position = {name: point for point, name in enumerate(names)}
        for place, name in enumerate(options.pinned):
            if name not in position:
                report(("pinned", place), f"there is no point {as_written(name)}; name a point of the network")
                return None
        ports = _ports(options, geometry, position, report)
        if ports is None:
            return None
        pinned = tuple(sorted({position[name] for name in options.pinned}))
        if len(pinned) == len(names):
            raise NetworkError("every point is pinned, so nothing can move; leave some points free")
        return ElasticLayout(
            geometry,
            names,
            pinned,
            ports,
            options.background or 0.0,
            cls.adjusted(options),
            finite=options.displacement == "finite",
        )

    @classmethod
    def adjusted(cls, options: Any) -> Adjusted | None:
        """Return the properties of springs whose rest lengths are trained; None if their stiffness is trained."""
        return None


def _geometry(options: Options, report: Report) -> tuple[Geometry | None, tuple[str, ...]]:
    lattice = options.lattice
    if lattice is not None:
        found = triangular(lattice.rows, lattice.columns, lattice.spacing, lattice.jitter, lattice.seed)
        if lattice.coordination is not None:
            found = diluted(found, lattice.coordination, lattice.seed)
        return found, tuple(f"n{point}" for point in range(len(found.positions)))
    assert options.points is not None
    names = tuple(options.points)
    position = {name: point for point, name in enumerate(names)}
    for place, ends in enumerate(options.springs):
        if mistake := _mistake("spring", ends, options.points):
            report(("springs", place), mistake)
            return None, ()
    springs = np.array([(position[a], position[b]) for a, b in options.springs], dtype=np.intp)
    return Geometry.of(np.array(list(options.points.values())), springs), names


def _mistake(what: str, ends: tuple[str, str], points: Mapping[str, Sequence[float]]) -> str | None:
    """What is wrong with a spring or port between two points, whose positions are in m; None if nothing is."""
    if unknown := [end for end in ends if end not in points]:
        return f"there is no point {as_written(unknown[0])}; name a point of the network"
    if ends[0] == ends[1]:
        return f"a {what} needs two different points"
    if np.linalg.norm(np.subtract(points[ends[1]], points[ends[0]])) == 0:  # also where squares underflow
        return f"{as_written(ends[0])} and {as_written(ends[1])} are at the same place, so a {what} has no direction"
    return None


def _ports(
    options: Options, geometry: Geometry, position: dict[str, int], report: Report
) -> tuple[tuple[str, int, int], ...] | None:
    if isinstance(options.ports, DrawnPorts):
        most = len(geometry.springs) // 2
        if options.ports.targets > most:
            report(("ports", "targets"), f"only {most} springs are far from the source; use at most {most} targets")
            return None
        source, targets = far_springs(geometry, options.ports.targets, options.lattice.seed if options.lattice else 0)
        named = {"source": source, **{f"target{k}": target for k, target in enumerate(targets)}}
        ends = geometry.ends
        return tuple((name, *ends[spring]) for name, spring in named.items())
    found: list[tuple[str, int, int]] = []
    points = {name: tuple(geometry.positions[point]) for name, point in position.items()}
    for name, (a, b) in options.ports.items():
        if mistake := _mistake("port", (a, b), points):
            report(("ports", name), mistake)
            return None
        found.append((name, position[a], position[b]))
    return tuple(found)
