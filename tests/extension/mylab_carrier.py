"""A carrier by somebody else: a tone of its own for every output."""

import numpy as np

from labrig.config.section import Section
from labrig.learning.carriers import Carrier
from labrig.learning.measurement import Excitation
from labrig.quantities import PositiveCurrent


class ToneEach(Carrier):
    """Every output gets its error at its own tone, none of them less than `least` of current."""

    class Options(Section):
        least: PositiveCurrent

    @staticmethod
    def tones(options, outputs):
        return outputs

    def excitation(self, activation, loss_gradient):
        gamma = self.current_a / max(float(np.abs(loss_gradient).max()), self.floor)
        wanted = -gamma * loss_gradient
        size = np.maximum(np.abs(wanted), self.options.least)
        return Excitation(activation, error=np.diag(np.where(wanted < 0, -size, size)))
