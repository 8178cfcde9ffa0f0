"""Patterns in the wiring: names of nodes in numbers, and channels computed from them."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labrig.config.patterns import NodePattern, filled


@pytest.mark.parametrize(
    ("pattern", "name", "values"),
    [
        ("n{r}_{c}", "n3_17", {"r": 3, "c": 17}),
        ("n{r=0..4}_{c}", "n4_9", {"r": 4, "c": 9}),
        ("n{r=0..4}_{c}", "n5_9", None),
        ("n{r=4..0}_{c}", "n2_9", {"r": 2, "c": 9}),
        ("n{k}_{k}", "n3_3", {"k": 3}),
        ("n{k}_{k}", "n3_4", None),
        ("in{k}", "in0", {"k": 0}),
        ("in{k}", "min0", None),
        ("a.b{k}", "axb0", None),
    ],
)
def test_a_pattern_finds_the_numbers_of_a_name(pattern: str, name: str, values: dict[str, int] | None) -> None:
    assert NodePattern.parsed(pattern).values(name) == values


@pytest.mark.parametrize(
    ("text", "channel"),
    [
        ("daq/{r*10+c}", "daq/37"),
        ("daq/{(r+1)*10-c}", "daq/33"),
        ("mux{c//2}/ai{c%2}", "mux3/ai1"),
        ("daq/{ 2 * r * c }", "daq/42"),
        ("daq/{10-r-c}", "daq/0"),
        ("daq/7", "daq/7"),
    ],
)
def test_a_channel_is_computed(text: str, channel: str) -> None:
    assert filled(text, {"r": 3, "c": 7}) == channel


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("daq/{x*10+c}", "there is no variable 'x'; the row has r and c"),
        ("daq/{row}", "did you mean 'r'?"),
        ("daq/{r*10+}", "a number or a variable is missing at its end"),
        ("daq/{}", "is missing at its end"),
        ("daq/{(r}", "a ')' is missing"),
        ("daq/{r c}", "'c' is not expected"),
        ("daq/{r**c}", "'*' is not expected"),
        ("daq/{r.real}", "'.' is not expected"),
        ("daq/{__import__('os')}", "is not expected"),
        ("daq/{r//0}", "divides by 0"),
        ("daq/{r-9}", "is -6 at r = 3, c = 7"),
        ("daq/{r", "has an unmatched brace"),
        ("daq/r}", "has an unmatched brace"),
        ("daq/{" + "(" * 50 + "r" + ")" * 50 + "}", "'(' is not expected"),
        ("daq/{" + "r+" * 200 + "r}", "more than 200 characters"),
        ("daq/{9999999999}", "at most 9 digits"),
    ],
)
def test_what_is_no_sum_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        filled(text, {"r": 3, "c": 7})


@pytest.mark.parametrize("pattern", ["n{r", "n{}", "n{r+1}", "n{r=0}", "n{{r}}", "n}"])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"brace|not a variable"):
        NodePattern.parsed(pattern)


sums = st.recursive(
    st.one_of(st.integers(0, 99).map(str), st.sampled_from(["r", "c"])),
    lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*", "//", "%"]), inner).map(
        lambda t: f"({t[0]}{t[1]}{t[2]})"
    ),
    max_leaves=6,
)


@given(sums, st.integers(0, 50), st.integers(0, 50))
def test_a_sum_has_the_value_that_python_gives_it(text: str, r: int, c: int) -> None:
    try:
        expected = eval(text, {"r": r, "c": c})
    except ZeroDivisionError:
        expected = -1
    if expected < 0:
        with pytest.raises(ValueError, match=r"divides by 0|numbered from 0"):
            filled(f"{{{text}}}", {"r": r, "c": c})
    else:
        assert filled(f"{{{text}}}", {"r": r, "c": c}) == str(expected)


@given(st.text(alphabet="{}rc0123+-*/%()=. _d", max_size=30))
def test_any_text_is_filled_or_a_value_error(text: str) -> None:
    for read in (NodePattern.parsed, lambda each: filled(each, {"r": 1, "c": 2})):
        with suppress(ValueError):
            read(text)
