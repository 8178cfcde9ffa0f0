"""The `simulation` section: a preset of imperfections, single imperfections that override the preset, and faults.

Except for its benches, `labrig.assembly` imports only this module of the simulation.
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
from labrig.simulation.faults import FAULTS, NOT_ON_CELLS, SIMULATED_PLACES, Fault, ScheduledFault
from labrig.simulation.imperfections import IMPERFECTIONS, Imperfection
from labrig.simulation.miswirings import MISWIRINGS, Miswiring, Places, Wired
from labrig.simulation.presets import preset, preset_names

__all__ = [
    "FAULTS",
    "IMPERFECTIONS",
    "MISWIRINGS",
    "NOT_ON_CELLS",
    "SIMULATED_PLACES",
    "Fault",
    "FaultEntry",
    "Imperfection",
    "Miswiring",
    "Places",
    "ScheduledFault",
    "Simulation",
    "SimulationChoice",
    "Wired",
    "preset",
    "simulation_model",
]


def _time_or_count(value: object) -> object:
    """Reject a bare number that is not a count, before the union takes it for a duration without a unit."""
    if isinstance(value, int | float) and not isinstance(value, bool) and (value < 1 or value != int(value)):
        raise ValueError(f"expected a count of at least 1, or a time such as '100 ms', got {value}")
    return value


class FaultEntry(Section):
    """A fault: what, where, when and for how long; the fault's own keys are written next to these.

    acquisition: number of an acquisition of the bench, from 1. time: time since the bench started (s). for: a duration
    (s), or a number of messages or acquisitions (see `Fault.counts`).
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
    """An entry whose fault was not found, so that its own keys cannot be checked."""

    model_config = ConfigDict(extra="ignore")


class Simulation(Section):
    """The keys of the section other than the imperfections."""

    preset: str = "typical"
    seed: NonNegativeCount | None = None
    faults: Any = []
    miswired: list[dict[str, Any]] = []


@dataclass(frozen=True)
class SimulationChoice:
    """The section, and the names of its fields that hold the imperfections.

    Parameters
    ----------
    section : Simulation
        The validated section.
    fields : mapping
        Name of the field that holds each imperfection, by the key of the imperfection.
    """

    section: Simulation
    fields: Mapping[str, str]

    @property
    def given(self) -> dict[str, Any]:
        """The values of imperfections that the section itself gives, by key."""
        values = {key: getattr(self.section, field) for key, field in self.fields.items()}
        return {key: value for key, value in values.items() if value is not None}

    @property
    def imperfections(self) -> dict[str, Any]:
        """The value of each imperfection by key: that of the section, or else that of the preset."""
        return {**preset_values(self.section.preset), **self.given}

    @property
    def card(self) -> dict[str, Any]:
        """The section as plain values, without the values that come from the preset."""
        shared = self.section.model_dump(include=set(Simulation.model_fields), exclude_none=True)
        if not shared["miswired"]:
            del shared["miswired"]  # as in the cards of runs by earlier versions, which did not have this key
        plain = {key: value.model_dump() if isinstance(value, Section) else value for key, value in self.given.items()}
        return {**shared, **plain}


def simulation_model(
    brought: Mapping[str, type[Imperfection]], fault_kinds: Sequence[type[Fault] | None] = ()
) -> tuple[type[Simulation], dict[str, str]]:
    """Return the model of the section, and the name of its field for each imperfection by key.

    Parameters
    ----------
    brought : mapping
        Imperfections of other packages, by key.
    fault_kinds : sequence of type or None
        The class that each entry of `faults` names; None if there is no such class.

    Raises
    ------
    ValueError
        If a fault declares a key that is common to all faults.
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
    """Return the values of a preset by key, in SI units."""
    model, fields = simulation_model({})
    values = model.model_validate_json(json.dumps({"preset": name, **preset(name)}))
    return {key: getattr(values, fields[key]) for key in preset(name)}
