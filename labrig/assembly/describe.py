"""An assembly as plain values: the contents of meta.json, and every value with its origin."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel

from labrig import __version__
from labrig.assembly.assembly import Assembly
from labrig.assembly.card import card
from labrig.assembly.sections.network import EDGES
from labrig.assembly.sections.wiring_row import NodeWiring
from labrig.assembly.terminals import terminals
from labrig.config.document import Document
from labrig.config.problems import TreePath
from labrig.config.resolved import ResolvedValue, flatten_resolved
from labrig.config.validation import validate
from labrig.instruments.data import levels_as_plain
from labrig.network.physics import HasPlaces, HasPorts
from labrig.rig.rig import Rig

LIBRARIES = ("numpy", "scipy", "pydantic", "pyyaml")
TOP_KEYS = ("version", "name", "seed", "bench")


def describe(assembly: Assembly, rig: Rig) -> dict[str, Any]:
    """Return the versions, seeds, identities, board and comparability card of a run that starts on an open rig."""
    network, task, trained = assembly.board.network, assembly.task, assembly.trained
    medium = assembly.network.physics.medium
    sides: dict[str, list[dict[str, Any]]] = {"input": [], "output": []}
    for terminal in terminals(assembly):
        sides[terminal.side].append(asdict(terminal))
    return {
        "name": assembly.name,
        "seed": assembly.seed,
        "simulation_seed": assembly.simulation_seed,
        "began": datetime.now(UTC).isoformat(),
        "bench": assembly.header.bench,
        "config": str(assembly.document.path),
        "initial": None if trained is None else {"run": str(trained.run.resolve()), "step": trained.step},
        "versions": {
            "labrig": __version__,
            "python": platform.python_version(),
            **{library: version(library) for library in LIBRARIES},
        },
        "platform": sys.platform,
        "calibration": None if assembly.calibration is None else assembly.calibration.sha256,
        "calibration_record": _record(assembly),
        "identities": {name: [who.model, who.serial, who.firmware] for name, who in rig.identities.items()},
        "card": card(assembly, rig),
        "values": [list(value) for value in resolved(assembly)],
        **({"chosen": [asdict(each) for each in assembly.chosen]} if assembly.chosen else {}),
        "rig": {"plan": asdict(rig.plan), **levels_as_plain(rig.levels)},
        "inputs": sides["input"],
        "outputs": sides["output"],
        "classes": [terminal["name"] for terminal in sides["output"]] if task.targets == "classes" else None,
        "readout": task.readout.tolist(),
        "board": {
            "nodes": list(network.nodes),
            "places": _places(assembly),
            "ports": {name: list(points) for name, points in _ports(assembly).items()},
            "state": {"quantity": medium.state, "unit": medium.unit("state")},
            "parameter": {"quantity": medium.parameter, "unit": medium.unit("parameter")},
            "edges": [[edge.name, edge.a, edge.b] for edge in network.edges],
            "inputs": [wire.node for wire in assembly.board.hookup.inputs],
            "outputs": [wire.output for wire in assembly.board.hookup.outputs],
            "senses": [wire.node for wire in assembly.board.hookup.senses],
            "range_s": list(assembly.network.programmable.range),
            "initial_s": assembly.update(rig).conductances.tolist(),
        },
    }


def _record(assembly: Assembly) -> dict[str, Any] | None:
    """Return the time, conditions and findings of the calibration; None without calibration."""
    record = assembly.calibration
    if record is None:
        return None
    return {key: getattr(record, key) for key in ("created", "valid_until", "conditions", "findings")}


def _places(assembly: Assembly) -> dict[str, tuple[float, float]] | None:
    """Return the coordinates of nodes; None if the network has none."""
    layout = assembly.layout
    return dict(layout.places) if isinstance(layout, HasPlaces) else None


def _ports(assembly: Assembly) -> Mapping[str, tuple[str, ...]]:
    """Return the points of each port; empty if the network has no ports."""
    layout = assembly.layout
    return layout.ends if isinstance(layout, HasPorts) else {}


def resolved(assembly: Assembly) -> list[ResolvedValue]:
    """Return every value of the configuration, defaults included, with its origin."""
    document = assembly.document
    header = flatten_resolved(document, (), assembly.header)
    values = [value for value in header if value.path in TOP_KEYS]
    for name, section in assembly.sections.items():
        values += _of_section(document, (name,), type(section))
    for name, device in assembly.devices.items():
        values += flatten_resolved(document, ("instruments", name), device.options)
    for node in assembly.header.wiring:
        if node != EDGES:
            values += _of_section(document, ("wiring", node), NodeWiring)
    return values + [value for value in header if value.path.startswith(f"wiring.{EDGES}")]


def _of_section(document: Document, path: TreePath, model: type[BaseModel]) -> list[ResolvedValue]:
    section = validate(document, path, model)
    return [] if section is None else flatten_resolved(document, path, section)
