"""An error tone that moves diodes so far that their slope changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labrig.assembly.expected import Expected
from labrig.assembly.recommended import rounded_down
from labrig.network.resistive.graph import Graph, incidence
from labrig.network.resistive.solve.solver import Solver
from labrig.quantities import format_quantity

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly
    from labrig.assembly.concerns import Warnings

LARGEST_MOVE = 0.12
"""Drop of the error tone over nVt, up to which the gradient is within 0.2 %."""

BIAS = 0.1
"""Relative error of the gradient over the square of that ratio."""


def error_at_diodes(assembly: Assembly) -> Warnings:
    """Warn of an error current that is too large for the diodes of the board."""
    network, current = assembly.board.network, assembly.learning.error.current
    expected = Expected(assembly)
    if (
        not (isinstance(network, Graph) and isinstance(expected.solver, Solver))
        or not network.diodes
        or assembly.learning.activation == "sine"
    ):
        return
    points = expected.operating_points()
    across = incidence(network.nodes, [(diode.anode, diode.cathode) for diode in network.diodes])
    nvt = np.array([diode.model.slope_voltage_v for diode in network.diodes])
    moves = np.zeros(len(nvt))
    for output in expected.outputs:
        pulled = np.zeros_like(points)
        pulled[:, output] = -current
        response = expected.solver.sensitivity(points, pulled)
        moves = np.maximum(moves, np.abs(response @ across.T).max(axis=0) / nvt)
    worst = int(moves.argmax())
    if moves[worst] > LARGEST_MOVE:
        most = rounded_down(current * LARGEST_MOVE / moves[worst])
        yield (
            ("learning", "error", "current"),
            f"the error tone moves diode {network.diodes[worst].name} by up to "
            f"{format_quantity(float(moves[worst] * nvt[worst]), 'voltage')}, {moves[worst]:.2g} nVt, so gradients are "
            f"up to {100 * BIAS * moves[worst] ** 2:.2g} % off; use at most {format_quantity(most, 'current')}",
        )
