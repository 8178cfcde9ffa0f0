"""Springs and tubes behind transducers on the chain of real drivers: cards, generator, bank, trained in real time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labrig.assembly import assemble, packaged_configs
from labrig.procedures.train import train

STUDIES = packaged_configs() / "studies"
CONFIG = STUDIES / "elastic_wire.yaml"


@pytest.mark.more
@pytest.mark.parametrize("config", ["elastic_wire", "flow_wire"])
def test_other_media_are_trained_on_the_wire(config: str, tmp_path: Path) -> None:
    result = train(assemble(STUDIES / f"{config}.yaml"), run_dir=tmp_path / "run", plots=False)
    assert not result.missed
    assert result.metrics["loss"] < 0.05 * result.metrics["initial_loss"]


@pytest.mark.more
def test_both_benches_read_the_same_extensions() -> None:
    """Same board, no noise: the drops of every spring agree to a few steps of the converter, 61 nm each."""
    read = {}
    for bench in ("simulated", "wire"):
        quiet = [f"bench={bench}", "simulation.preset=ideal", "simulation.converters=true"]
        assembly = assemble(CONFIG, quiet)
        with assembly.open_rig() as rig:
            update = assembly.update(rig)
            rig.program(update.settings())
            read[bench] = assembly.probe(rig, update).measure_free(0)
    np.testing.assert_allclose(read["wire"].a, read["simulated"].a, atol=150e-9)
    assert np.abs(read["simulated"].a).max() > 100e-6
