"""A rule by somebody else: finite differences between the levels of each edge, with the error off."""

import numpy as np

from labrig.config.section import Section
from labrig.instruments.data import Continuous, Level, Target
from labrig.learning.gradient import Gradient
from labrig.learning.measurement import Excitation
from labrig.learning.rules import Rule
from labrig.quantities import Count


class LevelDifferences(Rule):
    """Every edge in turn is set some levels higher (lower at the end of its range) for one acquisition."""

    class Options(Section):
        distance: Count = 8

    def acquisitions(self, edges, carrier):
        return 1 + edges

    def gradient(self, example, loss, carrier, edges):
        here = yield Excitation(example.activation)
        e = loss.gradient(here.outputs, example.target)
        if not np.any(e):
            return None
        start = loss.value(here.outputs, example.target)
        slopes = []
        for edge, siemens in enumerate(edges.conductances):
            setting, there_siemens = self.neighbour(edges.levels[edge], siemens)
            there = yield Excitation(example.activation, trial={edge: setting})
            slopes.append((loss.value(there.outputs, example.target) - start) / (there_siemens - siemens))
        unknown = np.zeros(len(slopes))
        return Gradient(np.array(slopes), unknown, unknown)

    def neighbour(self, levels, siemens):
        if isinstance(levels, Continuous):
            step = 0.02 * siemens if 1.02 * siemens <= levels.maximum else -0.02 * siemens
            return Target(siemens + step), siemens + step
        at = int(np.abs(levels.siemens - siemens).argmin())
        other = at + self.options.distance if at + self.options.distance < len(levels.codes) else at - 1
        return Level(int(levels.codes[other])), float(levels.siemens[other])
