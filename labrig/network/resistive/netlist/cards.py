"""The statements of a netlist, after removing comments, joining continued lines and inserting included files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labrig.network.resistive.netlist.circuit import NetlistError, Place

MOST_BYTES = 16 << 20
DEEPEST_INCLUDE = 20

_COMMENT = re.compile(r";.*$|\s\$\s.*$|\s//.*$")
_TOKEN = re.compile(r"\{[^{}]*\}|'[^']*'|\"[^\"]*\"|[()=]|[^\s()=,{}'\"]+")
_ELEMENT = re.compile(
    r"[rcdvi]\S*\d\S*\s+\S+\s+\S+\s+\S+|[rcvi]\S*\s+\S+\s+\S+\s+([-+.\d{'\"]|(dc|ac|sin|pwl)\b)", re.IGNORECASE
)
"""Matches a statement such as `R1 a b {r}` or `rload a 0 1k`, but no title such as 'Diode bridge with capacitor'."""


@dataclass(frozen=True, slots=True)
class Card:
    """One statement of a netlist: its words, and the line where it begins."""

    words: tuple[str, ...]
    place: Place

    @property
    def name(self) -> str:
        """The first word in lower case."""
        return self.words[0].lower()


def read_cards(path: Path) -> tuple[str, list[Card]]:
    """Return the title of a netlist, and its statements. Raises NetlistError for a file that cannot be read."""
    lines = _lines(path, None)
    title = lines[0][1].strip() if lines else ""
    if _ELEMENT.match(title):
        raise NetlistError(
            Place(path, 1),
            f"the first line of a netlist is its title, but {title.split()[0]} looks like an element",
            "put a line with a title before it",
        )
    if title.lower().startswith(".title"):
        title = title[6:].strip()
    return title, list(_joined(lines[1:], path, 0))


def _joined(lines: list[tuple[int, str]], path: Path, depth: int) -> Iterator[Card]:
    """Yield the statements of a file and of the files that it includes."""
    for number, text in _continued(lines, path):
        place = Place(path, number)
        words = _words(text, place)
        first = words[0].lower()
        if first == ".end":
            return
        if first in (".include", ".inc"):
            if len(words) != 2:
                raise NetlistError(place, f"{words[0]} needs exactly one file", f'write {words[0]} "parts.lib"')
            if depth >= DEEPEST_INCLUDE:
                raise NetlistError(
                    place, f"includes are nested more than {DEEPEST_INCLUDE} deep; one may include itself"
                )
            included = path.parent / words[1].strip("\"'")
            yield from _joined(_lines(included, place), included, depth + 1)
            continue
        yield Card(words, place)


def _continued(lines: list[tuple[int, str]], path: Path) -> list[tuple[int, str]]:
    """Statements, each with the number of its first line; continued lines are joined, `.control` blocks left out."""
    statements: list[tuple[int, str]] = []
    control: int | None = None
    for number, line in lines:
        text = _COMMENT.sub("", line).strip()
        lower = text.lower()
        if control is not None:
            if lower.startswith(".endc"):
                control = None
            continue
        if lower.startswith(".control"):
            control = number
            statements.append((number, text.split()[0]))
        elif text.startswith("+"):
            if not statements:
                raise NetlistError(
                    Place(path, number),
                    "this line continues a statement, but there is no statement before it; remove the +",
                )
            statements[-1] = statements[-1][0], f"{statements[-1][1]} {text[1:]}"
        elif text and not text.startswith("*"):
            statements.append((number, text))
    if control is not None:
        raise NetlistError(Place(path, control), ".control has no .endc; add it after the last command")
    return statements


def _words(text: str, place: Place) -> tuple[str, ...]:
    words = tuple(_TOKEN.findall(text))
    left = _TOKEN.sub("", text).strip(" \t,")
    if left or not words:
        raise NetlistError(place, f"cannot read {(left or text)[:40]!r}; a brace or a quote may be unbalanced")
    return words


def _lines(path: Path, place: Place | None) -> list[tuple[int, str]]:
    where = place or Place(path, None)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise NetlistError(where, f"{path} is larger than {MOST_BYTES >> 20} MiB; is it a netlist?")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise NetlistError(where, f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise NetlistError(where, f"{path} is not UTF-8 text; save it as UTF-8") from error
    return list(enumerate(text.splitlines(), 1))
