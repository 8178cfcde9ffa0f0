"""The confusion matrix of a classification, from the outputs that a run stores at its evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from labrig.runs.journal import Record

_POSITIVE = " (+)"


@dataclass(frozen=True)
class Confusion:
    """A confusion matrix: how often examples of each class were classified as each class.

    Parameters
    ----------
    part : str
        "train" or "test".
    classes : tuple of str
        Names of the classes, in the order of the outputs.
    counts : (K, K) array of int
        Rows are the true classes, columns the classes with the largest readout.
    """

    part: Literal["train", "test"]
    classes: tuple[str, ...]
    counts: NDArray[np.intp]

    def to_json(self) -> dict[str, Any]:
        """Return the matrix as plain values."""
        return {"part": self.part, "classes": list(self.classes), "counts": self.counts.tolist()}


def class_names(names: Sequence[str] | None, readout: Sequence[Sequence[float]] | None) -> tuple[str, ...] | None:
    """Return a name for each class: the name of the output that has the largest weight in the class's readout.

    Parameters
    ----------
    names, readout
        The entries `classes` (one name per output) and `readout` (R, O) of a run's metadata. Where a class is the
        difference of two outputs, these two are named "setosa (+)" and "setosa (-)".
    """
    if not names or readout is None:
        return None
    if len(names) == len(readout):
        return tuple(names)
    return tuple(names[int(np.argmax(row))].removesuffix(_POSITIVE) for row in readout)


def confusions(record: Record, classes: list[str] | None, readout: list[list[float]] | None) -> list[Confusion]:
    """Return the confusion matrices of the last evaluation, for the training set and for the test set.

    Parameters
    ----------
    record : Record
        The journal. Without stored outputs there is no matrix.
    classes, readout : list or None
        Entries `classes` and `readout` (R, O) of the run's metadata; None if the task is not a classification.
    """
    last = record.evaluations[-1] if record.evaluations else None
    if not classes or readout is None or last is None or last.examples is None or last.outputs is None:
        return []
    known = {example.example: example for example in record.dataset}
    shown = class_names(classes, readout) or ()
    taken_for = (last.outputs @ np.array(readout).T).argmax(axis=1)
    found = []
    for part in ("train", "test"):
        counts = np.zeros((len(shown), len(shown)), dtype=np.intp)
        for example, column in zip(last.examples, taken_for, strict=True):
            if known[example].part == part:
                counts[int(known[example].target.argmax()), column] += 1
        if counts.any():
            found.append(Confusion(part, shown, counts))
    return found
