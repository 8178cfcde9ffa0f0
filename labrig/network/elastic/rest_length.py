"""Springs with a common stiffness, whose rest lengths are trained."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from typing_extensions import override

from labrig.config.section import Section
from labrig.medium import Medium
from labrig.network.elastic.options import MECHANICAL, Elastic
from labrig.network.elastic.options import Options as OfElastic
from labrig.network.elastic.springs import Adjusted
from labrig.quantities import PositiveLength, PositiveStiffness

_EXAMPLES = {**dict(MECHANICAL.examples), "parameter": "0.5 mm", "coupling": "5 kN/m"}
ADJUSTED = replace(MECHANICAL, parameter="length", coupling="stiffness", examples=tuple(_EXAMPLES.items()))


class Options(OfElastic):
    """The keys of an elastic network, and the properties of its springs.

    Attributes
    ----------
    stiffness : float
        Stiffness of every spring (N/m).
    slack : float
        Difference between the distance of a spring's points and its rest length when its adjuster is at 0 (m). The
        trained parameter θ lengthens it to ℓ₀ = distance − slack + θ.
    """

    stiffness: PositiveStiffness
    slack: PositiveLength


class RestLength(Elastic):
    """Springs in a plane, whose rest lengths are trained. Since ∂²E/∂e∂ℓ₀ = −k, the gradient of an edge is −k·b/γ."""

    Options: ClassVar[type[Section]] = Options
    medium: ClassVar[Medium] = ADJUSTED

    @classmethod
    @override
    def adjusted(cls, options: Options) -> Adjusted:
        return Adjusted(options.stiffness, options.slack)
