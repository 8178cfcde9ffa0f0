"""Targets for a first board with constant inputs: outputs that the model of the board has at other conductances."""

from __future__ import annotations

import numpy as np

from labrig.assembly import Assembly
from labrig.procedures.feasible.model import Model
from labrig.random_streams import RandomStream

DRAWS = 40
"""Number of settings that are drawn; the one whose outputs differ most from those before training is taken."""
INSIDE = 0.1
"""Fraction of the range that the drawn conductances leave free at each end."""


def reachable(assembly: Assembly) -> list[float]:
    """Return targets (V) for the outputs of a board with one example, in whole millivolts."""
    model = Model(assembly)
    margin = INSIDE * (model.high - model.low)
    draw = RandomStream(assembly.seed, "reachable").at(0)
    settings = draw.uniform(model.low + margin, model.high - margin, (DRAWS, len(model.low)))
    outputs = np.array([model.outputs(siemens, assembly.task.activation)[0] for siemens in settings])
    before = model.outputs(assembly.initial, assembly.task.activation)[0]
    farthest = np.argmax(np.square(outputs - before).sum(axis=1))
    return np.round(outputs[farthest], 3).tolist()
