"""The confusion matrix of a classification, from the outputs that a run keeps at its evaluations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from labrig.runs.journal import Record


@dataclass(frozen=True)
class Confusion:
    """How often an example of each class was taken for each class.

    Parameters
    ----------
    part : str
        "train" or "test".
    classes : tuple of str
        In the order of the outputs.
    counts : (K, K) array of int
        Rows are the true classes, columns those of the largest readout.
    """

    part: Literal["train", "test"]
    classes: tuple[str, ...]
    counts: NDArray[np.intp]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"part": self.part, "classes": list(self.classes), "counts": self.counts.tolist()}


def confusions(record: Record, classes: list[str] | None, readout: list[list[float]] | None) -> list[Confusion]:
    """Return the matrices of the last evaluation, of the training and of the test set.

    Parameters
    ----------
    record : Record
        The journal. One that keeps no outputs has no matrix.
    classes, readout : list or None
        The `classes` of a run's metadata and its `readout`, (R, O); None if it is no classification.
    """
    last = record.evaluations[-1] if record.evaluations else None
    if not classes or readout is None or last is None or last.examples is None or last.outputs is None:
        return []
    known = {example.example: example for example in record.dataset}
    taken_for = (last.outputs @ np.array(readout).T).argmax(axis=1)
    found = []
    for part in ("train", "test"):
        counts = np.zeros((len(classes), len(classes)), dtype=np.intp)
        for example, column in zip(last.examples, taken_for, strict=True):
            if known[example].part == part:
                counts[int(known[example].target.argmax()), column] += 1
        if counts.any():
            found.append(Confusion(part, tuple(classes), counts))
    return found
