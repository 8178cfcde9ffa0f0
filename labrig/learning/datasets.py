"""Tables of examples from CSV files, and their split into training and test parts."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labrig.config.section import OptionError


@dataclass(frozen=True)
class LabelledTable:
    """features: (M, F). labels: (M,) index into `classes`, which are sorted by name."""

    features: NDArray[np.float64]
    labels: NDArray[np.intp]
    classes: tuple[str, ...]
    columns: tuple[str, ...]


def read_labelled_csv(path: Path, label: str, features: Sequence[str] | None = None) -> LabelledTable:
    """Read a CSV with a header line; lines that begin with # are comments.

    features: columns to use, by default every column but the label.
    Raises OptionError naming line and column of what cannot be read as a finite number, and the column whose numbers
    lie too far apart for their difference to be one.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise OptionError("data", f"cannot read {path.name}: {reason}") from error
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip() and line[0] != "#"]
    rows = list(csv.reader(line for _, line in lines))
    if len(rows) < 2:
        raise OptionError("data", f"{path.name} holds no header line followed by examples")
    header = tuple(name.strip() for name in rows[0])
    if label not in header:
        raise OptionError("label", f"{path.name} has no column {label!r}; its columns are {', '.join(header)}")
    columns = tuple(name for name in header if name != label) if features is None else tuple(features)
    for name in columns:
        if name not in header:
            raise OptionError("features", f"{path.name} has no column {name!r}; its columns are {', '.join(header)}")
        if columns.count(name) > 1 and features is not None:
            raise OptionError("features", f"column {name!r} is named twice; name each column once")
    for name in (label, *columns):
        if header.count(name) > 1:
            line = lines[0][0]
            raise OptionError(
                "data", f"{path.name}:{line}: {header.count(name)} columns are called {name!r}; rename them"
            )
    where = [header.index(name) for name in columns]
    values: list[list[float]] = []
    names: list[str] = []
    for (number, _), row in zip(lines[1:], rows[1:], strict=True):
        if len(row) != len(header):
            raise OptionError("data", f"{path.name}:{number}: {len(row)} fields where the header has {len(header)}")
        values.append([_number(path, number, columns[k], row[column]) for k, column in enumerate(where)])
        names.append(row[header.index(label)].strip())
    classes = tuple(sorted(set(names)))
    labels = np.array([classes.index(name) for name in names])
    table = np.array(values)
    with np.errstate(over="ignore"):
        scalable = np.isfinite(2.0 * (table.max(axis=0) - table.min(axis=0)))
    if not scalable.all():
        column = int(scalable.argmin())
        low, high = table[:, column].min(), table[:, column].max()
        reach = f"column {columns[column]!r} ranges from {low:g} to {high:g}"
        raise OptionError("data", f"{path.name}: {reach}, too wide to be scaled; check its values")
    return LabelledTable(table, labels, classes, columns)


def _number(path: Path, line: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise OptionError("data", f"{path.name}:{line}: column {column!r} holds {text.strip()!r}, not a finite number")
    return value


def split_by_class(
    labels: NDArray[np.intp], classes: Sequence[str], train: int, test: int, generator: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of `train` and `test` examples of every class, drawn without replacement.

    Raises OptionError if a class has too few examples.
    """
    train_part: list[NDArray[np.intp]] = []
    test_part: list[NDArray[np.intp]] = []
    for index, name in enumerate(classes):
        members = generator.permutation(np.flatnonzero(labels == index))
        if len(members) < train + test:
            asked = f"{train} + {test}"
            raise OptionError("split", f"class {name!r} has {len(members)} examples, but split asks for {asked}")
        train_part.append(members[:train])
        test_part.append(members[train : train + test])
    return np.concatenate(train_part), np.concatenate(test_part)


def scaled(features: NDArray[np.float64], train: NDArray[np.intp], clip: float) -> NDArray[np.float64]:
    """Features (M, F) scaled to ± 1 on the training part, whose indices are `train`.

    Values outside the training part's range are clipped at ± clip; a constant feature becomes 0.
    """
    low, high = features[train].min(axis=0), features[train].max(axis=0)
    width = np.where(high > low, high - low, 1.0)
    with np.errstate(over="ignore"):  # far outside a narrow training range: clipped like everything outside it
        unit = np.where(high > low, 2.0 * (features - low) / width - 1.0, 0.0)
    return np.clip(unit, -clip, clip)
