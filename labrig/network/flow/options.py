"""The keys of a flow network, and how the network is built from them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from labrig.config.section import Section, exactly_one
from labrig.medium import Medium
from labrig.network.flow.network import FlowLayout
from labrig.network.flow.tubes import SECOND, Chemical
from labrig.network.physics import Physics, Report
from labrig.quantities import (
    Count,
    NonNegativeCount,
    PositiveHydraulicConductance,
    PositivePressure,
    PositiveVolume,
    as_written,
)
from labrig.random_streams import RandomStream

HYDRAULIC = Medium(
    state="pressure",
    flow="volume_flow",
    parameter="hydraulic_conductance",
    power="power",
    flow_key="flow",
    examples=(
        ("state", "1 kPa"),
        ("flow", "1 µL/s"),
        ("parameter", "50 nL/(s·Pa)"),
        ("power", "5 mW"),
        ("second_state", "1 mol/m³"),
        ("second_flow", "1 nmol/s"),
    ),
    second_state="concentration",
    second_flow="molar_flow",
    within_drives=True,
)


MOST = 2_000
"""Largest number of drawn nodes of one kind. The matrix of the network is dense."""


class RandomTubes(Section):
    """Inputs in0 …, outputs out0 … and inner nodes h0 …, each connected to randomly drawn inner nodes.

    Attributes
    ----------
    inputs, outputs, inner : int
        Numbers of input, output and inner nodes.
    per_input, per_output, per_inner : int
        Number of tubes from each input, output and inner node to inner nodes.
    seed : int
        Seed of the draw.
    """

    inputs: Annotated[Count, Field(le=MOST)]
    outputs: Annotated[Count, Field(le=MOST)]
    inner: Annotated[Count, Field(le=MOST)]
    per_input: Annotated[Count, Field(le=MOST)] = 5
    per_output: Annotated[Count, Field(le=MOST)] = 6
    per_inner: Annotated[Count, Field(le=MOST)] = 3
    seed: NonNegativeCount = 0


class ChemicalOptions(Section):
    """A chemical that carries the error.

    Attributes
    ----------
    diffusion : float
        Diffusive conductance of a tube per hydraulic conductance (Pa).
    tubes : {'conductance', 'radius'}
        'conductance': diffusive and hydraulic conductance are proportional. 'radius': the radius is trained, so
        the diffusive conductance is proportional to the square root of the hydraulic one.
    reference : float or None
        Hydraulic conductance at which `diffusion` holds, for `tubes: radius` (m³/(s·Pa)).
    peclet : float or None
        Pressure drop at which advection carries as much as diffusion (Pa); None without advection.
    volume : float or None
        Volume at every node (m³), which determines how fast concentrations settle.
    """

    diffusion: PositivePressure
    tubes: Literal["conductance", "radius"] = "conductance"
    reference: PositiveHydraulicConductance | None = None
    peclet: PositivePressure | None = None
    volume: PositiveVolume | None = None

    @model_validator(mode="after")
    def _with_reference(self) -> Self:
        if (self.tubes == "radius") != (self.reference is not None):
            raise ValueError("reference: required with 'tubes: radius', and not allowed with 'tubes: conductance'")
        return self


class Options(Section):
    """The keys of a flow network: either `random` or `tubes`, and optionally a leak and a chemical.

    Attributes
    ----------
    random : RandomTubes or None
        A randomly drawn network.
    tubes : list of (str, str) or None
        The user's own tubes, each given by the two nodes that it connects.
    leak : float or None
        Conductance from every node to the surroundings (m³/(s·Pa)).
    chemical : ChemicalOptions or None
        A chemical that carries the error; None without one.
    """

    random: RandomTubes | None = None
    tubes: Annotated[list[tuple[str, str]], Field(min_length=1)] | None = None
    leak: PositiveHydraulicConductance | None = None
    chemical: ChemicalOptions | None = None

    @model_validator(mode="after")
    def _one_builder(self) -> Self:
        exactly_one(self, ("random", "tubes"))
        return self


class Flow(Physics):
    """Networks of tubes whose hydraulic conductances are trained."""

    Options: ClassVar[type[Section]] = Options
    medium: ClassVar[Medium] = HYDRAULIC
    second_key: ClassVar[str] = "chemical"

    @classmethod
    @override
    def build(cls, options: Options, report: Report) -> FlowLayout | None:
        if options.random is not None:
            names, tubes = _drawn(options.random)
        else:
            assert options.tubes is not None
            tubes = tuple(options.tubes)
            names = tuple(dict.fromkeys(node for ends in tubes for node in ends))
            for place, (a, b) in enumerate(tubes):
                if a == b or tubes.index((a, b)) != place or (b, a) in tubes:
                    report(
                        ("tubes", place),
                        f"{as_written(a)} and {as_written(b)} must be two different nodes that only one tube connects",
                    )
                    return None
            for name in names:
                if name.startswith(SECOND):
                    taken = f"{name!r} is the name of the concentration at {name[len(SECOND) :]!r}"
                    report(("tubes",), f"{taken}; rename the node")
                    return None
        chemical = options.chemical
        return FlowLayout(
            names,
            tubes,
            options.leak or 0.0,
            chemical
            and Chemical(
                chemical.diffusion,
                chemical.reference,
                1 / chemical.peclet if chemical.peclet else 0.0,
                chemical.volume or 0.0,
            ),
        )


def _drawn(random: RandomTubes) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    draw = RandomStream(random.seed, "tubes").at(0)
    inner = [f"h{k}" for k in range(random.inner)]
    tubes: dict[tuple[str, str], None] = {}
    for count, prefix, each in ((random.inputs, "in", random.per_input), (random.outputs, "out", random.per_output)):
        for k in range(count):
            for other in sorted(draw.choice(random.inner, min(each, random.inner), replace=False).tolist()):
                tubes[f"{prefix}{k}", inner[other]] = None
    for k in range(random.inner):
        for other in sorted(draw.choice(random.inner, min(random.per_inner, random.inner), replace=False).tolist()):
            if other != k:
                tubes[inner[min(k, other)], inner[max(k, other)]] = None
    names = (*(f"in{k}" for k in range(random.inputs)), *(f"out{k}" for k in range(random.outputs)), *inner)
    return names, tuple(tubes)
