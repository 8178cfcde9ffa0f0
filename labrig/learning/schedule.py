"""How long a board is trained, and when it is evaluated."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """How long to train and when to evaluate.

    Parameters
    ----------
    epochs : int
        Passes over the training set.
    batch : int
        Examples per update.
    evaluate_every : int
        Epochs between evaluations; 0 evaluates only before and after training.
    """

    epochs: int
    batch: int
    evaluate_every: int
