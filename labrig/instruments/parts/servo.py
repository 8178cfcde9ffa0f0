"""A positioner that sets the stiffness of a spring or the opening of a valve."""

from __future__ import annotations

from copy import copy
from typing import Self

import numpy as np
from typing_extensions import override

from labrig.instruments.data import Continuous, Setting, Target
from labrig.instruments.parts.part import Part

MINIMUM_S, MAXIMUM_S = 10e-6, 100e-6
TOLERANCE = 0.02


class Servo(Part):
    """A servo with feedback, which holds any position between 10 µS and 100 µS.

    Programmers use siemens for all quantities; the transducer of an edge converts siemens to the unit of the medium.
    """

    name = "SERVO"
    supply_span_v = (4.8, 7.2)
    gain = 1.0

    @override
    def levels(self) -> Continuous:
        return Continuous(MINIMUM_S, MAXIMUM_S, TOLERANCE)

    @property
    @override
    def power_up(self) -> Setting:
        return Target((MINIMUM_S + MAXIMUM_S) / 2)

    @override
    def conductance(self, setting: Setting) -> float:
        assert isinstance(setting, Target)
        return self.gain * setting.siemens

    @override
    def drawn(self, generator: np.random.Generator) -> Self:
        specimen = copy(self)
        specimen.gain = 1 + TOLERANCE * generator.uniform(-1, 1)
        return specimen
