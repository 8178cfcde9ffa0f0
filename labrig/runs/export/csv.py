"""CSV: a folder of tables in long form, one for each combination of dimensions, and two tables that describe them.

`step.csv` has a row for each step, `step-edge.csv` one for each edge of each step, and so on: a larger board or a
longer run has more rows, never more columns. `variables.csv` has the unit and the meaning of every column,
`attributes.csv` the attributes of the run as a whole.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.runs.contents import Contents, Variable
from labrig.runs.samples import DIMS, TEXT, UNITS, Samples

_LINES = 2000
"""Number of lines from which the size of the table of samples is estimated."""


def write(contents: Contents, path: Path, samples: Samples | None) -> None:
    """Write a folder of CSV files."""
    contents = contents.real()
    path.mkdir()
    known = {**contents.coordinates, **contents.variables}
    tables: dict[tuple[str, ...], dict[str, Variable]] = {}
    for name, variable in known.items():
        if variable.dims != (name,):  # the index of a dimension is already its column
            tables.setdefault(variable.dims, {})[name] = variable
    for dims, variables in tables.items():
        _write(path / f"{'-'.join(dims)}.csv", (*dims, *variables), _rows(contents, dims, variables))
    about = [(name, " ".join(each.dims), each.units, each.text) for name, each in known.items()]
    if samples is not None:
        _write(path / f"{'-'.join(DIMS)}.csv", (*DIMS, "samples"), _sample_rows(samples))
        about.append(("samples", " ".join(DIMS), UNITS, TEXT))
    _write(path / "variables.csv", ("name", "dimensions", "units", "meaning"), about)
    _write(path / "attributes.csv", ("name", "value"), contents.attributes.items())


def bytes_per_sample(samples: Samples) -> float:
    """Return the mean length of a line in the table of samples, from the first acquisition (bytes)."""
    text = StringIO()
    rows = list(islice(_sample_rows(samples), _LINES))
    csv.writer(text).writerows(rows)
    return len(text.getvalue().encode()) / max(1, len(rows))


def _rows(contents: Contents, dims: Sequence[str], variables: Mapping[str, Variable]) -> Iterator[Iterable[Any]]:
    """Yield a row for every combination of places along the dimensions; the first dimension varies slowest."""
    shape = next(iter(variables.values())).values.shape
    axes = [_labels(contents, dim, size) for dim, size in zip(dims, shape, strict=True)]
    count = int(np.prod(shape[1:]))
    places = np.indices(shape[1:]).reshape(len(shape) - 1, count)
    for first in range(shape[0]):
        columns = [np.full(count, axes[0][first]), *(labels[at] for labels, at in zip(axes[1:], places, strict=True))]
        columns += [each.values[first].reshape(count) for each in variables.values()]
        yield from zip(*map(_plain, columns), strict=True)


def _sample_rows(samples: Samples) -> Iterator[Iterable[Any]]:
    """Yield a row for every sample of every channel."""
    for acquisition, volts in zip(samples.acquisitions, samples, strict=True):
        for scan, row in enumerate(volts):
            for channel, value in zip(samples.channels, _plain(row), strict=True):
                yield acquisition, scan, channel, value


def _labels(contents: Contents, dim: str, size: int) -> NDArray[Any]:
    return contents.coordinates[dim].values if dim in contents.coordinates else np.arange(size)


def _plain(column: NDArray[Any]) -> list[Any]:
    """Return values as Python objects: an empty text for NaN, 0 or 1 for a truth value."""
    if column.dtype.kind == "f":
        return ["" if np.isnan(value) else value for value in column.tolist()]
    return (column.astype(int) if column.dtype.kind == "b" else column).tolist()


def _write(path: Path, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(header)
        table.writerows(rows)
