"""Learning rules: one file each, found by the name in `learning.rule`."""

from labrig.extensions import Extensions
from labrig.learning.rules.rule import EdgeStates, Example, Measurements, Rule, conduct

RULES = Extensions(
    noun="rule",
    package="labrig.learning.rules",
    own={"frequency_propagation": "FrequencyPropagation"},
    kind=Rule,
)

__all__ = ["RULES", "EdgeStates", "Example", "Measurements", "Rule", "conduct"]
