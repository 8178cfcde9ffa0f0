"""Tables of a journal: objects of one type as rows, each with a checksum.

The checksum is computed from the stored values, so that a row that was damaged on the disk is never taken for data.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from types import MappingProxyType, NoneType
from typing import Any, get_args, get_type_hints

from labrig.runs.journal.kinds import KINDS, Kind

CRC = "crc"
"""Name of the last column of every table."""


@dataclass(frozen=True)
class Column:
    """A column and the field that it stores."""

    name: str
    attribute: str
    kind: Kind
    optional: bool

    def decoded(self, stored: Any) -> Any:
        """Return the field's value from its stored form; raises ValueError or TypeError for a form never written."""
        return None if stored is None and self.optional else self.kind.decode(stored)


@dataclass(frozen=True)
class Table:
    """A table whose rows are objects of one type. A stored row is its key, its columns and its checksum.

    Parameters
    ----------
    name
        Name of the table.
    row
        Type of a row; its fields are the columns.
    key
        The column by which rows are ordered. If no field has this name, it numbers the rows from 1 as they are written.
    renamed
        Field → column name, where the two differ.
    """

    name: str
    row: Callable[..., Any]
    key: str
    renamed: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns, one per field, in order."""
        return tuple(
            Column(self.renamed.get(name, name), name, *_kind(hint))
            for name, hint in get_type_hints(self.row, include_extras=True).items()
        )

    @cached_property
    def numbered(self) -> bool:
        """Whether rows are numbered as they are written because no field is the key."""
        return all(column.name != self.key for column in self.columns)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all stored columns of a row, in order."""
        key = (self.key,) if self.numbered else ()
        return (*key, *(column.name for column in self.columns), CRC)

    @cached_property
    def selection(self) -> str:
        """SQL that selects stored rows; clauses such as ORDER BY may follow."""
        return f"SELECT {', '.join(self.names)} FROM {self.name}"

    @cached_property
    def insertion(self) -> str:
        """SQL that inserts one row."""
        return f"INSERT INTO {self.name} ({', '.join(self.names)}) VALUES ({','.join('?' * len(self.names))})"

    @cached_property
    def replacement(self) -> str:
        """SQL that inserts one row, replacing a row with the same key."""
        return self.insertion.replace("INSERT", "INSERT OR REPLACE", 1)

    @cached_property
    def creation(self) -> str:
        """SQL that creates the table."""
        lines = [f"{column.name} {column.kind.sql}{_constraint(column, self.key)}" for column in self.columns]
        if self.numbered:
            lines.insert(0, f"{self.key} INTEGER PRIMARY KEY")
        return f"CREATE TABLE {self.name} ({', '.join(lines)}, {CRC} INTEGER NOT NULL);"

    def stored(self, row: Any, number: int = 1, wall_s: float | None = None, before: Any = None) -> list[Any]:
        """Return the stored form of a row.

        Parameters
        ----------
        row
            The object.
        number
            Key of the row, if rows are numbered.
        wall_s
            Value for the field of this name, if the row has one.
        before
            The previous row, if only changes from it are to be stored; None to store the row whole.
        """
        values = list(self._values(row))
        if wall_s is not None:
            values[self._place_of_wall_s] = wall_s
        pairs = zip(self._encoders, values, strict=True)
        stored = [None if value is None else encode(value) for encode, value in pairs]
        if before is not None:
            for place, column in self._steady:
                stored[place] = column.kind.changes(getattr(before, column.attribute), values[place])
        if self.numbered:
            stored.insert(0, number)
        stored.append(checksum(stored))
        return stored

    def decoded(self, stored: Sequence[Any]) -> Any:
        """Return a stored row as an object; raises ValueError or TypeError for content that labrig never writes."""
        pairs = zip(self.columns, self.values(stored), strict=True)
        return self.row(**{column.attribute: column.decoded(value) for column, value in pairs})

    def values(self, stored: Sequence[Any]) -> Sequence[Any]:
        """Return the columns of a stored row."""
        return stored[int(self.numbered) : -1]

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


def checksum(stored: Sequence[Any]) -> int:
    """Return the CRC-32 of stored values, each with its type and length."""
    return zlib.crc32(b"".join([_BYTES[type(value)](value) for value in stored]))


def is_intact(stored: Sequence[Any]) -> bool:
    """Return whether the checksum of a stored row is right."""
    return checksum(stored[:-1]) == stored[-1]


def _text_bytes(value: str) -> bytes:
    text = value.encode()
    return b"T%d:%b" % (len(text), text)


_REAL = struct.Struct("<d").pack
_BYTES: Mapping[type, Callable[[Any], bytes]] = {
    float: lambda value: b"R" + _REAL(value + 0.0),  # SQLite stores -0.0 as 0.0
    bytes: lambda value: b"B%d:%b" % (len(value), value),
    str: _text_bytes,
    int: b"I%d;".__mod__,
    NoneType: lambda _: b"N",
}
"""Bytes that represent a stored value in the checksum, by its type."""


def _kind(hint: Any) -> tuple[Kind, bool]:
    """Return the Kind of a field's type, and whether the field may be None."""
    if hint in KINDS:
        return KINDS[hint], False
    (inner,) = (part for part in get_args(hint) if part is not NoneType)
    return KINDS[inner], True


def _constraint(column: Column, key: str) -> str:
    if column.name == key:
        return " PRIMARY KEY"
    return "" if column.optional else " NOT NULL"
