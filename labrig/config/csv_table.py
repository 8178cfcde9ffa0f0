"""Tables in CSV files: one reader with one set of rules for every file that a configuration names.

A table has a header line with the names of its columns, then one row per line. Cells are separated by commas, or by
the character that a first line `sep=;` names. A cell in double quotes may contain separators, line breaks and "" for a
quote. Blank lines and blanks around a cell are ignored. Comments begin with # and stand above the header; a row below
the header that begins with # is rejected, because it could be data. The text is UTF-8, with or without a byte order
mark. Numbers are written as in YAML. Every error names file, line and column, counted as editors count them.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from labrig.files import content_of
from labrig.quantities import as_written, character_name, parse_number

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_BLANKS = " \t"
_OUTER_BLANKS = " \t\u00a0\u2009\u202f\u3000"
"""Blanks that are removed around a cell, including invisible ones that an author cannot notice."""
_UTF16 = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
_SAVE_AGAIN = "save it as UTF-8 (in a spreadsheet 'CSV UTF-8')"
_SCPI_CODES = {9.9e37: "overload (infinity)", 9.91e37: "no valid reading (NaN)"}
"""Codes of instruments for missing readings (SCPI-99, volume 1, 7.2.1, numeric data)."""


class TableError(ValueError):
    """A table cannot be read; the message names file, line and column, and the remedy."""


class MissingColumn(TableError):
    """A table has no column of this name."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text without the blanks around it, its place as file:line:column, and whether it was in quotes.

    `written` is the text including its blanks.
    """

    text: str
    place: str
    quoted: bool = False
    written: str = ""

    def number(self, column: str) -> float:
        """Return the finite number in the cell; raises TableError."""
        if not self.text:
            raise TableError(f"{self.place}: column {as_written(column)}: the cell is empty")
        try:
            value = parse_number(self.text)
        except ValueError as error:
            raise TableError(f"{self.place}: column {as_written(column)}: {error}") from error
        code = _SCPI_CODES.get(abs(value))
        if code is not None:
            what = f"{self.text} is the SCPI code for {code}, not a reading"
            remedy = "remove the row, or measure it again"
            raise TableError(f"{self.place}: column {as_written(column)}: {what}; {remedy}")
        return value


@dataclass(frozen=True)
class CsvTable:
    """The header and the rows of a table; every row has as many cells as the header.

    Attributes
    ----------
    name : str
        Name of the file.
    header : tuple of Cell
        Names of the columns.
    rows : sequence of tuple of Cell
        The rows in the order of the file; empty if there is only a header.
    comments : tuple of str
        The comment lines above the header, without the #.
    """

    name: str
    header: tuple[Cell, ...]
    rows: Sequence[tuple[Cell, ...]]
    comments: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(cell.text for cell in self.header)

    def position(self, column: str) -> int:
        """Return the position of a column; raises TableError if no column or several columns have this name."""
        columns = self.columns
        count = columns.count(column)
        if count == 1:
            return columns.index(column)
        place = self.header[columns.index(column)].place if count else self.header[0].place
        if count:
            raise TableError(f"{place}: {count} columns are called {as_written(column)}; rename them")
        its_columns = f"its columns are {', '.join(name or '(no name)' for name in columns)}"
        message = f"{self.name} has no column {as_written(column)}; {self._why_missing(column) or its_columns}"
        raise MissingColumn(message)

    def _why_missing(self, column: str) -> str:
        """Return the reason if the header was split at the wrong character or taken for a comment; otherwise ''."""
        for separator, word in SEPARATORS.items():
            if any(column in _split(cell.text, separator) for cell in self.header):
                if separator == ",":
                    if len(self.header) > 1:
                        continue
                    return "whole lines of the file are in quotes; remove the quotes around the lines"
                return f"its cells are separated by {word}; {_separated(separator)}"
            if self.comments and column in _split(self.comments[-1], separator):
                return (
                    "its header begins with #, which makes it a comment; remove the # "
                    f"(the line after it, {self.header[0].place}, was read as the header)"
                )
        return ""


def _split(text: str, separator: str) -> list[str]:
    return [part.strip(f'{_BLANKS}"') for part in text.split(separator)] if separator in text else []


def read_csv(path: Path) -> CsvTable:
    """Read a table; raises TableError if it cannot be read, or a row has another length than the header."""
    name, text = path.name, _text(path)
    separator, comments, body = ",", [], 0
    line = 1
    for match in re.finditer(r"([^\r\n]*)(\r\n|\r|\n|\Z)", text):
        written = match[1].strip(_BLANKS)
        named = re.fullmatch(r'"?sep=(.)"?', match[1].strip(" "), re.IGNORECASE)
        if named and line == 1:
            separator = named[1]
            if separator not in SEPARATORS:
                known = " or ".join(SEPARATORS.values())
                raise TableError(f"{name}:1:1: 'sep=' names the separator {as_written(separator)}; use {known}")
        elif written.startswith("#"):
            comments.append(written[1:])
        elif written:
            break
        if not match[2]:
            break
        body, line = match.end(), line + 1
    rows = list(_rows(name, text, body, line, separator))
    if not rows:
        raise TableError(f"{name} has no header line and no rows")
    header, *below = rows
    for row in below:
        if row[0].text.startswith("#") and not row[0].quoted:
            remedy = "move it above the header, or put the cell in quotes if it is data"
            message = f"{as_written(row[0].text)} begins with #: a comment below the header could be data; {remedy}"
            raise TableError(f"{row[0].place}: {message}")
        if len(row) != len(header):
            fields = "1 field" if len(row) == 1 else f"{len(row)} fields"
            hint = _separator_hint(row, header) or _comma_hint(row, header)
            raise TableError(f"{row[0].place}: the row has {fields}, but the header has {len(header)}{hint}")
    return CsvTable(name, header, below, tuple(comments))


def _separated(separator: str) -> str:
    """Return what to do about cells that are separated by this character."""
    named = separator if separator.isprintable() else "<tab>"
    return (
        f"write decimals with a point, and separate cells by commas or write 'sep={named}' on a line above the header"
    )


def _separator_hint(row: Sequence[Cell], header: Sequence[Cell]) -> str:
    """Return a hint if the header and the row contain another separator equally often, otherwise ''."""
    first, line = (",".join(cell.text for cell in cells) for cells in (header, row))
    for separator, word in SEPARATORS.items():
        if separator != "," and 0 < first.count(separator) == line.count(separator):
            decimals = ", decimals with a comma" if "," in line else ""
            return f"; its cells are separated by {word}{decimals}; {_separated(separator)}"
    return ""


def _comma_hint(row: Sequence[Cell], header: Sequence[Cell]) -> str:
    """Return a hint at decimal commas if the row is too long, otherwise ''."""
    digits = sum(cell.text.lstrip("+-").isdigit() for cell in row)
    longer = len(row) > len(header) and digits >= 2 * (len(row) - len(header))
    return "; are there decimal commas in it? Write decimals with a point" if longer else ""


def _text(path: Path) -> str:
    try:
        data = content_of(path)
    except OSError as error:
        raise TableError(f"cannot read {path.name or path}: {error.strerror}") from error
    if data[:2] in _UTF16:
        raise TableError(f"cannot read {path.name}: it is {_UTF16[data[:2]]}, not UTF-8 text; {_SAVE_AGAIN}")
    data = data.removeprefix(codecs.BOM_UTF8)
    bad = "not UTF-8 text"
    try:
        text = data.decode("utf-8")
        end = text.find("\0")
        if end < 0:
            return text
        before, bad = text[:end], "a NUL character: this is not text, or not UTF-8"
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        bad = f"byte 0x{data[error.start]:02X} is {bad}"
    lines = re.split(r"\r\n|\r|\n", before)
    raise TableError(f"{path.name}:{len(lines)}:{len(lines[-1]) + 1}: {bad}; {_SAVE_AGAIN}")


def _rows(name: str, text: str, position: int, line: int, separator: str) -> Iterator[tuple[Cell, ...]]:
    """Yield the rows from `position` on, which is the start of line `line`; lines of only blanks are skipped."""
    mark = re.escape(separator)
    blanks = _BLANKS.replace(separator, "")
    cell = re.compile(
        rf'(?:[{blanks}]*"(?P<quoted>[^"]*(?:""[^"]*)*)"[{blanks}]*|(?![{blanks}]*")(?P<plain>[^{mark}\r\n]*))'
        rf"(?P<end>{mark}|\r\n|\r|\n|\Z)"
    )
    row: list[Cell] = []
    line_start = position
    while position < len(text) or row:
        match = cell.match(text, position)
        place = f"{name}:{line}:{position - line_start + 1}"
        if match is None:
            raise TableError(f"{place}: {_quote_problem(text, position, blanks)}")
        written, quoted = match["quoted"], match["quoted"] is not None
        written = written.replace('""', '"') if quoted else match["plain"]
        stripped = re.sub(r"[\r\n]+", " ", written).strip(_OUTER_BLANKS)
        _check_characters(stripped, place)
        row.append(Cell(stripped, place, quoted, written))
        for break_ in re.finditer(r"\r\n|\r|\n", match[0]):
            line, line_start = line + 1, match.start() + break_.end()
        position = match.end()
        if match["end"] != separator:
            if len(row) > 1 or row[0].text or row[0].quoted:
                yield tuple(row)
            row = []
            if not match["end"]:
                return


def _check_characters(text: str, place: str) -> None:
    """Raise TableError for control characters, which an editor does not show."""
    if text.isprintable():
        return
    for character in text:
        if not character.isprintable() and character not in _OUTER_BLANKS:
            what = f"{as_written(text)} contains the control character {character_name(character)}"
            raise TableError(f"{place}: {what}; remove it")


def _quote_problem(text: str, position: int, blanks: str) -> str:
    opened = text[position:].lstrip(blanks)
    closed = re.match(r'"(?:[^"]|"")*"', opened)
    if closed is None:
        return "the quote opened here is never closed"
    return f"there is text after the closing quote of {as_written(closed[0])}; write a quote inside a cell twice"
