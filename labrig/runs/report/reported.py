"""The data that the parts of a report are made of, from the folder of a run, whatever state it is in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from labrig.errors import StorageError, reason
from labrig.runs.folder import META, RunFolder
from labrig.runs.integrity import damaged_lines
from labrig.runs.journal import Record, read_journal
from labrig.runs.journal.schema import STEPS
from labrig.runs.report.blocks import Missing
from labrig.runs.summary import summarize
from labrig.runs.units import shown_parameter

T = TypeVar("T")
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Reported:
    """A run.

    Parameters
    ----------
    folder
        Its folder.
    summary
        Its summary (`runs.summary`); only `run`, `state` and `reason` if it cannot be summarized.
    record
        The contents of its journal; an empty record if the journal is damaged.
    meta
        The contents of its meta.json; empty if there is none, or if it is damaged.
    damage
        Parts of the run that could not be read, one line each.
    """

    folder: RunFolder
    summary: dict[str, Any]
    record: Record
    meta: dict[str, Any]
    damage: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        """The name of the run, or of its folder if the run has no name."""
        return str(self.meta.get("name") or self.folder.path.resolve().name)

    @property
    def card(self) -> dict[str, Any]:
        """The comparability card; empty if there is none."""
        card = self.meta.get("card")
        return card if isinstance(card, dict) else {}

    @property
    def board(self) -> dict[str, Any]:
        """The board; raises Missing if the run ended before its board was recorded."""
        board = self.meta.get("board")
        if not isinstance(board, dict):
            raise Missing("the run has no description of its board")
        return board

    @property
    def edges(self) -> list[str]:
        """Names of the edges."""
        return [str(edge[0]) for edge in self.board["edges"]]

    @property
    def unit(self) -> str:
        """Unit of the nodes' state."""
        return str(self.board.get("state", {}).get("unit", "V"))

    @property
    def parameter(self) -> tuple[float, str, str]:
        """Factor by which edge parameters are multiplied for display, and the quantity and unit of the result."""
        return shown_parameter(self.board)

    @cached_property
    def initial(self) -> Array:
        """(E,) parameters before the first step; raises Missing if they were not stored."""
        if "initial_s" not in self.board:
            raise Missing("the parameters before the first step were not stored, as in all runs of that version")
        return np.array(self.board["initial_s"], dtype=float)

    def need_steps(self, count: int = 1) -> None:
        """Raise Missing if the run has fewer steps."""
        if len(self.record.step) < count:
            raise Missing("the run has no step" if count == 1 else f"the run has fewer than {count} steps")


def read_reported(folder: RunFolder) -> Reported:
    """Read a run.

    Raises
    ------
    StorageError
        If neither its journal nor its metadata can be read; the message is that about the journal.
    """
    damage: list[str] = []
    record, of_record = _tried(lambda: read_journal(folder.journal))
    summary, of_summary = _tried(lambda: summarize(folder))
    described = folder.has(META) or summary is None or summary["name"] is not None
    meta, of_meta = _tried(folder.meta) if described else ({}, None)
    if record is None and meta is None:
        raise of_record or StorageError(f"cannot read {folder.path}")
    damage += dict.fromkeys(reason(error) for error in (of_record, of_summary, of_meta) if error is not None)
    damage += damaged_lines(folder)
    return Reported(
        folder,
        summary or {"run": str(folder.path), "state": "damaged", "reason": ""},
        record or _nothing(),
        meta or {},
        tuple(damage),
    )


def _tried(what: Callable[[], T]) -> tuple[T | None, StorageError | None]:
    try:
        return what(), None
    except StorageError as error:
        return None, error


def _nothing() -> Record:
    """Return the record of a run in which nothing happened."""
    return Record({column.name: column.kind.column([]) for column in STEPS.columns}, (), ())
