"""Random boards as configurations: layered and grids, with and without diodes. Not a claim by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

KINDS = ("layered", "hidden diodes", "grid", "grid with diodes")
WITH_DIODES = (1, 3)
"""Kinds that have diodes."""

RANGE_V = 0.5
"""Range of the digitizer (± V): drives are just below, so that noise of 100 µV is 0.4 steps of 12 bits."""


def board(kind: int, seed: int, bits: int, folder: Path) -> Path:
    """Write the configuration of a random board of a kind (0 to 3) and return its path."""
    draw = np.random.default_rng(seed)
    config = _layered(draw, diodes=kind == 1) if kind < 2 else _grid(draw, diodes=kind == 3)
    channels = len(config["sensed"]) + 1
    wiring, sources = {}, 0
    for column, node in enumerate(config.pop("sensed")):
        row: dict[str, Any] = {"sense": f"daq/{column}"}
        if node in config["driven"]:
            row |= {"drive": f"awg/{sources}", "through": "50 Ω"}
        if node in config["outputs"]:
            row |= {"error": f"awg/{sources}", "through": "100 kΩ"}
        sources += "through" in row
        wiring[node] = row
    edges = config.pop("edges")
    config.pop("driven"), config.pop("outputs")
    wiring["pilot"] = {"drive": f"awg/{sources}", "sense": f"daq/{channels - 1}"}
    wiring["edges"] = f"pots/0..{edges - 1}"
    current = config.pop("current")
    config |= {
        "version": 1,
        "name": f"board-{seed}",
        "seed": seed,
        "learning": {
            "activation": "dc",
            "error": {"current": current},
            "loss": "squared_error",
            "rate": 0.3,
            "batch": 1,
            "epochs": 1,
        },
        "instruments": {
            "awg": {"driver": "generic.source", "channels": sources + 1, "bits": 16, "full_scale": "5 V"},
            "daq": {
                "driver": "generic.digitizer",
                "channels": channels,
                "bits": bits,
                "full_scale": f"{RANGE_V} V",
                "max_sample_rate": "1 MS/s",
            },
            "pots": {
                "driver": "generic.programmer",
                "part": "MCP4251-104",
                "channels": edges,
                "supply": ["-2.5 V", "2.5 V"],
            },
        },
        "wiring": wiring,
        "acquisition": {"sample_rate": "20 kS/s", "window": "50 ms", "band": ["200 Hz", "2 kHz"], "pilot": "0.3 V"},
        "simulation": {"preset": "typical"},
    }
    path = folder / f"board-{kind}-{seed}-{bits}.yaml"
    path.write_text(yaml.safe_dump(config, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def _layered(draw: np.random.Generator, diodes: bool) -> dict[str, Any]:
    inputs, outputs = 2 * int(draw.integers(2, 5)) + 1, int(draw.integers(2, 4))
    layers: dict[str, Any] = {"inputs": inputs, "outputs": outputs}
    hidden = int(draw.integers(3, 6)) if diodes else 0
    if diodes:
        layers["hidden"] = [{"nodes": hidden, "shunt": {"diodes": "BAT54", "pairs": 1}}]
    driven, out = [f"in{k}" for k in range(inputs)], [f"out{k}" for k in range(outputs)]
    return {
        "network": {"layered": layers, "programmable": _programmable(draw)},
        "task": {
            "regression": {"matrix": "random", "train": 4, "test": 1},
            "encode": {"full_scale": "0.45 V", "complements": True, "bias": ["0.3 V"]},
        },
        "sensed": [*driven, *(f"hid{k}" for k in range(hidden)), *out],
        "driven": driven,
        "outputs": out,
        "edges": inputs * hidden + hidden * outputs if diodes else inputs * outputs,
        "current": "1 µA" if diodes else "5 µA",
    }


def _grid(draw: np.random.Generator, diodes: bool) -> dict[str, Any]:
    rows, columns = int(draw.integers(3, 6)), int(draw.integers(3, 6))
    nodes = [f"n{r}_{c}" for r in range(rows) for c in range(columns)]
    chosen = [str(node) for node in draw.permutation(nodes)[:4]]
    driven, out = sorted(chosen[:2]), chosen[2:]
    network: dict[str, Any] = {"grid": {"rows": rows, "columns": columns}, "programmable": _programmable(draw)}
    if diodes:
        network["diodes"] = [
            {"from": a, "to": b, "part": "BAT54"} for node in out for a, b in ((node, "ground"), ("ground", node))
        ]
    targets = draw.uniform(-0.3, 0.3, 2)
    return {
        "network": network,
        "task": {"allostery": {"inputs": ["-0.3 V", "0.45 V"], "targets": [f"{v:.3f} V" for v in targets]}},
        "sensed": nodes,
        "driven": driven,
        "outputs": out,
        "edges": rows * (columns - 1) + columns * (rows - 1),
        "current": "0.2 µA" if diodes else "2 µA",
    }


def _programmable(draw: np.random.Generator) -> dict[str, Any]:
    low = float(draw.uniform(20, 35))
    return {"edges": "all", "range": ["10.1 µS", "97 µS"], "initial": [f"{low:.1f} µS", f"{2 * low:.1f} µS"]}
