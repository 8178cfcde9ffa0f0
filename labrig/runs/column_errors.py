"""The error of a regression on a table, output by output, in the numbers of its columns."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from labrig.runs.journal import Record


@dataclass(frozen=True)
class ColumnError:
    """Root mean square of outputs minus targets in the last evaluation, in the unit of a column.

    Parameters
    ----------
    node : str
        The output that was trained to give the column.
    column : str
        Name of the column.
    train, test : float or None
        Error over the training set and over the test set; None if none of its examples was measured.
    """

    node: str
    column: str
    train: float | None
    test: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the errors as plain values."""
        return asdict(self)


def column_errors(record: Record) -> list[ColumnError]:
    """Return the error of every output that stands for a column; an empty list without stored outputs."""
    last = record.evaluations[-1] if record.evaluations else None
    if last is None or last.examples is None or last.outputs is None:
        return []
    known = {example.example: example for example in record.dataset}
    found = []
    for terminal in record.terminals:
        if terminal.side != "output" or terminal.kind != "column":
            continue
        per_volt = 1.0
        if terminal.low is not None and terminal.high is not None and terminal.full_scale_v:
            per_volt = (terminal.high - terminal.low) / (2 * terminal.full_scale_v)
        k = terminal.place
        rms: dict[str, float | None] = {}
        for part in ("train", "test"):
            off = [
                volts[k] - known[example].target[k]
                for example, volts in zip(last.examples, last.outputs, strict=True)
                if known[example].part == part
            ]
            rms[part] = per_volt * float(np.sqrt(np.mean(np.square(off)))) if off else None
        found.append(ColumnError(terminal.node, terminal.name, rms["train"], rms["test"]))
    return found
