"""MATLAB 5: `run = load('run.mat')` in MATLAB, `scipy.io.loadmat` in Python.

Names of edges, nodes and so on are cell arrays. The structs `units` and `dimensions` contain the unit and the axes of
every variable; `attributes` has the rest, with the comparability card as JSON (`jsondecode`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import savemat

from labrig.errors import UsageError
from labrig.runs.contents import Contents, Variable
from labrig.runs.samples import DIMS, TEXT, UNITS, Samples

LARGEST_BYTES = 2**31 - 1
"""Largest size of a variable in this format (bytes)."""


def write(contents: Contents, path: Path, samples: Samples | None) -> None:
    """Write a MAT file. Raises UsageError if the samples are larger than the format allows."""
    contents = contents.real()
    known = {**contents.coordinates, **contents.variables, **({} if samples is None else _variables(samples))}
    content: dict[str, Any] = {name: _value(each) for name, each in known.items()}
    content["units"] = {name: each.units for name, each in known.items() if each.units}
    content["dimensions"] = {name: ", ".join(each.dims) for name, each in known.items()}
    content["attributes"] = dict(contents.attributes)
    with open(path, "wb") as file:
        savemat(file, content, long_field_names=True, oned_as="column")


def _variables(samples: Samples) -> dict[str, Variable]:
    size = 8 * int(np.prod(samples.shape))
    if size > LARGEST_BYTES:
        raise UsageError(
            f"a variable in a MAT file holds at most 2 GB, but the samples are {size / 2**30:.1f} GB", remedy="use --h5"
        )
    volts = np.empty(samples.shape)
    for place, each in enumerate(samples):
        volts[place] = each
    return {
        "acquisition": Variable(DIMS[:1], np.array(samples.acquisitions)),
        "channel": Variable(DIMS[2:], np.array(samples.channels)),
        "samples": Variable(DIMS, volts, UNITS, TEXT),
    }


def _value(variable: Variable) -> Any:
    return variable.values.astype(object) if variable.values.dtype.kind == "U" else variable.values
