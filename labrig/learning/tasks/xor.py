"""XOR: four patterns of ± amplitude; the difference of two outputs should be ± target.

The inputs are x₁ and x₂ with their complements, and two rails. Both rails are needed: with a single mid-rail bias the
outputs are odd functions of the inputs, and XOR is impossible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from labrig.config.section import Section
from labrig.learning.tasks.goals import PATTERNS_RIGHT, RMS, Goal
from labrig.learning.tasks.roles import Role
from labrig.learning.tasks.task import Indices, Key, TaskContext
from labrig.learning.tasks.voltages import NO_EXAMPLES, VoltageTask
from labrig.quantities import PositiveVoltage, format_quantity

Array = NDArray[np.float64]


MARGIN = 8 / 60
"""Largest rms distance at which the task counts as solved, as a share of the target: 8 mV of 60 mV keep the patterns
well apart."""


@dataclass(frozen=True)
class Xor(VoltageTask):
    """The four patterns of XOR."""

    class Options(Section):
        """amplitude: the inputs are ± amplitude. target: the difference of the two outputs should be ± target."""

        amplitude: PositiveVoltage
        target: PositiveVoltage

    goals: ClassVar[tuple[Goal, ...]] = (RMS, PATTERNS_RIGHT)

    @classmethod
    @override
    def build(cls, options: Options, context: TaskContext) -> Xor:
        return cls.patterns(options.amplitude, options.target)

    @classmethod
    def patterns(cls, amplitude_v: float, target_v: float) -> Xor:
        """Build the task; its patterns are in the order 00, 01, 10, 11."""
        signs = np.array([[x1, x2] for x1 in (-1.0, 1.0) for x2 in (-1.0, 1.0)])
        x1, x2 = signs.T
        one = np.ones(4)
        return cls(
            activation=amplitude_v * np.stack([x1, -x1, x2, -x2, -one, one], axis=1),
            target=np.where(x1 * x2 < 0, target_v, -target_v)[:, None],
            readout=np.array([[1.0, -1.0]]),
            train=np.arange(4),
            test=NO_EXAMPLES,
            names=tuple("".join("1" if x > 0 else "0" for x in pair) for pair in signs),
        )

    @override
    def figures(self, examples: Indices, outputs: Array) -> dict[str, float]:
        right = self.read(outputs) * self.target[examples] > 0
        return {**super().figures(examples, outputs), "patterns_right": int(right.sum())}

    @override
    def tolerances(self) -> Mapping[str, float]:
        return {**super().tolerances(), "patterns_right": 0.5}

    @override
    def solved(self) -> Mapping[str, float]:
        return {PATTERNS_RIGHT.key: 4, RMS.key: MARGIN * float(np.abs(self.target).max())}

    @override
    def inputs_in_words(self) -> str:
        return "6 inputs (x1, -x1, x2, -x2 and both rails)"

    @override
    def input_roles(self) -> tuple[Role, ...]:
        rails = (Role("bias", format_quantity(float(volts), "voltage")) for volts in self.activation[0, 4:])
        pairs = (Role(kind, name) for name in ("x1", "x2") for kind in ("feature", "complement"))
        return (*pairs, *rails)

    @override
    def output_roles(self) -> tuple[Role, ...]:
        return Role("readout", "x1 xor x2 (+)"), Role("readout", "x1 xor x2 (-)")

    @override
    def input_key(self, column: int) -> Key:
        return ("amplitude",)

    @override
    def target_key(self, row: int | None = None) -> Key:
        return ("target",)
