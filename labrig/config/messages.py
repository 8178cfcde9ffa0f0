"""Error messages of pydantic, reworded for the author of a configuration."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any

from pydantic_core import ErrorDetails

from labrig.config.annotations import Annotation, keys_of
from labrig.quantities import as_written, format_quantity, number_hint

_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a map",
    "mapping_type": "a map",
    "finite_number": "a finite number",
    "none_required": "nothing",
}
_LIMITS = {
    "greater_than": ("gt", "be greater than"),
    "greater_than_equal": ("ge", "be at least"),
    "less_than": ("lt", "be less than"),
    "less_than_equal": ("le", "be at most"),
    "multiple_of": ("multiple_of", "be a multiple of"),
}


def explain(error: ErrorDetails, annotation: Annotation, text: str | None = None) -> str:
    """Return the message for an error at a value with this annotation; `text` is the value as written in the file."""
    message, value = _explained(error, annotation), error["input"]
    if text is None or isinstance(value, bool) or not isinstance(value, int | float):
        return message
    if error["type"] == "string_type":
        message = message.replace("write it in quotes", f"write it in quotes: '{text}'")
    return message.replace(f"got {as_written(value)}", f"got {text}").replace(f"number {value} is", f"number {text} is")


def _explained(error: ErrorDetails, annotation: Annotation) -> str:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    got = f", got {as_written(value)}"
    if kind in ("value_error", "assertion_error"):
        return str(context["error"])
    if kind in ("literal_error", "enum"):
        return _not_a_choice(value, annotation.choices() or _quoted(str(context["expected"])))
    if kind == "union_tag_invalid":
        return _not_a_choice(context["tag"], _quoted(str(context["expected_tags"])))
    if kind == "union_tag_not_found":
        return f"missing required key {context['discriminator']}"
    if kind in ("model_type", "model_attributes_type"):
        return f"expected {annotation.describe()}{got}"
    if kind in _EXPECTED:
        remedy = "; write it in quotes" if kind == "string_type" and isinstance(value, int | float) else ""
        remedy = number_hint(value) if kind.startswith("float_") and isinstance(value, str) else remedy
        return f"expected {_EXPECTED[kind]}{got}{remedy}"
    if kind in _LIMITS:
        return _beyond_limit(kind, value, context, annotation)
    if kind in ("too_short", "too_long"):
        name, bound = ("min_length", "at least") if kind == "too_short" else ("max_length", "at most")
        actual = context.get("actual_length")
        actual = len(value) if actual is None and isinstance(value, list | dict) else actual
        actual = "more" if actual is None else actual
        return f"expected {bound} {_items(context[name])}, got {actual}"
    if kind == "string_too_short":
        return "must not be empty" if value == "" else f"must have at least {context['min_length']} characters{got}"
    if kind == "string_too_long":
        return f"must have at most {context['max_length']} characters{got}"
    if kind == "string_pattern_mismatch":
        return _not_allowed(value, context["pattern"])
    message = re.sub(r"^(Value error|Assertion failed), ", "", error["msg"])
    return re.sub(r"^Input should be ", "expected ", message)


def key_problem(kind: str, key: str | int, annotation: Annotation, written: Any) -> str:
    """Return the message for a missing or unknown key of a value with this annotation."""
    if isinstance(key, int):
        expected = _length_of(annotation)
        got = len(written) if isinstance(written, list) else "fewer"
        return f"expected {_items(expected)}, got {got}" if expected else "an item is missing"
    if kind == "missing":
        quantity = annotation.below(key).quantity()
        example = f", e.g. '{key}: {quantity.example}'" if quantity else ""
        return f"missing required key {as_written(key)}{example}"
    model = annotation.model()
    allowed = list(keys_of(model)) if model else []
    hint = did_you_mean(key, allowed) or (f"; allowed: {', '.join(allowed)}" if allowed else "")
    return f"unknown key {as_written(key)}{hint}"


def nearest(key: object, annotation: Annotation) -> str | None:
    """Return the key of the model most similar to an unknown key, or None."""
    model = annotation.model()
    close = difflib.get_close_matches(str(key), list(keys_of(model)), 1, 0.6) if model else []
    return close[0] if close else None


def did_you_mean(value: object, known: Sequence[str]) -> str:
    """Return '; did you mean 'coupled'?' if the value resembles a known one, else ''."""
    if not isinstance(value, str) or not (close := difflib.get_close_matches(value, known, 2, 0.6)):
        return ""
    first, *others = (difflib.SequenceMatcher(None, each, value).ratio() for each in close)
    alike = close if first in others else close[:1]
    return f"; did you mean {' or '.join(map(repr, alike))}?"


def _not_a_choice(value: object, choices: Sequence[Any]) -> str:
    if len(choices) == 1:
        return f"expected {as_written(choices[0])}, got {as_written(value)}"
    hint = did_you_mean(value, [choice for choice in choices if isinstance(choice, str)])
    return f"{as_written(value)} is not one of {', '.join(map(as_written, choices))}{hint}"


def _not_allowed(value: object, pattern: str) -> str:
    """Return a message for a text that does not match a pattern; the message names the wrong characters if possible."""
    message = f"{as_written(value)} is not allowed here"
    characters = re.fullmatch(r"\^?(\[[^\]]+\])[+*]\$?", pattern)
    if isinstance(value, str) and characters is not None:
        strange = dict.fromkeys(repr(c) for c in value if re.fullmatch(characters[1], c) is None)
        if strange:
            return f"{message}: it contains {', '.join(strange)}"
    return message


def _quoted(text: str) -> list[str]:
    """Return the choices in pydantic's text "'a', 'b' or 'c'"."""
    return re.findall(r"'([^']*)'", text)


def _beyond_limit(kind: str, value: object, context: dict[str, Any], annotation: Annotation) -> str:
    name, words = _LIMITS[kind]
    limit = context[name]
    got = f", got {as_written(value)}"
    if limit == 0 and kind == "greater_than":
        return f"must be positive{got}"
    if limit == 0 and kind == "greater_than_equal":
        return f"must not be negative{got}"
    quantity = annotation.quantity()
    if quantity is None:
        return f"must {words} {limit:g}{got}" if isinstance(limit, float) else f"must {words} {limit}{got}"
    written = format_quantity(value, quantity.dimension) if isinstance(value, int | float) else as_written(value)
    return f"must {words} {format_quantity(float(limit), quantity.dimension)}, got {written}"


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count} items"


def _length_of(annotation: Annotation) -> int:
    arguments = getattr(annotation.peeled().type, "__args__", ())
    return 0 if ... in arguments else len(arguments)
