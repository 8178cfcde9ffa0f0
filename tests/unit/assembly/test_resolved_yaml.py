"""The configuration that a run keeps: every value in effect, and loaded again the same experiment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from cli.config_texts import IRIS, ISLANDS, Edit, edited, write

from labrig.assembly import assemble, packaged_configs
from labrig.assembly.assembly import Assembly
from labrig.assembly.describe import resolved
from labrig.config.resolved import DEFAULT, to_yaml
from labrig.simulation.section import preset_values

EXAMPLES = [
    # Building the 9,600 edges of digits takes most of the time.
    pytest.param(path, marks=[pytest.mark.more] if path.name == "digits.yaml" else [], id=path.name)
    for path in sorted(packaged_configs().glob("*.yaml"))
]


def same(one: Assembly, other: Assembly) -> bool:
    """Whether two assemblies are the same experiment, whatever their files."""
    alike = (
        "name",
        "seed",
        "learning",
        "storage",
        "limits",
        "board",
        "acquisition_timing",
        "synchronization",
        "faults",
    )
    equal = all(getattr(one, name) == getattr(other, name) for name in alike)
    equal = equal and (one.header.bench, one.acquisition.pilot) == (other.header.bench, other.acquisition.pilot)
    equal = equal and np.array_equal(one.task.activation, other.task.activation)
    equal = equal and np.array_equal(one.task.target, other.task.target)
    equal = (
        equal
        and one.simulation.imperfections == other.simulation.imperfections
        and one.simulation_seed == other.simulation_seed
    )
    facts = [{name: device.capabilities for name, device in each.devices.items()} for each in (one, other)]
    return equal and facts[0] == facts[1]


class TestResolvedYaml:
    def reloaded(self, assembly: Assembly, folder: Path) -> Assembly:
        folder.mkdir()
        kept = folder / "config.resolved.yaml"
        kept.write_text(to_yaml(assembly.document), encoding="utf-8")
        return assemble(kept)

    @pytest.mark.parametrize("path", EXAMPLES)
    def test_every_example_loads_again_to_the_same(self, path: Path, tmp_path: Path) -> None:
        assembly = assemble(path)
        again = self.reloaded(assembly, tmp_path / "run")
        values = [(value.path, value.value) for value in resolved(assembly)]
        assert [(value.path, value.value) for value in resolved(again)] == values
        assert np.array_equal(again.task.activation, assembly.task.activation)
        assert again.board == assembly.board

    def test_packaged_data_keep_their_name(self, tmp_path: Path) -> None:
        again = self.reloaded(assemble(Path("iris.yaml")), tmp_path / "run")
        assert again.choice.name == "classification"
        assert again.choice.options.data == "iris.csv"

    def test_other_data_are_named_absolutely(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "lab").mkdir()
        (tmp_path / "lab" / "table.csv").write_text(
            "edge,pot\n" + "".join(f"in{i}-out{o},pots/{3 * i + o}\n" for i in range(6) for o in range(3)),
            encoding="utf-8",
        )
        write(tmp_path / "lab", edited(IRIS, Edit("pots/0..17", "table.csv"))[0])
        text = to_yaml(assemble(Path("lab/bad.yaml")).document)
        values = yaml.safe_load(text)
        assert values["task"]["classification"]["data"] == str(tmp_path.resolve() / "lab" / "flowers.csv")
        assert values["wiring"]["edges"] == str(tmp_path.resolve() / "lab" / "table.csv")
        monkeypatch.chdir("/")
        self.reloaded(assemble(tmp_path / "lab" / "bad.yaml"), tmp_path / "run")

    @pytest.mark.parametrize("path", EXAMPLES)
    def test_nothing_is_left_to_the_defaults_of_another_labrig(self, path: Path, tmp_path: Path) -> None:
        again = self.reloaded(assemble(path), tmp_path / "run")
        left = [value for value in resolved(again) if value.origin == DEFAULT]
        assert {value.value for value in left} == {"null"}
        assert not [value for value in left if value.path.startswith(("simulation.", "acquisition."))]

    def test_of_nothing_but_defaults_everything_is_kept(self, tmp_path: Path) -> None:
        text = to_yaml(assemble(write(tmp_path, ISLANDS), ["seed=7"]).document)
        kept = yaml.safe_load(text)
        assert kept["bench"] == "simulated"
        assert kept["limits"] == {"node": "5 V", "edge_power": "5 mW", "step": "2 s", "misread": "25 %"}
        assert kept["acquisition"]["mains"] == ["50 Hz", "60 Hz"]
        assert kept["learning"]["hysteresis"] == 0.05
        assert kept["instruments"]["awg"]["settle"] == "400 \N{MICRO SIGN}s"
        assert kept["simulation"] == {
            "preset": "typical",
            "faults": [],
            "miswired": [],
        }  # the rest follows preset and seed

    def test_what_follows_another_key_follows_it_in_the_kept_file_too(self, tmp_path: Path) -> None:
        kept = tmp_path / "config.resolved.yaml"
        kept.write_text(to_yaml(assemble(write(tmp_path, ISLANDS), ["seed=7"]).document), encoding="utf-8")
        again = assemble(kept, ["seed=8", "simulation.preset=ideal"])
        assert again.simulation_seed == 8
        assert again.simulation.imperfections == preset_values("ideal")
        shown = {value.path: (value.value, value.origin) for value in resolved(again)}
        assert shown["simulation.seed"] == ("8", "from seed")
        assert shown["simulation.noise"] == ("0 V", "from preset")

    @pytest.mark.parametrize(
        "overrides",
        [
            [],
            ["seed=3", "learning.rate=0.3"],
            ["simulation={preset: ideal, noise: 1 mV}", "acquisition.mains=none"],
            ["acquisition.mains=[16.7 Hz]", "network.programmable={range: [11 µS, 99 µS]}"],
            ["limits={node: 3 V}", "wiring.in3.through=75 Ω", "task.encode.bias[1]=500 mV"],
        ],
    )
    def test_through_extends_and_set_it_is_the_same_experiment(self, overrides: list[str], tmp_path: Path) -> None:
        (tmp_path / "lab").mkdir()
        write(tmp_path / "lab", IRIS)
        top = tmp_path / "top.yaml"
        top.write_text("extends: [lab/bad.yaml]\nname: top\ninstruments: {awg: {settle: 1 ms}}\n", encoding="utf-8")
        assembly = assemble(top, overrides)
        assert same(assembly, self.reloaded(assembly, tmp_path / "run"))
        over = tmp_path / "over.yaml"
        over.write_text("extends: [run/config.resolved.yaml]\n", encoding="utf-8")
        assert same(assembly, assemble(over))
        assert not same(assembly, assemble(over, ["learning.hysteresis=0.1"]))

    def test_a_value_keeps_all_its_digits(self, tmp_path: Path) -> None:
        assembly = assemble(write(tmp_path, ISLANDS), ["network.programmable.range=[10.1 µS, 33.3 µS]"])
        again = self.reloaded(assembly, tmp_path / "run")
        low, high = assembly.network.programmable.range
        assert again.network.programmable.initial == (low + 0.2 * (high - low), high - 0.2 * (high - low))
