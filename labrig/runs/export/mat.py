"""MATLAB 5: `run = load('run.mat')` in MATLAB, `scipy.io.loadmat` in Python.

Names of edges, nodes and so on are cell arrays. The structs `units` and `dimensions` say for every variable what it is
in, and what its axes are; `attributes` has the rest, with the comparability card as JSON (`jsondecode`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scipy.io import savemat

from labrig.runs.contents import Contents, Variable


def write(contents: Contents, path: Path) -> None:
    """Write a MAT file."""
    contents = contents.real()
    known = {**contents.coordinates, **contents.variables}
    content: dict[str, Any] = {name: _value(each) for name, each in known.items()}
    content["units"] = {name: each.units for name, each in known.items() if each.units}
    content["dimensions"] = {name: ", ".join(each.dims) for name, each in known.items()}
    content["attributes"] = dict(contents.attributes)
    with open(path, "wb") as file:
        savemat(file, content, long_field_names=True, oned_as="column")


def _value(variable: Variable) -> Any:
    return variable.values.astype(object) if variable.values.dtype.kind == "U" else variable.values
