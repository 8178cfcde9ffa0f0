"""An error tone so large that the diodes answer it with more than their slope."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labrig.assembly.expected import Expected
from labrig.assembly.recommended import rounded_down
from labrig.network.resistive.solve.solver import Solver
from labrig.quantities import format_quantity

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly
    from labrig.assembly.concerns import Warnings

SMALL = 2e-3
"""Relative error of a gradient that is not worth a warning."""

PHASES = 16
EXAMPLES = 8


def error_at_diodes(assembly: Assembly) -> Warnings:
    """Warn of an error current whose tone is distorted by the board at its initial conductances."""
    expected = Expected(assembly)
    solver, learning = expected.solver, assembly.learning
    if assembly.board.network.linear or learning.activation == "sine" or not isinstance(solver, Solver):
        return
    current = learning.error.current
    turn = np.cos(2 * np.pi * np.arange(PHASES) / PHASES)[:, np.newaxis]
    worst = 0.0
    for example in expected.examples[:EXAMPLES]:
        played = expected.played(assembly.task.activation[[example]])
        rest = solver.states(played)
        e = assembly.loss.gradient(rest[0, expected.outputs], assembly.task.target[example])
        if not np.any(e):
            continue
        injected = np.zeros(rest.shape[1])
        injected[expected.outputs] = -current * e / np.abs(e).max()
        a = solver.drops(rest[0])
        swung = solver.drops(solver.states(np.repeat(played, PHASES, axis=0), injected * turn))
        b, exact = 2 * np.mean(swung * turn, axis=0), solver.drops(solver.sensitivity(rest[0], -injected))
        worst = max(worst, float(np.linalg.norm(a * (b - exact)) / np.linalg.norm(a * exact)))
    if worst > SMALL:
        most = rounded_down(current * float(np.sqrt(SMALL / worst)))  # the error grows as the square of the current
        yield (
            ("learning", "error", "current"),
            f"the diodes distort an error tone of {format_quantity(current, 'current')}, so gradients are up to "
            f"{100 * worst:.2g} % off; use at most {format_quantity(most, 'current')}",
        )
