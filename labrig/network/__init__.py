"""Networks: their topology, and their states in equilibrium. Each physics is a folder here."""

from labrig.extensions import Extensions
from labrig.network.physics import Physics

PHYSICS = Extensions(
    noun="physics",
    package="labrig.network",
    own={
        "resistive": "Resistive",
        "elastic": "Elastic",
        "elastic_rest_length": "elastic.rest_length:RestLength",
        "flow": "Flow",
    },
    kind=Physics,
    group="labrig.physics",
)

__all__ = ["PHYSICS", "Physics"]
