"""Error tones so large that the diodes do not respond linearly to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labrig.assembly.expected import Expected
from labrig.assembly.recommended import rounded_down
from labrig.learning.rules.frequency_propagation import combination
from labrig.network.resistive.solve.solver import Solver
from labrig.quantities import format_quantity

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly
    from labrig.assembly.concerns import Warnings

SMALL = 2e-3
"""Relative error of a gradient below which there is no warning."""

EXAMPLES = 8


def error_at_diodes(assembly: Assembly) -> Warnings:
    """Warn of an error current whose tones are distorted by the board at its initial conductances.

    A carrier that does not need to know the error first plays these tones also while the activation is read.
    """
    expected = Expected(assembly)
    solver, learning = expected.solver, assembly.learning
    if assembly.board.network.linear or learning.activation == "sine" or not isinstance(solver, Solver):
        return
    current = learning.error.largest
    carrier = assembly.learning_choice.carrier(assembly.loss, len(expected.outputs)).at_current(current)
    tones = assembly.acquisition_timing.tones
    # All tones repeat with the common period, so one period stands for the whole window.
    cycles = np.outer(np.arange(tones.period_samples), tones.cycles) / tones.window_samples
    turn = np.cos(2 * np.pi * cycles)  # (P, K)
    worst = 0.0
    for example in expected.examples[:EXAMPLES]:
        played = expected.played(assembly.task.activation[[example]])
        rest = solver.states(played)
        e = assembly.loss.gradient(rest[0, expected.outputs], assembly.task.target[example])
        if not np.any(e):
            continue
        asked = carrier.excitation(assembly.task.activation[example], e)
        assert asked.error is not None
        injected = np.zeros((len(turn), rest.shape[1]))
        injected[:, expected.outputs] = turn @ asked.error
        swung = solver.drops(solver.states(np.repeat(played, len(turn), axis=0), injected))
        a = solver.drops(rest[0])
        read = a if carrier.error_first else swung.mean(axis=0)
        weights = combination(asked.error, -e)
        by_node = np.zeros(rest.shape[1])
        by_node[expected.outputs] = e
        b, exact = weights @ (2 / len(turn) * turn.T @ swung), solver.drops(solver.sensitivity(rest[0], by_node))
        worst = max(worst, float(np.linalg.norm(read * b - a * exact) / np.linalg.norm(a * exact)))
    if worst > SMALL:
        most = rounded_down(current * float(np.sqrt(SMALL / worst)))  # the error grows as the square of the current
        yield (
            ("learning", "error", "current"),
            f"the diodes distort an error tone of {format_quantity(current, 'current')}, so gradients are up to "
            f"{100 * worst:.2g} % off; use at most {format_quantity(most, 'current')}",
        )
