"""The blocks of which a part of a report consists: HTML and figures. Everything that is shown is escaped here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NewType

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Html = NewType("Html", str)
"""Text that is HTML, with everything that was not written by labrig escaped."""


@dataclass(frozen=True)
class Drawing:
    """A figure.

    Parameters
    ----------
    name
        Name of its file for a paper, without suffix.
    caption
        Description of the figure, as plain text.
    figure
        The figure, drawn within `figures.report_settings`.
    """

    name: str
    caption: str
    figure: Figure


Block = Html | Drawing


class Missing(Exception):
    """The run has no data for a part of the report, or for what remains of the part; the message is one line."""


def text(value: Any) -> str:
    """Return a value as escaped text: numbers to six digits, "–" for None, "yes" or "no" for a bool."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return format(value + 0.0, ".6g").replace("-", "−")  # −0.0 + 0.0 is 0
    shown = str(value).encode("utf-8", "backslashreplace").decode()  # a damaged row may hold lone surrogates
    return escape("".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in shown))


def paragraph(words: str, kind: str = "") -> Html:
    """Return a paragraph; `kind` is its class in the style sheet."""
    return Html(f'<p class="{escape(kind)}">{text(words)}</p>' if kind else f"<p>{text(words)}</p>")


def heading(words: str) -> Html:
    """Return a heading within a part."""
    return Html(f"<h3>{text(words)}</h3>")


def facts(values: Mapping[str, Any]) -> Html:
    """Return names and values, one pair per line; empty if there are none."""
    return Html(_table((), list(values.items()), numbers=False))


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> Html:
    """Return a table that scrolls within the page if it is wide; empty if there are no rows. Numbers align right."""
    return Html(_table(header, rows, numbers=True))


def folded(title: str, inside: Html) -> Html:
    """Return HTML that is hidden until the reader opens it, but always printed."""
    return Html(f"<details><summary>{text(title)}</summary>{inside}</details>")


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]], *, numbers: bool) -> str:
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in header)
    with_numbers = [numbers and any(map(_is_number, column)) for column in zip_longest(*rows)]
    body = "".join(f"<tr>{_row(row, with_numbers)}</tr>" for row in rows)
    top = f"<thead><tr>{head}</tr></thead>" if header else ""
    return f'<div class="wide" tabindex="0"><table>{top}<tbody>{body}</tbody></table></div>'


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _row(row: Sequence[Any], with_numbers: Sequence[bool]) -> str:
    """Return the cells of a row; a missing value is aligned like the numbers of its column."""
    first, *others = row
    cells = [f'<th scope="row">{text(first)}</th>']
    for value, among_numbers in zip(others, with_numbers[1:], strict=False):
        number = among_numbers and (value is None or _is_number(value))
        cells.append(f'<td class="number">{text(value)}</td>' if number else f"<td>{text(value)}</td>")
    return "".join(cells)
