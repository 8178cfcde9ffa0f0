"""What check warns of, each on a configuration that deserves it and on the packaged ones, which do not."""

from __future__ import annotations

import numpy as np
import pytest
from cli.config_texts import IRIS, write

from labrig.assembly import assemble, packaged_configs
from labrig.assembly.concerns.error_at_diodes import EXAMPLES
from labrig.assembly.expected import Expected
from labrig.network.resistive.diodes import DIODES, DiodeModel

CASES = {
    "sine_with_diodes": (["xor.yaml", "learning.activation=sine"], "learning.activation", "third harmonic reaches"),
    "error_at_diodes": (
        ["xor.yaml", "learning.error.current=300 µA", "wiring.out0.through=5 kΩ", "wiring.out1.through=5 kΩ"],
        "learning.error.current",
        "use at most",
    ),
    "mains": (["iris.yaml", "acquisition.tones=[1200 Hz]"], "acquisition.tones[0]", "60 Hz mains appears at 1.2 kHz"),
    "rounding": (["xor.yaml", "instruments.daq.bits=12", "simulation.noise=10 µV"], "instruments.daq", "half a step"),
    "node limit": (
        ["iris.yaml", "limits.node=5 MV"],
        "limits.node",
        "5 MV never acts: no source plays more than 5 V; did you mean 5 mV?",
    ),
    "power limit": (["iris.yaml", "limits.edge_power=5 MW"], "limits.edge_power", "did you mean 5 mW?"),
    "high limit": (["iris.yaml", "limits.node=42 V"], "limits.node", "42 V never acts: no source plays more than 5 V"),
    "step": (["iris.yaml", "limits.step=2 Ms"], "limits.step", "longer than a day"),
    "temperature": (
        ["iris.yaml", "learning.temperature=50 MV"],
        "learning.temperature",
        "all classes look alike, because outputs are within the drives, at most 1.2 V; did you mean 50 mV?",
    ),
    "rate": (["iris.yaml", "learning.rate=50"], "learning.rate", "use at most"),
    "unverified": (
        [
            "iris_wire.yaml",
            "instruments.pots.chips=[{part: AD5206-100, count: 5}]",
            "instruments.pots.verify=none",
        ],
        "instruments.pots",
        "AD5206-100 cannot be read back: on 30 edges",
    ),
}


@pytest.mark.parametrize("concern", CASES)
def test_each_is_said_at_its_place(concern):
    (config, *overrides), path, words = CASES[concern]
    warnings = assemble(packaged_configs() / config, overrides).document.warnings
    assert [warning.path for warning in warnings] == [path]
    assert words in warnings[0].message


def test_a_diode_in_breakdown_is_named(monkeypatch):
    monkeypatch.setitem(DIODES, "BAT54", DiodeModel(1e-12, 1.0, 1.0, 0.2, 1e-6))
    (warning,) = assemble(packaged_configs() / "xor.yaml").document.warnings
    assert warning.path == "network"
    assert "in reverse, and breakdown begins near 200 mV" in warning.message


COARSE = {"board.yaml": "instruments.adc", "board_xor.yaml": "instruments.adc"}
"""Packaged configurations with a warning: the converters of the one-board bench have 12 bits."""


@pytest.mark.parametrize("config", sorted(path.name for path in packaged_configs().glob("*.yaml")))
def test_the_packaged_configurations_raise_none(config):
    expected = [COARSE[config]] if config in COARSE else []
    assert [each.path for each in assemble(packaged_configs() / config).document.warnings] == expected


@pytest.mark.parametrize(("cable", "paths"), [("200 pF", ["wiring.out1"]), ("100 pF", [])])
def test_a_node_that_does_not_settle_between_scans_is_named(cable, paths):
    """The converters of a board read 19.5 µs after its outputs have settled, which is nine times 2.17 µs."""
    overrides = ["wiring.out1.buffer=null", f"wiring.out1.cable={cable}"]
    warnings = assemble(packaged_configs() / "board.yaml", overrides).document.warnings
    assert [each.path for each in warnings] == [*paths, "instruments.adc"]
    assert "only up to 2.167 µs settles in time; put a buffer" in warnings[0].message or not paths


def test_the_remedy_of_a_sine_is_a_modulation_which_is_not_warned_of():
    assembly = assemble(packaged_configs() / "xor_am.yaml", ["learning.error.carrier=shared_tone"])
    assert "carrier: amplitude_modulation" in assembly.document.warnings[0].message
    assert not assemble(packaged_configs() / "xor_am.yaml").document.warnings


def test_the_bias_of_a_sine_is_of_the_size_that_is_said():
    """The measured gradient against the exact one of a tone, on an ideal board."""
    assembly = assemble(packaged_configs() / "xor.yaml", ["learning.activation=sine", "simulation.preset=ideal"])
    said = float(assembly.document.warnings[0].message.split("about ")[1].split(" %")[0]) / 100
    assert said / 3 < worst_error(assembly, assembly.task.train[:4], tone=True) < 3 * said


def worst_error(assembly, examples, **how):
    """Largest relative error of the measured gradient, at the initial conductances."""
    setup = assembly.setup()
    with setup.rig as rig:
        update = assembly.update(rig)
        rig.program(update.settings())
        probe = assembly.probe(rig, update)
        errors = []
        for example in examples:
            target, loss = assembly.task.target[example], assembly.loss
            exact = setup.bench.truth.gradient(
                assembly.task.activation[example], lambda outputs, t=target, f=loss: f.gradient(outputs, t), **how
            )
            measured = probe.gradient(int(example)).gradient
            errors.append(np.linalg.norm(measured.value - exact) / np.linalg.norm(exact))
    return max(errors)


@pytest.mark.parametrize("config", ["iris_hidden.yaml", "xor.yaml"])
def test_the_bias_of_a_large_error_is_the_one_that_is_measured(config, monkeypatch):
    """The measured gradient against the exact one, on an ideal board."""
    monkeypatch.setattr("labrig.assembly.concerns.error_at_diodes.SMALL", 1e-9)
    overrides = ["simulation.preset=ideal", "learning.error.current=20 µA"]
    assembly = assemble(packaged_configs() / config, overrides)
    said = float(assembly.document.warnings[0].message.split("up to ")[-1].split(" %")[0]) / 100
    assert said == pytest.approx(worst_error(assembly, Expected(assembly).examples[:EXAMPLES]), rel=0.3)


@pytest.mark.parametrize(
    ("constant", "says"),
    [
        ("b", "column 'b' of flowers.csv is constant in the training examples, so it contributes nothing"),
        ("ab", "columns 'a', 'b' of flowers.csv are constant in the training examples; nothing can be learned"),
    ],
)
def test_a_column_from_which_nothing_can_be_learned(constant, says, tmp_path):
    rows = [",".join(["1" if name in constant else str(k) for name in "ab"] + ["xyz"[k % 3]]) for k in range(12)]
    config = write(tmp_path, IRIS, "\n".join(["a,b,species", *rows, ""]))
    warnings = [each for each in assemble(config).document.warnings if each.path == "task.classification.data"]
    assert len(warnings) == 1
    assert says in warnings[0].message
