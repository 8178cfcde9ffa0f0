"""The JSON schema accepts what labrig accepts, refuses what an editor can know to be wrong, and names every key."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from labrig.assembly.check import packaged_configs
from labrig.assembly.schema import configuration_schema
from labrig.assembly.schema.keys import BEGIN, END, Key, keys_of, markdown, written_texts
from labrig.config.marked import plain
from labrig.config.problems import Problems
from labrig.config.reading import Source, compose

README = packaged_configs() / "README.md"
CONFIGS = sorted(path for path in packaged_configs().rglob("*.yaml"))


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return configuration_schema()


@pytest.fixture(scope="module")
def validator(schema: dict[str, Any]) -> Any:
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


@pytest.fixture(scope="module")
def keys(schema: dict[str, Any]) -> list[Key]:
    return keys_of(schema, written_texts(README.read_text(encoding="utf-8")))


def read(path: Path) -> Any:
    root = compose(path.read_text(encoding="utf-8"), Source(str(path)), Problems())
    assert root is not None
    return plain(root)


def test_every_configuration_that_comes_with_labrig_is_accepted(validator: Any) -> None:
    for path in CONFIGS:
        values = read(path)
        if "sweep" not in values and "name" in values:
            assert [error.message for error in validator.iter_errors(values)] == [], path


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("learning", "rte"), 0.1),
        (("learning", "rate"), "fast"),
        (("learning", "rate"), None),
        (("learning", "rule"), "frequency_propagtion"),
        (("learning", "error", "current"), "1 µV"),
        (("learning", "error", "current"), 1e-6),
        (("learning", "temperature"), "50"),
        (("learning", "epochs"), -1),
        (("network", "layered", "inptus"), 3),
        (("network", "programmable", "range"), ["10 µS"]),
        (("network", "physics"), "resistve"),
        (("task", "classification", "labl"), "x"),
        (("task", "encode", "clip"), 0.5),
        (("task", "xor"), {"amplitude": "1 V", "target": "60 mV"}),
        (("instruments", "awg", "bits"), "16"),
        (("instruments", "awg", "driver"), "generic.sorce"),
        (("instruments", "daq", "full_scale"), "2 A"),
        (("wiring", "in0..in9", "sens"), "daq/0..9"),
        (("wiring", "edges"), 3),
        (("acquisition", "window"), "20 m"),
        (("acquisition", "windw"), "20 ms"),
        (("simulation", "preset"), "typcal"),
        (("simulation", "noise"), "100 uA"),
        (("simulation", "nois"), "100 µV"),
        (("simulation", "miswired"), [{"swop": ["in3", "in4"]}]),
        (("storage", "durability"), "forever"),
        (("bench",), "simulate"),
        (("lerning",), {}),
    ],
    ids=lambda each: ".".join(each) if isinstance(each, tuple) else None,
)
def test_a_mistake_is_refused(validator: Any, place: tuple[str, ...], value: Any) -> None:
    values = copy.deepcopy(read(packaged_configs() / "iris.yaml"))
    values.setdefault("storage", {})
    below = values
    for part in place[:-1]:
        below = below[part]
    below[place[-1]] = value
    assert not validator.is_valid(values)


def test_a_class_of_ones_own_may_have_any_keys(validator: Any) -> None:
    values = read(packaged_configs() / "iris.yaml")
    values["learning"] |= {"loss": "mylab.losses:Hinge", "margin": "20 mV"}
    values["simulation"] |= {"mylab.noise:Bursts": {"every": "1 s"}}
    assert validator.is_valid(values)
    values["learning"]["loss"] = "softmax_cross_entropy"
    assert not validator.is_valid(values)


def test_only_a_file_that_extends_others_may_leave_out_what_is_required(validator: Any) -> None:
    part = {"extends": ["iris.yaml"], "learning": {"rate": 0.05}, "wiring": {"in0": {"drive": "awg/0"}}}
    assert validator.is_valid(part)
    assert not validator.is_valid({**part, "learning": {"rte": 0.05}})
    assert not validator.is_valid({key: value for key, value in part.items() if key != "extends"})


def test_every_key_has_a_meaning(keys: list[Key]) -> None:
    assert [(key.section, key.path) for key in keys if not key.meaning] == []
    assert len(keys) > 300


def test_the_readme_names_all_keys_as_the_models_have_them(keys: list[Key]) -> None:
    """If it differs: labrig schema --keys prints the section that must stand there."""
    written = README.read_text(encoding="utf-8")
    assert BEGIN + written.partition(BEGIN)[2].partition(END)[0] + END == markdown(keys)


def test_the_tables_of_the_readme_name_no_key_that_there_is_not(keys: list[Key]) -> None:
    known = {(key.section, end) for key in keys for end in _ends(key.path)}
    known |= {("", end) for _, end in known}
    stale = [
        (about, key)
        for about, key in written_texts(README.read_text(encoding="utf-8"))
        if ("", key.replace("[]", "").strip(".")) not in known
        and not (key in SECTIONS or about in ("miswired", "sweep"))
    ]
    assert [each for each in stale if each[0] not in ("simulation", "Sweeps")] == []


SECTIONS = (
    *("network", "task", "learning", "instruments", "wiring", "acquisition"),
    *("timing", "limits", "power", "storage", "faults", "programmers", "simulation", "judge", "calibration"),
)


def _ends(path: str) -> list[str]:
    parts = path.replace("[]", "").split(".")
    return [".".join(parts[first:last]) for first in range(len(parts)) for last in range(first + 1, len(parts) + 1)]
