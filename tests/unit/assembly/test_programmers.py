"""The section `programmers`: cells that drift can be refreshed, and only what is wrong is reported."""

from __future__ import annotations

import pytest

from labrig.assembly import assemble, packaged_configs
from labrig.config.problems import ConfigProblems


def messages(config: str, *overrides: str) -> list[str]:
    with pytest.raises(ConfigProblems) as raised:
        assemble(packaged_configs() / config, overrides)
    return [each.message for each in raised.value.problems]


def test_parts_that_do_not_drift_need_no_refresh() -> None:
    (message,) = messages("iris.yaml", "programmers.refresh=20 s")
    assert "does not drift; remove this key, or use memristors" in message


def test_a_faulty_programmer_says_nothing_about_its_refresh() -> None:
    (message,) = messages("iris_memristor.yaml", "instruments.cells.tolerance=no")
    assert "tolerance" in message or "ratio" in message
