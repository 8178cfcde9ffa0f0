"""The contents of a journal, as it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labrig.runs.journal.schema import Checkpoint, Evaluation, Event, Example, Intent, StoredFile, Terminal, Writing


@dataclass(frozen=True)
class Record:
    """The contents of a journal.

    Parameters
    ----------
    steps
        The columns of all steps by name, S rows each: (S,) for numbers, (S, E) for arrays, a tuple of length S
        otherwise. The names are those of schema.Step, with `step` for its index; `record.loss` is
        `record.steps["loss"]`. A number that a journal of an earlier schema did not store is NaN.
    evaluations
        All evaluations, in the order in which they were made.
    events
        All events, in the order in which they happened.
    terminals
        Meaning of the inputs, then of the outputs.
    dataset
        The examples of the training and the test set, by index.
    files
        Size and hash of the other files of the run, as they were written.
    writings
        Cells that were written by pulses, in the order in which they were written.
    intent
        The last settings that were about to be written to the board.
    checkpoint
        Number of rows and state at the last commit; None for a journal of an earlier schema.
    """

    steps: Mapping[str, Any]
    evaluations: tuple[Evaluation, ...]
    events: tuple[Event, ...]
    terminals: tuple[Terminal, ...] = ()
    dataset: tuple[Example, ...] = ()
    files: tuple[StoredFile, ...] = ()
    writings: tuple[Writing, ...] = ()
    intent: Intent | None = None
    checkpoint: Checkpoint | None = None

    def __getattr__(self, name: str) -> Any:
        if name != "steps" and name in self.steps:
            return self.steps[name]
        raise AttributeError(f"a journal has no column {name!r}")


@dataclass(frozen=True)
class Overview:
    """The part of a journal that a list of runs needs; the time to read it does not depend on the number of steps.

    Parameters
    ----------
    steps
        Number of steps.
    evaluation
        The last evaluation; None if there was none.
    events
        All events, in the order in which they happened.
    closed
        False if the journal was not closed and its log is missing, so that later rows may be missing too.
    """

    steps: int
    evaluation: Evaluation | None
    events: tuple[Event, ...]
    closed: bool = True


@dataclass(frozen=True)
class Growth:
    """Rows that were added to a journal: `steps` and `evaluations` as in Record."""

    steps: Mapping[str, Any]
    evaluations: tuple[Evaluation, ...]
