"""The JSON schema of a configuration, for editors, from the models of its sections and of the classes they may name.

A schema describes a single file. Only `labrig check` finds whether names, channels and ranges fit together.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter

from labrig.assembly.sections.acquisition import Acquisition
from labrig.assembly.sections.calibration import Calibration
from labrig.assembly.sections.faults import Faults
from labrig.assembly.sections.header import Header
from labrig.assembly.sections.judge import Judge
from labrig.assembly.sections.learning import Error, Evaluate, Learning
from labrig.assembly.sections.limits import Limits
from labrig.assembly.sections.network import Network
from labrig.assembly.sections.power import Power
from labrig.assembly.sections.programmers import Programmers
from labrig.assembly.sections.storage import Storage
from labrig.assembly.sections.task import SHARED, section_model
from labrig.assembly.sections.timing import Timing
from labrig.assembly.sections.wiring_row import EdgeChannels, NodeWiring
from labrig.config.wiring import CHANNEL_KEYS
from labrig.extensions import Extensions
from labrig.instruments.drivers import installed_drivers
from labrig.learning.carriers import CARRIERS
from labrig.learning.losses import LOSSES
from labrig.learning.rules import RULES
from labrig.learning.tasks import TASKS, goals_section
from labrig.learning.updates import UPDATES
from labrig.medium import Role
from labrig.network import PHYSICS
from labrig.quantities import QuantityField, in_words
from labrig.simulation.section import FAULTS, IMPERFECTIONS, MISWIRINGS, FaultEntry, Simulation, preset_names

Schema = dict[str, Any]

DIALECT = "http://json-schema.org/draft-07/schema#"
DOTTED = {"type": "string", "pattern": ".+:.+", "description": "your own class: module:Class"}

EDGES = "the channels that program the edges, in the order of the edges, or a CSV file with the columns edge and pot"

PLAIN: dict[str, type[BaseModel]] = {
    "acquisition": Acquisition, "timing": Timing, "limits": Limits, "power": Power, "storage": Storage,
    "faults": Faults, "programmers": Programmers, "judge": Judge, "calibration": Calibration,
}  # fmt: skip
"""The sections whose keys do not depend on a class that they name."""


class Definitions:
    """The definitions that a schema refers to, one for each model."""

    def __init__(self) -> None:
        self.schemas: dict[str, Schema] = {}

    def of(self, model: type[BaseModel]) -> Schema:
        """Return the schema of a model; nested models become definitions."""
        prefix = f"{model.__module__.rpartition('.')[2]}."
        schema = model.model_json_schema(ref_template=f"#/definitions/{prefix}{{model}}", mode="validation")
        for name, below in schema.pop("$defs", {}).items():
            self.schemas[prefix + name] = below
        return schema


def configuration_schema() -> Schema:
    """Return the schema (draft 7, for editors). A file with `extends` may leave out keys that the other files have."""
    definitions = Definitions()
    whole = definitions.of(Header)
    sections = {
        **{name: definitions.of(model) for name, model in PLAIN.items()},
        "network": _network(definitions),
        "task": _task(definitions),
        "learning": _learning(definitions),
        "instruments": _instruments(definitions),
        "wiring": _wiring(definitions),
        "simulation": _simulation(definitions),
    }
    whole["properties"] |= sections
    names = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    whole["properties"]["extends"] = names | {"description": "files over which this file is merged"}
    definitions.schemas["whole"] = whole
    known = _plain_refs({**definitions.schemas})
    partly = {f"partly.{name}": _without_required(schema) for name, schema in known.items()}
    return {
        "$schema": DIALECT,
        "title": "labrig configuration",
        "if": {"required": ["extends"]},
        "then": {"$ref": "#/definitions/partly.whole"},
        "else": {"$ref": "#/definitions/whole"},
        "definitions": known | partly,
    }


def _network(definitions: Definitions) -> Schema:
    """Return the schema of `network`: every physics with its own keys."""
    schema = definitions.of(Network)
    options = [definitions.of(PHYSICS.find(name).Options) for name in PHYSICS.names()]
    return _open(_merged(schema, PHYSICS, "physics", options), "physics")


def _learning(definitions: Definitions) -> Schema:
    schema = definitions.of(Learning)
    error = definitions.of(Error)
    carriers = [CARRIERS.find(name) for name in CARRIERS.names()]
    media = [PHYSICS.find(name).medium for name in PHYSICS.names()]
    for medium in media:
        flows = {medium.flow_key: medium.flow}
        flows |= {each.flow_key: medium.second_flow for each in carriers if each.flow_key and medium.second_flow}
        for key, dimension in flows.items():
            role: Role = "flow" if dimension == medium.flow else "second_flow"
            flow = _value(definitions, Annotated[float, QuantityField(dimension, medium.example(role))])
            error["properties"][key] = flow | {"description": f"the largest error, as a {in_words(dimension)}"}
    error = _merged(error, CARRIERS, "carrier", [definitions.of(carrier.Options) for carrier in carriers])
    for extensions, key in ((RULES, "rule"), (LOSSES, "loss"), (UPDATES, "update")):
        options = [definitions.of(extensions.find(name).Options) for name in extensions.names()]
        schema = _merged(schema, extensions, key, options)
    for properties, key in ((schema, "rate"), (schema, "temperature"), *((error, medium.flow_key) for medium in media)):
        number = properties["properties"][key]
        if {"const": "auto"} not in number.get("anyOf", ()):
            words = {"description": number["description"]} if "description" in number else {}
            properties["properties"][key] = {"anyOf": [number, {"const": "auto"}]} | words
    schema["properties"]["error"] = _open(error, "carrier")
    schema["properties"]["evaluate"] = definitions.of(Evaluate)
    return _open(schema, "rule", "loss", "update")


def _task(definitions: Definitions) -> Schema:
    """Return the schema of `task`: one named task, with the shared sections as this task reads them."""
    tasks: list[Schema] = []
    for name in TASKS.names():
        task = TASKS.find(name)
        properties = {name: definitions.of(task.Options), "target": definitions.of(goals_section(task.goals))}
        properties |= {key: definitions.of(section_model(task, key)) for key in SHARED}
        tasks.append({"type": "object", "properties": properties, "required": [name], "additionalProperties": False})
    named = [*TASKS.names(), *SHARED, "target"]
    own = {"type": "object", "patternProperties": {".+:.+": {}}, "propertyNames": {"not": {"enum": TASKS.names()}}}
    own |= {"properties": {key: {} for key in named if key not in TASKS.names()}, "additionalProperties": False}
    return {"description": "What the board learns.", "anyOf": [*tasks, own | {"minProperties": 1}]}


def _instruments(definitions: Definitions) -> Schema:
    drivers = installed_drivers()
    choices: list[Schema] = []
    for name, driver in sorted(drivers.items()):
        choices.append({
            "if": {"properties": {"driver": {"const": name}}, "required": ["driver"]},
            "then": definitions.of(driver.options),
        })  # fmt: skip
    entry = {"type": "object", "properties": {"driver": {"enum": sorted(drivers)}}, "allOf": choices}
    what = "An entry for each instrument, with a name of your choice."
    return {"type": "object", "description": what, "additionalProperties": entry | {"required": ["driver"]}}


def _wiring(definitions: Definitions) -> Schema:
    row = definitions.of(NodeWiring)
    several: Schema = {"type": "array", "items": {"type": "string"}}
    for key in CHANNEL_KEYS:
        row["properties"][key]["anyOf"].append(several)
    channels: list[Schema] = [{"type": "string"}, several]
    return {
        "type": "object",
        "description": "A row for each node, range of nodes or pattern of nodes.",
        "properties": {"edges": {"anyOf": [*channels, definitions.of(EdgeChannels)], "description": EDGES}},
        "additionalProperties": {"anyOf": [row, *channels]},
        "required": ["edges"],
    }


def _simulation(definitions: Definitions) -> Schema:
    schema = definitions.of(Simulation)
    faults = [definitions.of(FAULTS.find(name).Options) for name in FAULTS.names()]
    fault = _merged(definitions.of(FaultEntry), FAULTS, "what", faults)
    schema["properties"]["preset"] = {"enum": list(preset_names()), "default": "typical"}
    schema["properties"]["faults"] = {"type": "array", "items": _open(fault, "what")}
    kinds = {name: {"description": _first_line(MISWIRINGS.find(name))} for name in MISWIRINGS.names()}
    wrong = {"type": "object", "properties": kinds, "additionalProperties": False, "maxProperties": 1}
    schema["properties"]["miswired"] = {"type": "array", "items": wrong | {"patternProperties": {".+:.+": {}}}}
    for name in IMPERFECTIONS.names():
        found = IMPERFECTIONS.find(name)
        schema["properties"][name] = _value(definitions, found.Options) | {"description": _first_line(found)}
    return schema | {"patternProperties": {".+:.+": {}}}


def _value(definitions: Definitions, options: Any) -> Schema:
    """Return the schema of a model, or of a plain value with its unit."""
    if isinstance(options, type) and issubclass(options, BaseModel):
        return definitions.of(options)
    return TypeAdapter(options).json_schema()


def _merged(schema: Schema, extensions: Extensions[Any], key: str, options: Iterable[Schema]) -> Schema:
    """Return a schema with the class names that `key` may have as its value, and with the keys of all these classes."""
    properties = dict(schema["properties"])
    for each in options:
        for name, value in each.get("properties", {}).items():
            first = properties.setdefault(name, value)
            if first != value:
                several = first["anyOf"] if set(first) <= {"anyOf", "description"} else [first]
                words = {"description": first["description"]} if "description" in first else {}
                properties[name] = {"anyOf": [*several, *([value] if value not in several else [])]} | words
    default = properties[key].get("default")
    names: Schema = {"anyOf": [{"enum": extensions.names()}, DOTTED], "description": f"name of the {extensions.noun}"}
    properties[key] = names | ({} if default is None else {"default": default})
    return schema | {"properties": properties}


def _open(schema: Schema, *keys: str) -> Schema:
    """Return a schema that allows further keys if one of `keys` names the user's own class."""
    own = [{"properties": {key: {"pattern": ":"}}, "required": [key]} for key in keys]
    loose = {name: value for name, value in schema.items() if name != "additionalProperties"}
    return {"if": {"anyOf": own}, "then": loose, "else": schema}


def _first_line(found: type[Any]) -> str:
    return (sys.modules[found.__module__].__doc__ or "").strip().partition("\n")[0]


def _plain_refs(schemas: dict[str, Schema]) -> dict[str, Schema]:
    """Return the definitions without the titles that pydantic gives to every key."""
    for schema in schemas.values():
        for value in schema.get("properties", {}).values():
            if isinstance(value, dict):
                value.pop("title", None)
    return schemas


def _without_required(schema: Any) -> Any:
    """Return the schema without required keys, for files with only some keys; its references lead to such schemas."""
    if isinstance(schema, list):
        return [_without_required(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    loose: Schema = {}
    for key, value in schema.items():
        if key == "required" and isinstance(value, list):
            continue
        if key == "if":  # a condition requires the key that it is about
            loose[key] = value
        elif key == "$ref":
            loose[key] = value.replace("#/definitions/", "#/definitions/partly.")
        else:
            loose[key] = _without_required(value)
    return loose
