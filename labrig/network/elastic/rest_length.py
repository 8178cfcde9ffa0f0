"""Springs of one stiffness, trained by their rest lengths."""

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
    """The keys of an elastic network, and what its springs are.

    Attributes
    ----------
    stiffness : float
        Of every spring (N/m).
    slack : float
        By how much a spring whose adjuster is at 0 is shorter at rest than the distance of its points (m); the
        parameter θ that is trained lengthens it to ℓ₀ = distance − slack + θ.
    """

    stiffness: PositiveStiffness
    slack: PositiveLength


class RestLength(Elastic):
    """Springs in the plane, trained by their rest lengths: ∂²E/∂e∂ℓ₀ = −k, so the gradient of an edge is −k·b/γ."""

    Options: ClassVar[type[Section]] = Options
    medium: ClassVar[Medium] = ADJUSTED

    @classmethod
    @override
    def adjusted(cls, options: Options) -> Adjusted:
        return Adjusted(options.stiffness, options.slack)
