"""Numbers and expressions of SPICE, such as '4.7k', '10uF', '1Meg' and '{2*r0}'."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

SCALES = {
    "t": 1e12,
    "g": 1e9,
    "meg": 1e6,
    "k": 1e3,
    "mil": 25.4e-6,
    "m": 1e-3,
    "u": 1e-6,
    "µ": 1e-6,
    "μ": 1e-6,
    "n": 1e-9,
    "p": 1e-12,
    "f": 1e-15,
    "a": 1e-18,
}

_NUMBER = re.compile(
    r"([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?)(meg|mil|[tgkmuµμnpfa])?([a-zΩω°µμ%]*)", re.IGNORECASE
)
_TOKEN = re.compile(
    r"\s*(?:((?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?[a-zµμ]*)|([a-z_][\w.]*)|(\*\*|[-+*/^(),]))", re.IGNORECASE
)
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(math, name) for name in ("sqrt", "exp", "log10", "sin", "cos", "tan", "atan", "pow")},
    "abs": abs,
    "min": min,
    "max": max,
    "ln": math.log,
    "log": math.log,
}
_POWERS = ("^", "**")


class ValueProblem(ValueError):
    """A problem with a number or an expression."""


def number(text: str) -> float:
    """The value of a SPICE number in SI units. Raises ValueProblem if the text is not a number."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        hint = ""
        letters = re.fullmatch(r"(\d+)(meg|[kmunpr])(\d+)", text, re.IGNORECASE)
        if letters:
            whole, scale, part = letters.groups()
            hint = f"; write {whole}.{part}{'' if scale.lower() == 'r' else scale}"
        raise ValueProblem(f"{text!r} is not a number{hint}")
    digits, scale, _ = match.groups()
    found = float(digits) * SCALES.get((scale or "").lower(), 1.0)
    if not math.isfinite(found):
        raise ValueProblem(f"{text!r} is too large")
    return found


def value(word: str, parameters: Mapping[str, float]) -> float:
    """The value of a number, of an expression in braces or quotes, or of a parameter by name."""
    if word[0] in "{'\"":
        return evaluate(word[1:-1], parameters)
    if word.lower() in parameters:
        return parameters[word.lower()]
    return number(word)


def evaluate(text: str, parameters: Mapping[str, float]) -> float:
    """The value of an expression of + - * / ^, parentheses, functions, and parameters by name."""
    try:
        result = _Expression(text, parameters).whole()
    except RecursionError as error:
        raise ValueProblem(f"{{{text[:20]}…}} is nested too deeply") from error
    except (ZeroDivisionError, OverflowError, TypeError) as error:
        raise ValueProblem(f"{{{text}}} has no value: {error}") from error
    except ValueError as error:
        raise ValueProblem(f"{{{text}}}: {error}") from error
    if isinstance(result, complex) or not math.isfinite(result):
        raise ValueProblem(f"{{{text}}} is not a finite number")
    return float(result)


class _Expression:
    """Recursive-descent parser of one expression."""

    def __init__(self, text: str, parameters: Mapping[str, float]) -> None:
        self._parameters = parameters
        self._tokens: list[str] = []
        position = 0
        text = text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise ValueProblem(f"cannot read {text[position:][:20]!r}")
            self._tokens.append(match.group().strip())
            position = match.end()
        self._next = 0

    def whole(self) -> float:
        result = self._sum()
        if self._peek():
            raise ValueProblem(f"{self._peek()!r} is not expected here")
        return result

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self, wanted: str = "") -> str:
        token = self._peek()
        if not token or (wanted and token != wanted):
            raise ValueProblem(f"{wanted or 'a value'!r} is missing")
        self._next += 1
        return token

    def _sum(self) -> float:
        total = self._product()
        while self._peek() in ("+", "-"):
            total = total + self._product() if self._take() == "+" else total - self._product()
        return total

    def _product(self) -> float:
        total = self._signed()
        while self._peek() in ("*", "/"):
            total = total * self._signed() if self._take() == "*" else total / self._signed()
        return total

    def _signed(self) -> float:
        if self._peek() in ("+", "-"):
            return self._signed() if self._take() == "+" else -self._signed()
        base = self._atom()
        return self._power(base, self._take()) if self._peek() in _POWERS else base

    def _power(self, base: float, sign: str) -> float:
        """A power. Raises ValueProblem where SPICE programs differ: 2^3^2 is 64 or 512, (-2)^3 is 8 or −8."""
        negative = False
        while self._peek() in ("+", "-"):
            negative ^= self._take() == "-"
        exponent = self._atom()
        exponent = -exponent if negative else exponent
        if self._peek() in _POWERS:
            raise ValueProblem(f"a power of a power needs parentheses: (a{sign}b){sign}c or a{sign}(b{sign}c)")
        if base < 0 and exponent % 2 != 0:
            raise ValueProblem(f"SPICE programs disagree about {base:g}{sign}{exponent:g}; use abs() or pow() instead")
        return base**exponent

    def _atom(self) -> float:
        token = self._take()
        if token == "(":
            inside = self._sum()
            self._take(")")
            return inside
        if token[0].isdigit() or token[0] == ".":
            return number(token)
        name = token.lower()
        if self._peek() == "(":
            function = _FUNCTIONS.get(name)
            if function is None:
                raise ValueProblem(f"there is no function {token}; use one of {', '.join(sorted(_FUNCTIONS))}")
            self._take("(")
            arguments = [self._sum()]
            while self._peek() == ",":
                self._take()
                arguments.append(self._sum())
            self._take(")")
            return function(*arguments)
        if name in self._parameters:
            return self._parameters[name]
        if name == "pi":
            return math.pi
        raise ValueProblem(f"{token!r} is not a parameter; define it with .param")
