"""A sine of a source with few bits is read differently at every trigger: the stated uncertainty covers that."""

from pathlib import Path

import numpy as np
import pytest

from labrig.assembly import assemble
from labrig.learning.measurement import Excitation

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.mark.parametrize("config", ["iris", "xor"])
def test_repeated_readings_scatter_as_stated(config):
    nothing_else = ["simulation.digitizer_offset=0 V", "simulation.digitizer_gain=0"]
    assembly = assemble(CONFIGS / f"{config}.yaml", ["learning.activation=sine", *nothing_else])
    with assembly.open_rig() as rig:
        rig.program(assembly.update(rig).settings())
        responses = [rig.measure(Excitation(assembly.task.activation[0])) for _ in range(100)]
    a = np.array([each.a for each in responses])
    noise = np.array([each.u_a for each in responses])
    stated = np.hypot(noise, [each.systematic_a for each in responses])
    apart = a - a.mean(axis=0)
    assert np.mean(np.abs(apart) < 1.96 * noise) < 0.88
    assert 0.92 < np.mean(np.abs(apart) < 1.96 * stated) < 0.985
