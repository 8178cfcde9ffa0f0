"""Divider: one edge between a source and a loaded output. Its gradient can be computed by hand.

v = x · R_load / (R_source + 1/θ + R_load), C = (v − y)², hence
∂C/∂θ = 2 (v − y) · x · R_load / (θ (R_source + R_load) + 1)².
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from labrig.config.section import OptionError, Section
from labrig.learning.tasks.task import Key, TaskContext
from labrig.learning.tasks.voltages import NO_EXAMPLES, VoltageTask
from labrig.medium import Drive, State

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Divider(VoltageTask):
    """A divider with its one example.

    Parameters
    ----------
    source_ohm : float
        Resistance between the source and the edge (Ω).
    load_ohm : float
        Resistance from the output to ground (Ω).
    """

    class Options(Section):
        """input: voltage that drives the edge. target: desired output voltage."""

        input: Drive
        target: State

    source_ohm: float
    load_ohm: float

    @classmethod
    @override
    def build(cls, options: Options, context: TaskContext) -> Divider:
        board = context.terminals
        if board.edges != 1 or board.fixed or board.inputs != 1 or board.outputs != 1:
            raise OptionError(
                (), "a divider needs exactly one edge, between a driven node and a node with an error source"
            )
        return cls.between(options.input, options.target, float(board.input_ohm[0]), float(board.output_ohm[0]))

    @classmethod
    def between(cls, input_v: float, target_v: float, source_ohm: float, load_ohm: float) -> Divider:
        """Build a divider with this source voltage and this target for the loaded output."""
        return cls(
            activation=np.array([[input_v]]),
            target=np.array([[target_v]]),
            readout=np.eye(1),
            train=np.array([0]),
            test=NO_EXAMPLES,
            source_ohm=source_ohm,
            load_ohm=load_ohm,
        )

    @override
    def gradient_figures(self, conductances: Array, gradient: Array) -> dict[str, float]:
        theta, x, y = conductances[0], self.activation[0, 0], self.target[0, 0]
        v = x * self.load_ohm / (self.source_ohm + 1 / theta + self.load_ohm)
        by_hand = 2 * (v - y) * x * self.load_ohm / (theta * (self.source_ohm + self.load_ohm) + 1) ** 2
        figures = {"gradient": float(gradient[0])}
        if by_hand != 0:  # at the target the exact gradient is 0, and no relative error exists
            figures["relative_error"] = float(abs(gradient[0] / by_hand - 1))
        return figures

    @override
    def input_key(self, column: int) -> Key:
        return ("input",)

    @override
    def target_key(self, row: int | None = None) -> Key:
        return ("target",)
