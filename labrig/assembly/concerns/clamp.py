"""Error sources that cannot hold the outputs at the clamped voltage through their series resistance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labrig.assembly.expected import Expected
from labrig.learning.rules.coupled_learning import CoupledLearning
from labrig.quantities import format_quantity

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly
    from labrig.assembly.concerns import Warnings

STEP_V = 1e-3


def clamp(assembly: Assembly) -> Warnings:
    """Warn of a clamp that needs a larger voltage (series resistance × clamp current) than its source can play."""
    rule, hookup = assembly.learning_choice.rule, assembly.board.hookup
    if not isinstance(rule, CoupledLearning) or any(wire.howland or wire.actuator for wire in hookup.outputs):
        return  # their limits are not in volts
    expected = Expected(assembly)
    per_error = rule.displacement_per_error(assembly.loss)
    place = {source.node: row for row, source in enumerate(assembly.board.network.sources)}
    sources = [place[wire.node] for wire in hookup.outputs]
    outputs, worst = expected.outputs, np.zeros(len(expected.outputs))
    for example in expected.examples:
        played = np.repeat(expected.played(assembly.task.activation[[example]]), 1 + len(outputs), axis=0)
        played[1 + np.arange(len(outputs)), sources] += STEP_V
        found = expected.solver.states(played)[:, outputs]
        moved = (found[1:] - found[0]).T / STEP_V
        wanted = -per_error * assembly.loss.gradient(found[0], assembly.task.target[example])
        needed = np.linalg.solve(moved, wanted)
        worst = np.maximum(worst, np.abs(needed))
    for wire, needed in zip(hookup.outputs, worst.tolist(), strict=True):
        able = min(assembly.devices[wire.device].source.full_scale_v, assembly.limits.source_v(wire))
        if needed > able:
            yield (
                ("learning", "rule"),
                f"to clamp {wire.node}, {wire.label} must play {format_quantity(needed, 'voltage')}, but can play only "
                f"{format_quantity(able, 'voltage')}: coupled learning needs an error source that can hold the output; "
                f"reduce its resistance 'through' to {100 * (able / needed):.1f} % or less, or 'eta'",
            )
            return
