"""A hinge loss by somebody else: the output of the class leads every other one by a margin, or it costs."""

import numpy as np

from labrig.config.section import Section
from labrig.learning.losses import Loss
from labrig.quantities import PositiveVoltage


class Hinge(Loss):
    """C = Σ_k max(0, margin − (v_y − v_k)) over the classes k that are not y."""

    class Options(Section):
        margin: PositiveVoltage

    targets = "classes"

    def __init__(self, margin_v):
        self.margin_v = margin_v

    @classmethod
    def build(cls, options, targets):
        return cls(options.margin)

    @property
    def scale(self):
        return self.margin_v

    @property
    def error_scale(self):
        return 1.0

    def value(self, outputs, target):
        return float(self._short(outputs, target).sum())

    def gradient(self, outputs, target):
        behind = (self._short(outputs, target) > 0).astype(float)
        return behind - target * behind.sum()

    def _short(self, outputs, target):
        lead = outputs @ target - outputs
        return np.maximum(self.margin_v - lead, 0.0) * (1 - target)
