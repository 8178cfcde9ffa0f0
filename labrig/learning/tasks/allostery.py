"""Allostery: constant inputs, and outputs that should reach given values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from typing_extensions import override

from labrig.config.section import Section
from labrig.learning.tasks.task import Key, TaskContext
from labrig.learning.tasks.voltages import NO_EXAMPLES, VoltageTask
from labrig.medium import Drive, State
from labrig.random_streams import RandomStream

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Allostery(VoltageTask):
    """One example: constant inputs and targets."""

    class Options(Section):
        """inputs: constant inputs. targets: desired outputs; `random` draws them between lowest and highest input."""

        inputs: Annotated[list[Drive], Field(min_length=1)]
        targets: Annotated[list[State], Field(min_length=1)] | Literal["random"] = "random"

    @classmethod
    @override
    def build(cls, options: Options, context: TaskContext) -> Allostery:
        inputs = np.array(options.inputs)
        if options.targets != "random":
            return cls.reaching(inputs, np.array(options.targets))
        draw = RandomStream(context.seed, "targets").at(0)
        return cls.reaching(inputs, draw.uniform(inputs.min(), inputs.max(), context.terminals.outputs))

    @classmethod
    def reaching(cls, inputs_v: Array, targets_v: Array) -> Allostery:
        """Build the task from inputs (I,) and the outputs (O,) that they should produce, in V."""
        return cls(
            activation=inputs_v[None],
            target=targets_v[None],
            readout=np.eye(len(targets_v)),
            train=np.array([0]),
            test=NO_EXAMPLES,
        )

    @override
    def input_key(self, column: int) -> Key:
        return ("inputs", column)

    @override
    def target_key(self, row: int | None = None) -> Key:
        return ("targets",) if row is None else ("targets", row)
