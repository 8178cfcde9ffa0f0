"""The comparability card: equal for runs that may be compared, different where anything they must share differs."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from trials import quick
from unit.learning.tables import write_table

from labrig.assembly import Assembly, assemble, packaged_configs
from labrig.assembly.card import card
from labrig.config.resolved import to_yaml
from labrig.errors import LabrigError

SHIPPED = ("divider", "iris", "xor", "regression", "sine", "board", "elastic_allostery", "flow_chemical_iris")
FEATURES = "petal_width_cm, petal_length_cm, sepal_width_cm, sepal_length_cm"


def card_of(config: str | Path, *overrides: str) -> dict[str, Any]:
    """As it is read back from meta.json."""
    return card_of_assembly(assemble(Path(config), overrides))


def card_of_assembly(assembly: Assembly) -> dict[str, Any]:
    with assembly.open_rig() as rig:
        return json.loads(json.dumps(card(assembly, rig)))


def key_paths(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every key of a map, outer ones first."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield (*path, key)
            yield from key_paths(value, (*path, key))


def without(tree: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    tree = copy.deepcopy(tree)
    inner = tree
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return tree


@pytest.mark.parametrize("config", ["iris.yaml", "iris_wire.yaml", "xor.yaml", "regression.yaml"])
def test_the_same_configuration_has_the_same_card_whatever_its_seed(config):
    bench = "bench=simulated"
    assert card_of(config, bench) == card_of(config, bench, "seed=5")


@pytest.mark.parametrize(
    ("config", "override", "key"),
    [
        ("xor", "task.xor.target=50 mV", "task"),
        ("xor", "task.xor.amplitude=900 mV", "task"),
        ("divider", "task.divider.target=700 mV", "task"),
        ("regression", "task.regression.train=20", "task"),
        ("regression", "task.encode.full_scale=900 mV", "encoding"),
        ("iris", "task.split.train_per_class=20", "split"),
        ("iris", f"task.classification.features=[{FEATURES}]", "task"),
        ("allostery", "task.allostery.inputs=[0 V, 900 mV]", "task"),
        ("xor", "network.programmable.initial=[40 µS, 70 µS]", "network"),
        ("xor", "network.layered.hidden=[{nodes: 6, shunt: {diodes: BAT54, pairs: 2}}]", "network"),
        ("xor", "network.resistors=[{from: hid0, to: ground, value: 10 kΩ}]", "network"),
        ("xor", "instruments.daq.bits=12", "digitizer"),
        ("xor", "instruments.daq.full_scale=3 V", "digitizer"),
        ("xor", "instruments.daq.convert_interval=1 µs", "digitizer"),
        ("xor", "wiring.hid0.buffer=100 Ω", "leads"),
        ("xor", "acquisition.cable=500 pF", "leads"),
        ("xor", "instruments.awg.bits=14", "sources"),
        ("xor", "instruments.awg.full_scale=4 V", "sources"),
        ("xor", "acquisition.settle=2 ms", "settle_samples"),
        ("xor", "acquisition.pilot=800 mV", "pilot_v"),
        ("xor", "wiring.hid0.sense=daq/6", None),
        ("xor", "task.target.rms=8 mV", None),
    ],
)
def test_what_differs_is_in_the_card(config, override, key):
    plain, changed = card_of(f"{config}.yaml"), card_of(f"{config}.yaml", override)
    assert [name for name in plain if plain[name] != changed[name]] == ([key] if key else [])


def test_a_table_of_a_regression_is_in_the_card(tmp_path):
    file = write_table(
        tmp_path, inputs=["a", "b"], split="{train: 2, test: 1}", text="a,b,y\n1,2,0.1\n2,1,0.2\n3,3,0.1\n"
    )
    kept = card_of(file)["task"]["data"]
    digest = hashlib.sha256((tmp_path / "table.csv").read_bytes()).hexdigest()
    assert kept == {"file": "table.csv", "inputs": ["a", "b"], "outputs": ["y"], "full_scale": None, "sha256": digest}


def test_the_size_of_the_network(tmp_path):
    text = (packaged_configs() / "xor.yaml").read_text(encoding="utf-8")
    text = text.replace("nodes: 6,", "nodes: 5,").replace(
        "hid0..hid5: {sense: daq/6..11}", "hid0..hid4: {sense: daq/6..10}"
    )
    (tmp_path / "xor.yaml").write_text(text.replace("pots/0..47", "pots/0..39"), encoding="utf-8")
    network = card_of(tmp_path / "xor.yaml")["network"]
    assert (network["layered"], network["edges"], network["diodes"]) == ([6, 5, 2], 40, {"BAT54": 10})
    assert network["sha256"] != card_of("xor.yaml")["network"]["sha256"]


def test_the_data_are_in_the_card_to_the_last_label(tmp_path):
    for name in ("iris.yaml", "iris.csv"):
        shutil.copy(packaged_configs() / name, tmp_path)
    data = tmp_path / "iris.csv"
    before = card_of(tmp_path / "iris.yaml")
    assert before == card_of("iris.yaml")  # where the file lies does not matter
    kept = before["task"]["data"]
    assert kept == {"file": "iris.csv", "sha256": hashlib.sha256(data.read_bytes()).hexdigest()}
    lines = (
        data.read_text(encoding="utf-8").replace("setosa", "?").replace("virginica", "setosa").replace("?", "virginica")
    )
    data.write_text(lines, encoding="utf-8")
    after = card_of(tmp_path / "iris.yaml")
    assert [name for name in before if before[name] != after[name]] == ["task"]


@pytest.mark.parametrize(
    ("config", "keys"),
    [
        ("iris", {"error_current_a", "range_s", "temperature_v"}),
        ("elastic_allostery", {"error_force_n", "range_n_per_m", "temperature_m"}),
        ("studies/elastic_rest_length", {"error_force_n", "range_m", "temperature_m"}),
        ("flow_chemical_iris", {"error_release_mol_per_s", "range_m3_per_s_pa", "temperature_pa"}),
    ],
)
def test_keys_have_the_units_of_the_network(config: str, keys: set[str]) -> None:
    assembly = assemble(packaged_configs() / f"{config}.yaml")
    with assembly.setup().rig as rig:
        assert keys <= card(assembly, rig).keys()


def test_an_exposure_is_part_of_the_digitizer() -> None:
    assembly = assemble(packaged_configs() / "studies" / "elastic_camera.yaml")
    with assembly.setup().rig as rig:
        assert card(assembly, rig)["digitizer"]["aperture_s"] == 1e-3


@pytest.mark.parametrize("name", quick(1, SHIPPED, more=3))
def test_the_configuration_that_a_run_keeps_has_its_card_whichever_key_is_left_out(name: str, tmp_path: Path) -> None:
    """Otherwise that run could never be resumed. A key that may not be left out is refused."""
    tree = yaml.safe_load((packaged_configs() / f"{name}.yaml").read_text(encoding="utf-8"))
    shutil.copy(packaged_configs() / "iris.csv", tmp_path)
    kept = 0
    for path in key_paths(tree):
        (tmp_path / "short.yaml").write_text(yaml.safe_dump(without(tree, path), sort_keys=False), encoding="utf-8")
        try:
            assembly = assemble(tmp_path / "short.yaml", ["bench=simulated"])
        except LabrigError:
            continue
        if assembly.auto is not None:
            continue
        (tmp_path / "kept.yaml").write_text(to_yaml(assembly.document), encoding="utf-8")
        assert card_of(tmp_path / "kept.yaml") == card_of_assembly(assembly), path
        kept += 1
    assert kept >= 4
