"""Losses: one file each, found by the name in `learning.loss`."""

from labrig.extensions import Extensions
from labrig.learning.losses.loss import Loss, Targets, TrainingTargets

LOSSES = Extensions(
    noun="loss",
    package="labrig.learning.losses",
    own={"squared_error": "SquaredError", "softmax_cross_entropy": "SoftmaxCrossEntropy"},
    kind=Loss,
)

__all__ = ["LOSSES", "Loss", "Targets", "TrainingTargets"]
