"""A task by somebody else: the AND of two inputs, as the difference of two outputs."""

from dataclasses import dataclass

import numpy as np

from labrig.config.section import Section
from labrig.learning.tasks.goals import PATTERNS_RIGHT, RMS
from labrig.learning.tasks.voltages import NO_EXAMPLES, VoltageTask
from labrig.quantities import PositiveVoltage


@dataclass(frozen=True)
class And(VoltageTask):
    class Options(Section):
        amplitude: PositiveVoltage
        target: PositiveVoltage

    goals = (RMS, PATTERNS_RIGHT)

    @classmethod
    def build(cls, options, context):
        signs = np.array([[x1, x2] for x1 in (-1.0, 1.0) for x2 in (-1.0, 1.0)])
        x1, x2 = signs.T
        one = np.ones(4)
        return cls(
            activation=options.amplitude * np.stack([x1, -x1, x2, -x2, -one, one], axis=1),
            target=np.where((x1 > 0) & (x2 > 0), options.target, -options.target)[:, None],
            readout=np.array([[1.0, -1.0]]),
            train=np.arange(4),
            test=NO_EXAMPLES,
        )

    def figures(self, examples, outputs):
        right = self.read(outputs) * self.target[examples] > 0
        return {**super().figures(examples, outputs), "patterns_right": int(right.sum())}

    def input_key(self, column):
        return ("amplitude",)

    def target_key(self, row=None):
        return ("target",)
