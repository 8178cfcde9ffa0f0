"""Configurations for instruments that a lab has without a wire bench: they train on the simulated one."""

from pathlib import Path

import pytest

from labrig.assembly import assemble, packaged_configs
from labrig.procedures.train import train


@pytest.mark.parametrize("name", ["audio", "analog_discovery"])
def test_a_regression_is_learnt(name: str, tmp_path: Path) -> None:
    assembly = assemble(packaged_configs() / "studies" / f"{name}.yaml", ["learning.epochs=12"])
    metrics = train(assembly, run_dir=tmp_path / "run", plots=False).metrics
    assert metrics["test_loss"] < 0.02 * metrics["initial_loss"]
