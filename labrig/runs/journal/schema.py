"""What a journal keeps. The fields of Step, Evaluation, Event, Terminal and Example are the columns of its tables.

Arrays are stored as little-endian float64, lists and maps as JSON. Of an array that changes little from step to step
only the changes are stored. A field that may be None is a column that may be empty: of large boards not every gradient
is kept, and a journal of an earlier schema did not keep everything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from types import MappingProxyType, NoneType
from typing import Annotated, Any, NamedTuple, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

from labrig.json_text import json_text

Array = NDArray[np.float64]
Steady = Annotated[Array, "steady"]
"""An array of which only the changes from row to row are stored."""
Rows = Annotated[Array, "rows"]
"""An array of several rows."""

VERSION = 4
"""Version of the schema written here; migrations.py says what each version added."""


@dataclass(frozen=True)
class Step:
    """One update of the conductances. Arrays have shape (E,), in the rig's order of edges.

    Parameters
    ----------
    index
        Counts from 1.
    epoch
        Counts from 0.
    examples
        Indices of the examples in the batch.
    loss
        Mean over the batch (in the loss's own unit).
    gamma
        Largest γ of the batch (A per unit of ∂C/∂v).
    skipped
        Examples without an error.
    gradient, u_gradient
        ∂C/∂θ of the batch mean and its standard error (loss unit per S); None for steps between those whose gradients
        are kept.
    shadow
        Unrounded conductances after the update (S).
    conductances
        The nominal conductances that are written (S).
    written
        How many channels were written.
    acquisitions
        Acquisitions for training so far, those for evaluation not counted.
    bench_s
        Duration of this step on the bench's clock (s).
    bench_acquisitions
        All acquisitions of the bench so far, whatever they were for; random numbers are keyed by it.
    bench_clock_s
        The bench's clock after the step (s, from an arbitrary origin; 0 at the start of a simulated bench).
    wall_s
        Time since the journal was begun (s); the writer sets it.
    """

    index: int
    epoch: int
    examples: tuple[int, ...]
    loss: float
    gamma: float
    skipped: int
    gradient: Array | None
    u_gradient: Array | None
    shadow: Array
    conductances: Steady
    written: int
    acquisitions: int
    bench_s: float
    bench_acquisitions: int | None
    bench_clock_s: float | None
    wall_s: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """Figures of the whole task, measured after `step` updates.

    Parameters
    ----------
    epoch
        Epochs completed.
    step
        Updates completed.
    metrics
        Figures by name.
    examples
        Indices of the examples that were measured, those of the training set first.
    outputs
        (M, O) what was read at the outputs in each of these examples (V).
    bench_acquisitions, bench_clock_s
        As in Step, after the evaluation.
    wall_s
        As in Step.
    """

    epoch: int
    step: int
    metrics: dict[str, float]
    bench_acquisitions: int | None
    bench_clock_s: float | None
    wall_s: float | None = None
    examples: tuple[int, ...] | None = None
    outputs: Rows | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Terminal:
    """What an input or output stands for.

    Parameters
    ----------
    side
        "input" or "output".
    place
        Its place among the inputs or outputs, from 0: the column of arrays of outputs.
    node, channel
        Its node, and the channel that drives it or injects its error ("awg/3").
    kind
        "feature", "complement", "bias"; "class", "column", "readout".
    name
        Of the feature, class or column; of a bias its voltage.
    low, high, full_scale_v
        The numbers low to high are − to + full_scale_v (V); None if they are voltages, or there are none.
    text
        All this in words.
    """

    side: str
    place: int
    node: str
    channel: str
    kind: str
    name: str
    low: float | None
    high: float | None
    full_scale_v: float | None
    text: str


@dataclass(frozen=True)
class Example:
    """One example of the task.

    Parameters
    ----------
    example
        Its index.
    part
        "train" or "test".
    name
        What it is called.
    inputs
        (I,) voltages, or amplitudes, of the inputs (V).
    target
        (R,) what the readouts should be (V), or the class in one-hot form.
    """

    example: int
    part: str
    name: str
    inputs: Array = field(compare=False)
    target: Array = field(compare=False)


class Event(NamedTuple):
    """Something that happened after `step` updates, with what is known about it.

    Parameters
    ----------
    step
        Updates completed.
    event
        What happened: "repeated", "finished" and so on.
    detail
        Plain values.
    bench_acquisitions, bench_clock_s
        As in Step, at the time of the event.
    """

    step: int
    event: str
    detail: dict[str, Any]
    bench_acquisitions: int | None = None
    bench_clock_s: float | None = None


@dataclass(frozen=True)
class Kind:
    """How values of one type are stored.

    Parameters
    ----------
    sql
        Type of the column.
    encode, decode
        A value to what SQLite stores, and back. decode raises ValueError or TypeError for what labrig never writes.
    column
        Decoded values of all rows as one array or tuple; None becomes NaN.
    changes
        What SQLite stores of a value that follows another one, if that is not the whole value.
    """

    sql: str
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    column: Callable[[Sequence[Any]], Any]
    changes: Callable[[Any, Any], bytes] | None = None


def _map(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"{text} is not a map")
    return value


def _integers(values: Sequence[int | None]) -> NDArray[Any]:
    if None in values:
        return _reals(values)
    return np.array(values, dtype=np.int64)


def _reals(values: Sequence[float | None]) -> Array:
    return np.array(values, dtype=float)


def _arrays(values: Sequence[Array | None]) -> Array:
    """(S, E) rows, NaN for None."""
    edges = next((len(value) for value in values if value is not None), 0)
    return np.array([np.full(edges, np.nan) if value is None else value for value in values])


def _whole(values: Array) -> bytes:
    return np.ascontiguousarray(values, dtype="<f8").tobytes()


def _rows(values: Array) -> bytes:
    """The number of columns, then the rows one after the other."""
    return np.uint64(values.shape[1]).astype("<u8").tobytes() + _whole(values)


def _from_rows(blob: bytes) -> Array:
    columns = int(np.frombuffer(blob, dtype="<u8", count=1)[0])
    return np.frombuffer(blob, dtype="<f8", offset=8).reshape(-1, columns)


_CHANGE = np.dtype([("place", "<u4"), ("value", "<f8")])


def _changes(before: Array, now: Array) -> bytes:
    """Places and values of the entries that changed, or the whole array if that is not longer."""
    changed = np.flatnonzero(before != now) if len(before) == len(now) else np.arange(len(now))
    if len(changed) * _CHANGE.itemsize >= 8 * len(now):
        return _whole(now)
    table = np.empty(len(changed), dtype=_CHANGE)
    table["place"], table["value"] = changed, now[changed]
    return table.tobytes()


def _patched(blobs: Sequence[bytes]) -> Array:
    """(S, E) the arrays of all rows. The first is a whole one; changes are always shorter than a whole one."""
    rows: list[Array] = []
    for blob in blobs:
        if not rows or len(blob) == 8 * len(rows[0]):
            rows.append(np.frombuffer(blob, dtype="<f8"))
            continue
        table, row = np.frombuffer(blob, dtype=_CHANGE), rows[-1].copy()
        row[table["place"]] = table["value"]
        rows.append(row)
    return np.array(rows)


KINDS: Mapping[Any, Kind] = {
    int: Kind("INTEGER", int, int, _integers),
    float: Kind("REAL", float, float, _reals),
    str: Kind("TEXT", str, str, tuple),
    tuple[int, ...]: Kind("TEXT", json_text, lambda text: tuple(json.loads(text)), tuple),
    dict[str, float]: Kind("TEXT", json_text, _map, tuple),
    dict[str, Any]: Kind("TEXT", json_text, _map, tuple),
    Array: Kind("BLOB", _whole, lambda blob: np.frombuffer(blob, dtype="<f8"), _arrays),
    Rows: Kind("BLOB", _rows, _from_rows, tuple),
    Steady: Kind("BLOB", _whole, bytes, _patched, _changes),
}
"""How each field type is stored."""


@dataclass(frozen=True)
class Column:
    """A column and the field it keeps."""

    name: str
    attribute: str
    kind: Kind
    optional: bool

    def decoded(self, stored: Any) -> Any:
        """Return a stored value as the field's value. Raises ValueError or TypeError if labrig never wrote it."""
        return None if stored is None and self.optional else self.kind.decode(stored)


@dataclass(frozen=True)
class Table:
    """A table whose rows are objects of one type.

    Parameters
    ----------
    name
        Name of the table.
    row
        Type of a row; its fields are the columns.
    key
        The column rows are ordered by. If no field has that name, rows are numbered in it as they are written.
    renamed
        Field → column name, where the two differ.
    """

    name: str
    row: Callable[..., Any]
    key: str
    renamed: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """One per field, in order."""
        return tuple(
            Column(self.renamed.get(name, name), name, *_kind(hint))
            for name, hint in get_type_hints(self.row, include_extras=True).items()
        )

    @cached_property
    def names(self) -> str:
        """The columns' names, as SQL lists them."""
        return ", ".join(column.name for column in self.columns)

    @cached_property
    def insertion(self) -> str:
        """SQL that inserts one row."""
        return f"INSERT INTO {self.name} ({self.names}) VALUES ({','.join('?' * len(self.columns))})"

    @cached_property
    def creation(self) -> str:
        """SQL that creates the table."""
        lines = [f"{column.name} {column.kind.sql}{_constraint(column, self.key)}" for column in self.columns]
        if all(column.name != self.key for column in self.columns):
            lines.insert(0, f"{self.key} INTEGER PRIMARY KEY")
        return f"CREATE TABLE {self.name} ({', '.join(lines)});"

    def encoded(self, row: Any, wall_s: float | None = None, before: Any = None) -> list[Any]:
        """Return a row as SQLite stores it after the row `before`, with this value in its field wall_s."""
        values = list(self._values(row))
        if wall_s is not None:
            values[self._place_of_wall_s] = wall_s
        pairs = zip(self._encoders, values, strict=True)
        stored = [None if value is None else encode(value) for encode, value in pairs]
        if before is not None:
            for place, column in self._steady:
                stored[place] = column.kind.changes(getattr(before, column.attribute), values[place])
        return stored

    @cached_property
    def _steady(self) -> tuple[tuple[int, Any], ...]:
        """Columns that store changes, with their places."""
        return tuple(each for each in enumerate(self.columns) if each[1].kind.changes is not None)

    @cached_property
    def _values(self) -> Callable[[Any], tuple[Any, ...]]:
        return attrgetter(*(column.attribute for column in self.columns))

    @cached_property
    def _place_of_wall_s(self) -> int:
        return [column.attribute for column in self.columns].index("wall_s")

    @cached_property
    def _encoders(self) -> tuple[Callable[[Any], Any], ...]:
        return tuple(column.kind.encode for column in self.columns)

    def decoded(self, stored: Sequence[Any]) -> Any:
        """Return a stored row as an object. Raises ValueError or TypeError for what labrig never wrote."""
        pairs = zip(self.columns, stored, strict=True)
        return self.row(**{column.attribute: column.decoded(value) for column, value in pairs})


def _kind(hint: Any) -> tuple[Kind, bool]:
    """Kind of a field's type, and whether the field may be None."""
    if hint in KINDS:
        return KINDS[hint], False
    (inner,) = (part for part in get_args(hint) if part is not NoneType)
    return KINDS[inner], True


def _constraint(column: Column, key: str) -> str:
    if column.name == key:
        return " PRIMARY KEY"
    return "" if column.optional else " NOT NULL"


STEPS = Table("steps", Step, key="step", renamed={"index": "step"})
EVALUATIONS = Table("evaluations", Evaluation, key="id")
EVENTS = Table("events", Event, key="id")
TERMINALS = Table("terminals", Terminal, key="id")
EXAMPLES = Table("examples", Example, key="example")
TABLES = (STEPS, EVALUATIONS, EVENTS, TERMINALS, EXAMPLES)
