"""A learning rule goes downhill, and its gradients are as accurate as it states."""

from __future__ import annotations

from typing import Any

import pytest

from labrig.testing.rules import check_rule


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the check for every rule that --rule names."""
    metafunc.parametrize("rule", str(metafunc.config.getoption("--rule")).split(","))


def test_rule(rule: str, record_property: Any) -> None:
    """Check one rule, and put its figures into the report."""
    for name, value in vars(check_rule(rule)).items():
        record_property(name, value)
