"""Reads `network.programmable.initial: {run: PATH}`: start from the conductances that another run has trained."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.assembly.board import Board
from labrig.assembly.sections.network import InitialRun, NetworkChoice
from labrig.config.document import Document
from labrig.errors import StorageError
from labrig.quantities import as_written, format_quantity
from labrig.runs.folder import JOURNAL, META, RunFolder
from labrig.runs.journal import read_journal
from labrig.runs.units import counted

Array = NDArray[np.float64]

PATH = ("network", "programmable", "initial")
_SHOWN = 5
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Trained:
    """The conductances of a run after one of its steps.

    Parameters
    ----------
    run
        The folder of the run.
    step
        The step; 0 for the initial conductances of the run.
    shadow, conductances
        (E,) conductances before rounding, and nominal ones as written (S), in the order of this board's edges.
    """

    run: Path
    step: int
    shadow: Array
    conductances: Array

    @property
    def card(self) -> dict[str, Any]:
        """The step and a hash of the values, equal for two runs that started from the same conductances."""
        content = self.shadow.astype("<f8").tobytes() + self.conductances.astype("<f8").tobytes()
        return {"step": self.step, "sha256": hashlib.sha256(content).hexdigest()}


def read_trained(document: Document, network: NetworkChoice, board: Board) -> Trained | None:
    """Read the run that `initial` names; return None if it names no run, or there are problems."""
    initial = network.programmable.initial
    if not isinstance(initial, InitialRun):
        return None
    named_at = document.get((*PATH, "run"))
    journal = document.locate(f"{initial.run}/{JOURNAL}", named_at)
    if journal is None:
        where = document.searched(named_at)
        document.report(
            (*PATH, "run"), f"there is no run {as_written(initial.run)} {where}; give the path of its folder"
        )
        return None
    folder = RunFolder(journal.parent)
    if named_at is not None:
        document.located[named_at.mark] = folder.path
    try:
        found = conductances_of(folder, initial.step)
    except StorageError as error:
        document.report((*PATH, "run"), str(error))
        return None
    except IndexError as error:
        document.report((*PATH, "step"), str(error))
        return None
    names = found.edges
    here = [edge.name for edge in board.hookup.edges]
    different = _different(folder.path, names, here)
    if different:
        document.report((*PATH, "run"), different)
        return None
    order = [names.index(name) for name in here] if names != here else list(range(len(here)))
    trained = Trained(folder.path, found.step, found.shadow[order], found.conductances[order])
    if not _in_range(document, network, trained, here):
        return None
    if found.masked:
        edges = _listed([names[edge] for edge in found.masked])
        message = f"{folder.path} masked {edges} after a fault, so their conductances were not trained to the end"
        document.warn((*PATH, "run"), message)
    return trained


@dataclass(frozen=True)
class Conductances:
    """The conductances of the board of a run after a step, from its journal and metadata.

    Parameters
    ----------
    step
        The step; 0 for the initial conductances.
    edges
        (E,) names of the edges.
    shadow, conductances
        (E,) conductances before rounding, and nominal ones as written (S).
    masked
        Indices of the edges that have been masked because of a fault.
    """

    step: int
    edges: list[str]
    shadow: Array
    conductances: Array
    masked: Sequence[int]


def conductances_of(folder: RunFolder, step: int | None = None) -> Conductances:
    """Read the conductances of a run after a step, by default the last.

    Raises
    ------
    StorageError
        If the run is damaged, or ended before its instruments were open.
    IndexError
        If the run has fewer steps.
    """
    if not folder.journal.is_file():
        raise folder.damaged(JOURNAL, "it is missing")
    record = read_journal(folder.journal)
    steps = len(record.step)
    if not steps and not folder.has(META) and all(file.name != META for file in record.files):
        raise StorageError(
            f"{folder.path} ended before its board was recorded", remedy=f"labrig resume {folder.path} begins it again"
        )
    meta = folder.meta()
    last = steps if step is None else step
    if last > steps:
        raise IndexError(f"{folder.path} has only {counted(steps, 'step')}")
    try:
        edges = [str(edge[0]) for edge in meta["board"]["edges"]]
        if last:
            shadow, conductances = record.shadow[last - 1], record.conductances[last - 1]
        else:
            shadow = conductances = np.array(meta["board"]["initial_s"], dtype=float)
        if shadow.shape != (len(edges),):
            raise ValueError(f"it names {len(edges)} edges, but the journal has {len(shadow)}")
    except (KeyError, TypeError, ValueError) as error:
        raise folder.damaged(META, f"it does not describe the board ({error})") from error
    return Conductances(last, edges, shadow, conductances, record.masked[last - 1] if last else ())


def _different(run: Path, names: Sequence[str], here: Sequence[str]) -> str:
    """Return a message naming the edges that only one of the boards has; empty if both have the same edges."""
    missing = [name for name in here if name not in set(names)]
    more = [name for name in names if name not in set(here)]
    parts = [f"that network has no edge {_listed(missing)}"] if missing else []
    parts += [f"this board has no edge {_listed(more)}"] if more else []
    return f"{run} trained another network: {'; '.join(parts)}" if parts else ""


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _in_range(document: Document, network: NetworkChoice, trained: Trained, edges: Sequence[str]) -> bool:
    """Return whether all conductances are in the range of this board; report those that are not."""
    low, high = network.programmable.range
    values = trained.conductances
    outside = np.flatnonzero((values < low * (1 - _ROUNDING)) | (values > high * (1 + _ROUNDING))).tolist()
    if not outside:
        return True
    worst = [f"{edges[k]} at {format_quantity(float(f'{values[k]:.5g}'), 'conductance')}" for k in outside]
    limits = " to ".join(format_quantity(value, "conductance") for value in (low, high))
    message = f"{trained.run} has {_listed(worst)}, outside the range of this board, {limits}; choose a wider range"
    document.report((*PATH, "run"), message)
    return False
