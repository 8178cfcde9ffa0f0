"""Learning rules: one file each, found by the name in `learning.rule`."""

from labrig.extensions import Extensions
from labrig.learning.rules.rule import EdgeStates, Example, Measurements, Rule, conduct

RULES = Extensions(
    noun="rule",
    package="labrig.learning.rules",
    own={
        "frequency_propagation": "FrequencyPropagation",
        "half_squares": "HalfSquaresLockIn",
        "richardson": "Richardson",
        "chopped": "Chopped",
        "equilibrium_propagation": "EquilibriumPropagation",
        "coupled_learning": "CoupledLearning",
        "parameter_dither": "ParameterDither",
        "finite_difference": "FiniteDifference",
        "exact_adjoint": "ExactAdjoint",
    },
    kind=Rule,
)

__all__ = ["RULES", "EdgeStates", "Example", "Measurements", "Rule", "conduct"]
