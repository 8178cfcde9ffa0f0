"""Values given as Python objects are read as if they stood in the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import labrig
from labrig.assembly import assemble, packaged_configs
from labrig.config.overrides import as_overrides
from labrig.errors import ConfigError, UsageError


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("learning.rate", 0.25),
        ("learning.rate", 1e-7),
        ("learning.epochs", np.int64(7)),
        ("learning.hysteresis", np.float32(0.25)),
        ("network.programmable.initial", ["20 µS", "30 µS"]),
        ("network.programmable.initial", np.array(["20 µS", "30 µS"])),
        ("acquisition.window", "20 ms"),
        ("limits", {"node": "4 V"}),
        ("task.target", None),
        ("name", "seven-7"),
    ],
)
def test_a_value_is_the_one_that_is_read(path: str, value: object) -> None:
    expected = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    document = assemble(packaged_configs() / "xor.yaml", as_overrides({path: value})).document
    found = document.get(tuple(path.split(".")))
    assert found is not None
    assert plain(found) == (expected if not isinstance(expected, dict) else {**plain(found), **expected})


def plain(node):
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    return [plain(child) for child in node.value] if isinstance(node.value, list) else node.value


def test_a_path_is_a_text() -> None:
    assert as_overrides({"calibration.record": Path("a") / "b.json"}) == ('calibration.record="a/b.json"',)


@pytest.mark.parametrize("value", [object(), float("nan"), float("inf"), 1j, {1, 2}])
def test_what_yaml_has_no_value_for_is_refused_by_name(value: object) -> None:
    with pytest.raises(UsageError, match=r"learning\.rate: .* cannot be written in a configuration"):
        as_overrides({"learning.rate": value})


def test_a_wrong_value_points_into_what_was_given() -> None:
    with pytest.raises(ConfigError, match=r"learning\.rate: expected a number, got 'fast'"):
        labrig.open("xor.yaml", settings={"learning.rate": "fast"})
    with pytest.raises(ConfigError, match="did you mean 'rate'"):
        labrig.open("xor.yaml", settings={"learning.rte": 0.1})
