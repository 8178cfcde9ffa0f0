"""The `simulation` section: a preset of imperfections, single ones that replace those of the preset, and faults.

The only module of the simulation, benches apart, that `labrig.assembly` imports.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, create_model, model_validator

from labrig.config.section import Section, composed, exactly_one
from labrig.quantities import Count, NonNegativeCount, NonNegativeTime, PositiveTime
from labrig.simulation.faults import FAULTS, SIMULATED_PLACES, Fault, ScheduledFault
from labrig.simulation.imperfections import IMPERFECTIONS, Imperfection
from labrig.simulation.presets import preset, preset_names

__all__ = [
    "FAULTS",
    "IMPERFECTIONS",
    "SIMULATED_PLACES",
    "Fault",
    "FaultEntry",
    "Imperfection",
    "ScheduledFault",
    "Simulation",
    "SimulationChoice",
    "preset",
    "simulation_model",
]


def _time_or_count(value: object) -> object:
    """Refuse a bare number that is not a count, before the union takes it for a duration without a unit."""
    if isinstance(value, int | float) and not isinstance(value, bool) and (value < 1 or value != int(value)):
        raise ValueError(f"expected a count of at least 1, or a time such as '100 ms', got {value}")
    return value


class FaultEntry(Section):
    """A fault: what, where, when and for how long; its own keys are written next to these.

    acquisition: of the bench, counted from 1; time: since the bench started. for: a duration, or a count of what the
    fault counts.
    """

    what: str
    where: str
    acquisition: Count | None = None
    time: NonNegativeTime | None = None
    for_: Annotated[PositiveTime | Count | None, BeforeValidator(_time_or_count)] = Field(None, alias="for")

    @model_validator(mode="after")
    def _one_beginning(self) -> Self:
        exactly_one(self, ("acquisition", "time"))
        return self


class _UnknownFaultEntry(FaultEntry):
    """Keys of a fault that was not found cannot be judged."""

    model_config = ConfigDict(extra="ignore")


class Simulation(Section):
    """The keys other than the imperfections."""

    preset: str = "typical"
    seed: NonNegativeCount | None = None
    faults: Any = []


@dataclass(frozen=True)
class SimulationChoice:
    """The section, and what it names.

    Parameters
    ----------
    section : Simulation
    fields : mapping
        Field of the section by the key of each imperfection that it may name.
    """

    section: Simulation
    fields: Mapping[str, str]

    @property
    def given(self) -> dict[str, Any]:
        """What the section itself sets imperfections to, by their keys."""
        values = {key: getattr(self.section, field) for key, field in self.fields.items()}
        return {key: value for key, value in values.items() if value is not None}

    @property
    def imperfections(self) -> dict[str, Any]:
        """What each imperfection is set to, by its key: as the section says, or else the preset."""
        return {**preset_values(self.section.preset), **self.given}

    @property
    def card(self) -> dict[str, Any]:
        """The section as plain values, without what it leaves to the preset."""
        shared = self.section.model_dump(include=set(Simulation.model_fields), exclude_none=True)
        plain = {key: value.model_dump() if isinstance(value, Section) else value for key, value in self.given.items()}
        return {**shared, **plain}


def simulation_model(
    brought: Mapping[str, type[Imperfection]], fault_kinds: Sequence[type[Fault] | None] = ()
) -> tuple[type[Simulation], dict[str, str]]:
    """The section's model, and its field by the key of each imperfection.

    Parameters
    ----------
    brought : mapping
        Imperfections that are not labrig's own, by their keys.
    fault_kinds : sequence
        The class that each entry of `faults` names; None if there is none.

    Raises
    ------
    ValueError
        If a fault has a key that every fault has.
    """
    own = {name: IMPERFECTIONS.find(name) for name in IMPERFECTIONS.own}
    fields = {**{name: name for name in own}, **{key: f"imperfection_{n}" for n, key in enumerate(brought)}}
    types = {**own, **brought}
    definitions: dict[str, Any] = {
        field: (types[key].Options | None, None if field == key else Field(None, alias=key))
        for key, field in fields.items()
    }
    definitions["preset"] = (Literal[preset_names()], "typical")
    entries = tuple(
        _UnknownFaultEntry if kind is None else composed("FaultEntry", FaultEntry, kind.Options) for kind in fault_kinds
    )
    definitions["faults"] = (tuple[entries] if entries else list[FaultEntry], [])
    return create_model("Simulation", __base__=Simulation, **definitions), fields


@cache
def preset_values(name: str) -> Mapping[str, Any]:
    """What a preset sets each imperfection to, by its key, in SI units."""
    model, fields = simulation_model({})
    values = model.model_validate_json(json.dumps({"preset": name, **preset(name)}))
    return {key: getattr(values, fields[key]) for key in preset(name)}
