"""Iris on the wire with Keysight generators."""

from __future__ import annotations

from pathlib import Path

import pytest

from labrig.assembly import assemble, packaged_configs
from labrig.procedures.train import train


@pytest.mark.more
def test_iris_is_learned_with_errors_of_keysight_generators(tmp_path: Path) -> None:
    overrides = ["learning.epochs=1", "learning.evaluate.every=0"]
    assembly = assemble(packaged_configs() / "studies" / "iris_keysight.yaml", overrides)
    result = train(assembly, run_dir=tmp_path / "run")
    assert result.metrics["test_accuracy"] > 0.75
    assert result.metrics["loss"] < 0.8 * result.metrics["initial_loss"]
