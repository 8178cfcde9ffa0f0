"""How many trials the slow tests make: few by default, more in CI (LABRIG_MORE=1), all with LABRIG_LONG=1."""

import os
from collections.abc import Iterable
from typing import Any

import pytest

LONG = bool(os.environ.get("LABRIG_LONG"))
MORE = LONG or bool(os.environ.get("LABRIG_MORE"))


def trials(default: int, more: int, long: int) -> int:
    """Return the number of trials for this run of the tests."""
    return long if LONG else more if MORE else default


def quick(count: int, cases: Iterable[Any], more: int = 1 << 30) -> list[Any]:
    """Return cases for `parametrize`: the first `count` unmarked, up to `more` marked `more`, the others `long`."""

    def marked(k: int, case: Any) -> Any:
        mark = pytest.mark.long if k >= more else pytest.mark.more
        return case if k < count else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=mark)

    return [marked(k, case) for k, case in enumerate(cases)]
