"""An assembly in words and plain values: what goes into meta.json, and every value with its origin."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel

from labrig import __version__
from labrig.assembly.assemble import SECTIONS, Assembly
from labrig.assembly.layout import EDGES
from labrig.config.document import Document
from labrig.config.faults import TreePath
from labrig.config.resolved import ResolvedValue, flatten_resolved
from labrig.config.sections import NodeWiring
from labrig.config.validation import validate
from labrig.instruments.data import LevelTable
from labrig.learning.updates import within
from labrig.rig.rig import Rig

LIBRARIES = ("numpy", "scipy", "pydantic", "pyyaml")
STANDING_ALONE = ("version", "name", "seed", "bench")


def describe(assembly: Assembly, rig: Rig) -> dict[str, Any]:
    """Versions, seeds, identities, the board and the comparability card of a run on an open rig."""
    graph = assembly.board.graph
    return {
        "name": assembly.name,
        "seed": assembly.seed,
        "simulation_seed": assembly.simulation_seed,
        "bench": assembly.header.bench,
        "config": str(assembly.document.path),
        "versions": {
            "labrig": __version__,
            "python": platform.python_version(),
            **{library: version(library) for library in LIBRARIES},
        },
        "platform": sys.platform,
        "identities": {name: [who.model, who.serial, who.firmware] for name, who in rig.identities.items()},
        "card": card(assembly, rig),
        "board": {
            "nodes": list(graph.nodes),
            "edges": [[edge.name, edge.a, edge.b] for edge in graph.edges],
            "inputs": [wire.node for wire in assembly.board.hookup.inputs],
            "outputs": [wire.node for wire in assembly.board.hookup.outputs],
            "range_s": list(assembly.network.programmable.range),
        },
    }


def card(assembly: Assembly, rig: Rig) -> dict[str, Any]:
    """The comparability card: what two runs must share before their figures may be compared."""
    low, high = assembly.network.programmable.range
    levels = within(rig.levels[0], low, high)
    coding, split = assembly.task_section.encode, assembly.task_section.split
    return {
        "rule": assembly.learning.rule,
        "activation": assembly.learning.activation,
        "error_current_a": assembly.learning.error.current,
        "error_floor": assembly.learning.error.floor,
        "tones_hz": list(rig.tones.frequencies_hz),
        "sample_rate_hz": rig.plan.sample_rate_hz,
        "window_samples": rig.plan.window_samples,
        "levels": len(levels.codes) if isinstance(levels, LevelTable) else "continuous",
        "range_s": [low, high],
        "loss": assembly.learning.loss,
        "temperature_v": assembly.learning.temperature,
        "encoding": None if coding is None else coding.model_dump(),
        "split": None if split is None else split.model_dump(),
        "batch": assembly.learning.batch,
        "epochs": assembly.learning.epochs,
        "rate": assembly.learning.rate,
        "decay": assembly.learning.decay,
        "hysteresis": assembly.learning.hysteresis,
        "bench": assembly.header.bench,
        "simulation": assembly.simulation.model_dump(exclude_none=True)
        if assembly.header.bench != "hardware"
        else None,
    }


def resolved(assembly: Assembly) -> list[ResolvedValue]:
    """Every value of the configuration, as written or by default, with its origin."""
    document = assembly.document
    header = flatten_resolved(document, (), assembly.header)
    values = [value for value in header if value.path in STANDING_ALONE]
    for name, model in SECTIONS.items():
        values += _of_section(document, (name,), model)
    for name, device in assembly.devices.items():
        values += flatten_resolved(document, ("instruments", name), device.options)
    for node in assembly.header.wiring:
        if node != EDGES:
            values += _of_section(document, ("wiring", node), NodeWiring)
    return values + [value for value in header if value.path.startswith(f"wiring.{EDGES}")]


def _of_section(document: Document, path: TreePath, model: type[BaseModel]) -> list[ResolvedValue]:
    section = validate(document, path, model)
    return [] if section is None else flatten_resolved(document, path, section)
