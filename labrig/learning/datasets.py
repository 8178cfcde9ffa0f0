"""Tables of examples from CSV files, and their split into training and test parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from labrig.config.csv_table import Cell, CsvTable, MissingColumn, TableError, read_csv
from labrig.config.section import OptionError
from labrig.quantities import as_written


@dataclass(frozen=True)
class LabelledTable:
    """A table of examples.

    Attributes
    ----------
    features : (M, F) array
        Values of the feature columns.
    labels : (M,) array of int
        Indices into `classes`.
    classes : tuple of str
        Names of the classes.
    columns : tuple of str
        Names of the features.
    notes : tuple of str
        Warnings about the labels.
    """

    features: NDArray[np.float64]
    labels: NDArray[np.intp]
    classes: tuple[str, ...]
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_labelled_csv(
    path: Path, label: str, features: Sequence[str] | None = None, classes: Sequence[str] | None = None
) -> LabelledTable:
    """Read the examples of a CSV file; `labrig.config.csv_table` defines the format.

    Parameters
    ----------
    path : Path
        Path of the file.
    label : str
        Name of the column that contains the classes.
    features : sequence of str, optional
        Names of the columns to use; by default, every column except the label.
    classes : sequence of str, optional
        The possible classes; by default those in the file, sorted.

    Raises
    ------
    OptionError
        If a cell is not a finite number, an example has no class or an unknown class, or the numbers of a column are
        too far apart for their difference to be finite. The message gives file, line and column.
    """
    table = _table(path)
    columns = tuple(name for name in table.columns if name != label) if features is None else tuple(features)
    if features is not None:
        _check_once(columns, "features")
    at_label = _position(table, label, "label")
    values = _numbers(path, table, columns, "features")
    names = [_class_of(row[at_label], label, classes) for row in table.rows]
    found = tuple(sorted(set(names)))
    classes = found if classes is None else tuple(classes)
    index = {name: k for k, name in enumerate(classes)}
    notes = _similar_classes(path.name, found, [row[at_label] for row in table.rows])
    return LabelledTable(values, np.array([index[name] for name in names]), classes, columns, notes)


@dataclass(frozen=True)
class NumberTable:
    """Columns of numbers.

    Attributes
    ----------
    values : (M, F) array
        The numbers.
    places : list of lists of str
        Place of each number, as file:line:column.
    """

    values: NDArray[np.float64]
    places: Sequence[Sequence[str]]


def read_number_csv(path: Path, columns: Sequence[str], key: str) -> NumberTable:
    """Return columns of numbers from a CSV file; an OptionError about them names the option `key`."""
    _check_once(columns, key)
    table = _table(path)
    values = _numbers(path, table, columns, key)
    at = [table.position(name) for name in columns]
    return NumberTable(values, [[row[k].place for k in at] for row in table.rows])


def _table(path: Path) -> CsvTable:
    try:
        table = read_csv(path)
    except TableError as error:
        raise OptionError("data", str(error)) from error
    if not table.rows:
        raise OptionError("data", f"{path.name} has only a header line, no examples; add a row for each example")
    return table


def _check_once(columns: Sequence[str], key: str) -> None:
    for name in columns:
        if columns.count(name) > 1:
            raise OptionError(key, f"column {as_written(name)} is named twice; name each column once")


def _numbers(path: Path, table: CsvTable, columns: Sequence[str], key: str) -> NDArray[np.float64]:
    """(M, F) numbers in these columns."""
    at = [_position(table, name, key) for name in columns]
    try:
        values = np.array([[row[k].number(name) for k, name in zip(at, columns, strict=True)] for row in table.rows])
    except TableError as error:
        raise OptionError("data", str(error)) from error
    values = values.reshape(len(table.rows), len(columns))
    with np.errstate(over="ignore"):
        scalable = np.isfinite(2.0 * (values.max(axis=0) - values.min(axis=0)))
    if not scalable.all():
        column = int(scalable.argmin())
        low, high = values[:, column].min(), values[:, column].max()
        reach = f"column {as_written(columns[column])} ranges from {low:g} to {high:g}"
        raise OptionError("data", f"{path.name}: {reach}, which is too wide to be scaled; check its values")
    return values


def _position(table: CsvTable, column: str, key: str) -> int:
    try:
        if not column:
            raise TableError(f"{table.header[table.columns.index('')].place}: a column has no name; name or delete it")
        return table.position(column)
    except MissingColumn as error:
        raise OptionError(key, str(error)) from error
    except TableError as error:
        raise OptionError("data", str(error)) from error


def _class_of(cell: Cell, label: str, classes: Sequence[str] | None) -> str:
    if not cell.text:
        raise OptionError("data", f"{cell.place}: the example has no class in column {as_written(label)}; fill it in")
    if classes is not None and cell.text not in classes:
        known = f"the classes are {', '.join(map(as_written, classes))}"
        what = f"column {as_written(label)}: {as_written(cell.text)} is not a class"
        raise OptionError("data", f"{cell.place}: {what}; {known}")
    return cell.text


def _similar_classes(file: str, classes: Sequence[str], cells: Sequence[Cell]) -> tuple[str, ...]:
    """Return warnings about labels that end with a blank, and classes that differ in case or blanks only."""
    notes: list[str] = []
    padded = [cell for cell in cells if cell.written != cell.written.rstrip()]
    if padded:
        more = f" (and {len(padded) - 1} more)" if len(padded) > 1 else ""
        label = f"the label {as_written(padded[0].written)} ends with a blank"
        notes.append(f"{padded[0].place}: {label}{more}; it is read as {as_written(padded[0].text)}")
    alike: dict[str, str] = {}
    for name in classes:
        other = alike.setdefault("".join(name.casefold().split()), name)
        if other != name:
            place = next(cell.place for cell in cells if cell.text == name)
            what = f"the classes {as_written(other)} and {as_written(name)} differ only in case or blanks"
            notes.append(f"{place}: {what}; if they are one class, correct {file}")
    return tuple(notes)


def split_by_class(
    labels: NDArray[np.intp],
    classes: Sequence[str],
    train: int,
    test: int | Literal["all"],
    generator: np.random.Generator,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Draw `train` and `test` examples of every class without replacement, and return their indices.

    With 'all', every example that is not in the training set is in the test set.

    Raises OptionError if a class has too few examples.
    """
    train_part: list[NDArray[np.intp]] = []
    test_part: list[NDArray[np.intp]] = []
    for index, name in enumerate(classes):
        members = generator.permutation(np.flatnonzero(labels == index))
        last = max(train, len(members)) if test == "all" else train + test
        if len(members) < last:
            asked = f"{train} + {test}"
            raise OptionError(
                "split", f"class {name!r} has {len(members)} examples, but split asks for {asked}; ask for fewer"
            )
        train_part.append(members[:train])
        test_part.append(members[train:last])
    return np.concatenate(train_part), np.concatenate(test_part)


def split_at_random(
    examples: int, train: int, test: int | Literal["all"], generator: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Draw `train` and `test` examples without replacement, and return their indices.

    With 'all', every example that is not in the training set is in the test set. Raises OptionError if there are too
    few examples.
    """
    last = max(train, examples) if test == "all" else train + test
    if examples < last:
        raise OptionError(
            "split", f"the data have {examples} examples, but split asks for {train} + {test}; ask for fewer"
        )
    drawn = generator.permutation(examples)
    return drawn[:train], drawn[train:last]


def scaled(
    features: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], clip: float
) -> NDArray[np.float64]:
    """Features (M, F) scaled so that `low` (F,) becomes −1 and `high` (F,) becomes +1.

    The scaled values are clipped at ± clip. A feature whose `low` equals its `high` becomes 0.
    """
    width = np.where(high > low, high - low, 1.0)
    with np.errstate(over="ignore"):  # far outside a narrow training range: clipped like everything outside it
        unit = np.where(high > low, 2.0 * (features - low) / width - 1.0, 0.0)
    return np.clip(unit, -clip, clip)
