"""CSV: a folder of tables in long form, one for each combination of dimensions, and what describes them.

`step.csv` has a row for each step, `step-edge.csv` one for each edge of each step, and so on: a larger board or a
longer run has more rows, never more columns. `variables.csv` has the unit and the meaning of every column,
`attributes.csv` those of the run as a whole.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.runs.contents import Contents, Variable


def write(contents: Contents, path: Path) -> None:
    """Write a folder of CSV files."""
    contents = contents.real()
    path.mkdir()
    tables: dict[tuple[str, ...], dict[str, Variable]] = {}
    for name, variable in {**contents.coordinates, **contents.variables}.items():
        if variable.dims != (name,) or not _described(name, contents):
            tables.setdefault(variable.dims, {})[name] = variable
    for dims, variables in tables.items():
        _write(path / f"{'-'.join(dims)}.csv", (*dims, *variables), _rows(contents, dims, variables))
    known = {**contents.coordinates, **contents.variables}.items()
    about = ((name, " ".join(each.dims), each.units, each.text) for name, each in known)
    _write(path / "variables.csv", ("name", "dimensions", "units", "meaning"), about)
    _write(path / "attributes.csv", ("name", "value"), contents.attributes.items())


def _described(dim: str, contents: Contents) -> bool:
    """Return whether a dimension has more to say than its own coordinate."""
    known = {**contents.coordinates, **contents.variables}
    return any(each.dims == (dim,) and name != dim for name, each in known.items())


def _rows(contents: Contents, dims: Sequence[str], variables: Mapping[str, Variable]) -> Iterator[Iterable[Any]]:
    """A row for every place along the dimensions, those along the first one at a time."""
    shape = next(iter(variables.values())).values.shape
    own = [name for name in variables if (name,) != tuple(dims)]
    axes = [_labels(contents, dim, size) for dim, size in zip(dims, shape, strict=True)]
    for first in range(shape[0]):
        inner = np.ones(shape[1:], dtype=bool)
        places = np.nonzero(inner) if inner.ndim else ()
        count = inner.size
        columns = [np.full(count, axes[0][first]), *(labels[at] for labels, at in zip(axes[1:], places, strict=True))]
        columns += [variables[name].values[first].reshape(count) for name in own]
        yield from zip(*(_plain(column) for column in columns), strict=True)


def _labels(contents: Contents, dim: str, size: int) -> NDArray[Any]:
    return contents.coordinates[dim].values if dim in contents.coordinates else np.arange(size)


def _plain(column: NDArray[Any]) -> list[Any]:
    """Values as Python objects; nothing is written for NaN, 0 or 1 for a truth value."""
    if column.dtype.kind == "f":
        return ["" if np.isnan(value) else value for value in column.tolist()]
    return (column.astype(int) if column.dtype.kind == "b" else column).tolist()


def _write(path: Path, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(header)
        table.writerows(rows)
