"""Iris on the wire with Rigol generators."""

from __future__ import annotations

from pathlib import Path

import pytest

from labrig.assembly import assemble, packaged_configs
from labrig.procedures.train import train


@pytest.mark.more
def test_iris_is_learned_with_errors_of_rigol_generators(tmp_path: Path) -> None:
    """At the pace of a real generator, which takes 0.1 s per setting: so with a few of the examples."""
    overrides = ["learning.epochs=1", "task.split.train_per_class=10", "task.split.test_per_class=5"]
    assembly = assemble(packaged_configs() / "studies" / "iris_rigol.yaml", overrides)
    result = train(assembly, run_dir=tmp_path / "run")
    assert result.metrics["test_accuracy"] > 0.5
    assert result.metrics["loss"] < 0.9 * result.metrics["initial_loss"]
