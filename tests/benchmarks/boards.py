"""Boards of any size as configurations, with ideal-size instruments and the preset `typical`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from labrig.assembly import Assembly, assemble

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def shipped(name: str) -> Assembly:
    """A configuration that comes with labrig."""
    return assemble(CONFIGS / f"{name}.yaml")


def layered(folder: Path, inputs: int, hidden: int, outputs: int) -> Assembly:
    """Inputs, a hidden layer with an antiparallel pair of BAT54 on each node, and outputs, fully connected."""
    if inputs % 2 or inputs < 4:
        raise ValueError("complements and two bias nodes need an even number of inputs, 4 or more")
    senses = inputs + hidden + outputs
    network = {
        "layered": {
            "inputs": inputs,
            "hidden": [{"nodes": hidden, "shunt": {"diodes": "BAT54", "pairs": 1}}],
            "outputs": outputs,
        }
    }
    wiring = {
        f"in0..in{inputs - 1}": {"drive": f"awg/0..{inputs - 1}", "through": "50 Ω", "sense": f"daq/0..{inputs - 1}"},
        f"hid0..hid{hidden - 1}": {"sense": f"daq/{inputs}..{inputs + hidden - 1}"},
        f"out0..out{outputs - 1}": {
            "error": f"awg/{inputs}..{inputs + outputs - 1}",
            "through": "100 kΩ",
            "sense": f"daq/{inputs + hidden}..{senses - 1}",
        },
    }
    task = {
        "regression": {"matrix": "random", "train": 30, "test": 1},
        "encode": {"full_scale": "1 V", "complements": True, "bias": ["-1 V", "1 V"]},
    }
    edges = hidden * (inputs + outputs)
    return _assembled(
        folder, f"layered-{inputs}-{hidden}-{outputs}", network, task, wiring, inputs + outputs, senses, edges
    )


def grid(folder: Path, side: int) -> Assembly:
    """A square grid with two driven corners and three outputs within."""
    driven, outputs = (
        ("n0_0", f"n{side - 1}_{side - 1}"),
        [f"n{row * side // 10}_{column * side // 10}" for row, column in ((2, 7), (5, 4), (7, 2))],
    )
    wiring: dict[str, Any] = {}
    for row in range(side):
        for column in range(side):
            node = f"n{row}_{column}"
            wiring[node] = {"sense": f"daq/{row * side + column}"}
            if node in driven:
                wiring[node] |= {"drive": f"awg/{driven.index(node)}", "through": "50 Ω"}
            elif node in outputs:
                wiring[node] |= {"error": f"awg/{2 + outputs.index(node)}", "through": "1 MΩ"}
    task = {"allostery": {"inputs": ["0 V", "1 V"], "targets": "random"}}
    network = {"grid": {"rows": side, "columns": side}}
    return _assembled(folder, f"grid-{side}", network, task, wiring, 5, side * side, 2 * side * (side - 1))


def _assembled(
    folder: Path,
    name: str,
    network: dict[str, Any],
    task: dict[str, Any],
    wiring: dict[str, Any],
    driven: int,
    senses: int,
    edges: int,
) -> Assembly:
    document = {
        "version": 1,
        "name": name,
        "seed": 0,
        "bench": "simulated",
        "network": {
            **network,
            "programmable": {"edges": "all", "range": ["10 µS", "100 µS"], "initial": ["30 µS", "70 µS"]},
        },
        "task": task,
        "learning": {
            "rule": "frequency_propagation",
            "activation": "dc",
            "error": {"current": "1 µA", "carrier": "shared_tone"},
            "loss": "squared_error",
            "rate": 0.3,
            "decay": "none",
            "batch": 1,
            "epochs": 1,
        },
        "instruments": {
            "awg": {"driver": "generic.source", "channels": driven + 1, "bits": 16, "full_scale": "5 V"},
            "daq": {
                "driver": "generic.digitizer",
                "channels": senses + 1,
                "bits": 16,
                "full_scale": "2 V",
                "max_sample_rate": "250 kS/s",
            },
            "pots": {
                "driver": "generic.programmer",
                "part": "MCP4251-104",
                "channels": edges,
                "supply": ["-2.5 V", "2.5 V"],
            },
        },
        "wiring": {
            **wiring,
            "pilot": {"drive": f"awg/{driven}", "sense": f"daq/{senses}"},
            "edges": f"pots/0..{edges - 1}",
        },
        "acquisition": {
            "sample_rate": "50 kS/s",
            "window": "20 ms",
            "settle": "auto",
            "tones": "auto",
            "band": ["200 Hz", "2 kHz"],
        },
        "simulation": {"preset": "typical"},
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return assemble(path)
