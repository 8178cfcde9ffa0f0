"""Predicts voltages of the nominal board before training: for warnings only, never for a measurement or update."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly

Array = NDArray[np.float64]

MOST_EXAMPLES = 32
"""Largest number of examples that are evaluated, spread evenly over the task."""


class Expected:
    """The board of a configuration with nominal parts at their initial conductances.

    Attributes
    ----------
    examples : (B,) int array
        Indices of the examples that are evaluated.
    """

    def __init__(self, assembly: Assembly) -> None:
        network, hookup = assembly.board.network, assembly.board.hookup
        self._assembly = assembly
        self.solver = network.equilibrium()
        self.solver.set_parameters(assembly.initial)
        place = {source.node: row for row, source in enumerate(network.sources)}
        self._inputs = [place[wire.node] for wire in hookup.inputs]
        self.outputs = [network.nodes.index(wire.node) for wire in hookup.outputs]
        total = len(assembly.task.activation)
        self.examples = np.unique(np.linspace(0, total - 1, min(total, MOST_EXAMPLES)).astype(int))

    def states(self, activation: Array) -> Array:
        """Return the (B, N) node voltages (V) at input levels (B, I)."""
        return self.solver.states(self.played(activation))

    def played(self, activation: Array) -> Array:
        """Return the (B, S) source voltages (V) at input levels (B, I)."""
        volts = np.zeros((len(activation), len(self._assembly.board.network.sources)))
        volts[:, self._inputs] = activation
        return volts

    def operating_points(self) -> Array:
        """Return the (B, N) node voltages (V) at the activation of every example in `examples`."""
        return self.states(self._assembly.task.activation[self.examples])
