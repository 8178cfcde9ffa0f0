"""Patterns in the wiring: `n{r}_{c}` means every node of that form, and `daq/{r*10+c}` the channel of each.

The text in braces is a sum of products of whole numbers and the pattern's variables, with `+ - * // %` and parentheses.
It is parsed here and never evaluated as Python.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from labrig.quantities import as_written

LONGEST = 200
"""Largest number of characters between braces."""

DEEPEST = 20
"""Largest number of nested parentheses."""

_BRACES = re.compile(r"\{([^{}]*)\}")
_VARIABLE = re.compile(r"\s*(?P<name>[A-Za-z]\w*)\s*(?:=\s*(?P<first>[0-9]{1,9})\s*\.\.\s*(?P<last>[0-9]{1,9})\s*)?")
_TOKEN = re.compile(r"\s*(?:(?P<number>[0-9]+)|(?P<name>[A-Za-z]\w*)|(?P<sign>//|[-+*%()])|(?P<other>\S))")


def is_pattern(text: str) -> bool:
    """Return whether a name or a value has a part in braces; an unmatched brace is part of a name."""
    return _BRACES.search(text) is not None


@dataclass(frozen=True)
class NodePattern:
    """Names of nodes that differ by numbers: 'n{r}_{c}', or 'n{r=0..4}_{c}' for some of them.

    Attributes
    ----------
    regex : Pattern
        Matches the names, with a group for each variable.
    limits : mapping of str to (int, int)
        The smallest and largest value of a variable, if it has limits.
    """

    regex: re.Pattern[str]
    limits: Mapping[str, tuple[int, int]]

    @classmethod
    def parsed(cls, text: str) -> NodePattern:
        """Parse a pattern. Raises ValueError if braces are unbalanced or enclose anything but a variable."""
        parts, limits, names, end = list[str](), dict[str, tuple[int, int]](), set[str](), 0
        for found in _BRACES.finditer(text):
            parts.append(_literal(text[end : found.start()], text))
            end = found.end()
            variable = _VARIABLE.fullmatch(found[1])
            if variable is None:
                message = (
                    f"{as_written(found[0])} in {as_written(text)} is not a variable; write e.g. {{r}} or {{r=0..4}}"
                )
                raise ValueError(message)
            name = variable["name"]
            parts.append(f"(?P={name})" if name in names else f"(?P<{name}>[0-9]{{1,9}})")
            names.add(name)
            if variable["first"] is not None:
                low, high = sorted((int(variable["first"]), int(variable["last"])))
                limits[name] = low, high
        return cls(re.compile("".join([*parts, _literal(text[end:], text)])), limits)

    def values(self, name: str) -> dict[str, int] | None:
        """Return the value of each variable in a name; None for a name that is not of this form."""
        match = self.regex.fullmatch(name)
        if match is None:
            return None
        values = {variable: int(text) for variable, text in match.groupdict().items()}
        inside = all(low <= values[variable] <= high for variable, (low, high) in self.limits.items())
        return values if inside else None


def filled(text: str, values: Mapping[str, int]) -> str:
    """Return a text with every part in braces replaced by its number.

    Raises
    ------
    ValueError
        If braces are unbalanced, or enclose something other than a sum as described above, or a negative sum.
    """
    parts, end = list[str](), 0
    for found in _BRACES.finditer(text):
        parts += [_unbraced(text[end : found.start()], text), str(_number(found[1], values))]
        end = found.end()
    return "".join([*parts, _unbraced(text[end:], text)])


def _literal(text: str, whole: str) -> str:
    return re.escape(_unbraced(text, whole))


def _unbraced(text: str, whole: str) -> str:
    if "{" in text or "}" in text:
        raise ValueError(f"{as_written(whole)} has an unmatched brace; write e.g. {{r}} or {{r*10+c}}")
    return text


def _number(text: str, values: Mapping[str, int]) -> int:
    if len(text) > LONGEST:
        raise ValueError(f"there are more than {LONGEST} characters between braces; write a shorter sum, or a list")
    found = _Sum(text, values).value()
    if found < 0:
        at = ", ".join(f"{name} = {value}" for name, value in values.items())
        raise ValueError(f"{{{text}}} is {found} at {at}; channels are numbered from 0")
    return found


class _Sum:
    """Evaluates a sum by recursive descent: sum of terms, term of factors, factor that may be a sum in parentheses."""

    def __init__(self, text: str, values: Mapping[str, int]) -> None:
        self._text, self._values = text, values
        self._tokens = [match for match in _TOKEN.finditer(text) if match[0].strip()]
        self._place = self._depth = 0

    def value(self) -> int:
        found = self._sum()
        if self._place < len(self._tokens):
            raise self._error(f"{self._next()!r} is not expected")
        return found

    def _sum(self) -> int:
        found = self._term()
        while self._next() in ("+", "-"):
            found += self._term() if self._take() == "+" else -self._term()
        return found

    def _term(self) -> int:
        found = self._factor()
        while (sign := self._next()) in ("*", "//", "%"):
            self._take()
            other = self._factor()
            if sign != "*" and not other:
                raise self._error("it divides by 0")
            found = found * other if sign == "*" else found // other if sign == "//" else found % other
        return found

    def _factor(self) -> int:
        if self._place == len(self._tokens):
            raise self._error("a number or a variable is missing at its end")
        token = self._tokens[self._place]
        text = self._take()
        if token["number"]:
            if len(text) > 9:
                raise self._error("its numbers have at most 9 digits")
            return int(text)
        if token["name"]:
            if text not in self._values:
                close = difflib.get_close_matches(text, list(self._values), 1, 0.4)
                hint = f"did you mean {close[0]!r}?" if close else f"the row has {' and '.join(self._values)}"
                raise self._error(f"there is no variable {text!r}; {hint}")
            return self._values[text]
        if text != "(" or self._depth == DEEPEST:
            raise self._error(f"{text!r} is not expected")
        self._depth += 1
        found = self._sum()
        self._depth -= 1
        if self._next() != ")":
            raise self._error("a ')' is missing")
        self._take()
        return found

    def _next(self) -> str:
        return self._tokens[self._place][0].strip() if self._place < len(self._tokens) else ""

    def _take(self) -> str:
        text = self._next()
        self._place += 1
        return text

    def _error(self, what: str) -> ValueError:
        inside = f"{{{self._text}}}"
        return ValueError(f"{as_written(inside)}: {what}; write a sum such as {{r*10+c}}, with + - * // % and ( )")
