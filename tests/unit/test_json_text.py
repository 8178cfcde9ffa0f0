"""JSON without Infinity and NaN."""

from __future__ import annotations

import json

from labrig.json_text import json_text


def no_constant(name: str) -> None:
    raise ValueError(name)


def test_what_is_not_finite_becomes_null_wherever_it_is() -> None:
    value = {"a": [1.5, float("inf"), (float("nan"), True)], "b": {"c": -float("inf")}, "d": None}
    assert json.loads(json_text(value), parse_constant=no_constant) == {
        "a": [1.5, None, [None, True]], "b": {"c": None}, "d": None
    }  # fmt: skip


def test_finite_values_are_written_as_json_does() -> None:
    value = {"µ": [0.1, 2, "x"]}
    assert json_text(value) == json.dumps(value)
    assert json_text(value, indent=1, ensure_ascii=False) == json.dumps(value, indent=1, ensure_ascii=False)
