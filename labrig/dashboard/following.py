"""Follows a run by its folder, whether it goes on, is killed, resumed or damaged."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.errors import StorageError, reason
from labrig.runs.folder import META, RunFolder
from labrig.runs.journal import Evaluation, Growth, read_growth
from labrig.runs.summary import state_text, summarize
from labrig.runs.units import loss_unit, shown_parameter

SERIES = ("step", "loss", "gradient", "u_gradient", "bench_ms", "wall_ms")
"""What is known of every step: its number, its loss, norm and standard error of its gradient, its durations (ms)."""


@dataclass
class Following:
    """The data of one run that have been read so far; `look` reads more. Several threads may call it at the same time.

    Parameters
    ----------
    folder
        The folder of the run.
    series
        For every step, the values named in SERIES; None for a value that is not known.
    evaluations
        Step and metrics of every evaluation.
    conductances
        Conductances of all edges after the last step, as shown on the page.
    problem
        Why the run cannot be read at the moment; empty if it can.
    """

    folder: RunFolder
    series: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in SERIES})
    evaluations: list[dict[str, Any]] = field(default_factory=list)
    conductances: list[float] = field(default_factory=list)
    problem: str = ""
    _siemens: NDArray[np.float64] | None = None
    _wall_s: float = float("nan")
    _state: tuple[Any, ...] = ()
    _summary: dict[str, Any] = field(default_factory=dict)
    _about: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self) -> None:
        """Read what was added to the run. If it cannot be read, keep the data read before, and note the reason."""
        with self._lock:
            try:
                self._about = self._about or self._described()
                self._read()
                self.problem = ""
            except (StorageError, OSError) as error:
                self.problem = reason(error)
            except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
                self.problem = f"the run contains something that labrig never writes ({reason(error)})"

    def since(self, steps: int, evaluations: int) -> dict[str, Any]:
        """Return what is known of the run as plain values, with the steps and evaluations after these numbers."""
        with self._lock:
            return {
                "about": self._about,
                "summary": self._summary,
                "problem": self.problem,
                "conductances": self.conductances,
                "series": {name: values[steps:] for name, values in self.series.items()},
                "evaluations": self.evaluations[evaluations:],
            }

    @property
    def counts(self) -> tuple[int, int]:
        """Number of steps and of evaluations read so far."""
        return len(self.series["step"]), len(self.evaluations)

    def _read(self) -> None:
        """Read the journal if it has changed, and the summary, which also changes when the writer ends."""
        state = _changed(self.folder)
        summary = summarize(self.folder)
        self._summary = {**summary, "state_text": state_text(summary)}
        if state == self._state:
            return
        steps, evaluations = self.counts
        growth = read_growth(self.folder.journal, steps, evaluations, self._siemens)
        self._add_steps(growth)
        self.evaluations += [_plain(each) for each in growth.evaluations]
        self._state = state

    def _add_steps(self, growth: Growth) -> None:
        count = len(growth.steps["step"])
        if not count:
            return
        wall = np.asarray(growth.steps["wall_s"], dtype=float)
        norms = (_norms(growth.steps[name], count) for name in ("gradient", "u_gradient"))
        columns = (
            growth.steps["step"], growth.steps["loss"], *norms, 1e3 * np.asarray(growth.steps["bench_s"], dtype=float),
            1e3 * np.diff(wall, prepend=self._wall_s),
        )  # fmt: skip
        for name, values in zip(SERIES, columns, strict=True):
            self.series[name] += [value if np.isfinite(value) else None for value in np.asarray(values).tolist()]
        self._wall_s = float(wall[-1])
        self._siemens = np.asarray(growth.steps["conductances"][-1], dtype=float)
        self.conductances = (self._siemens * self._about.get("scale", 1.0)).tolist()

    def _described(self) -> dict[str, Any]:
        """Return what does not change during a run: name, units, edges and goals; empty until it is stored."""
        if not self.folder.has(META):
            return {}
        meta = self.folder.meta()
        board = meta["board"]
        scale, quantity, unit = shown_parameter(board)
        state = board.get("state", {}).get("unit", "V")
        return {
            "name": str(meta["name"]),
            "loss_unit": loss_unit(meta["card"].get("loss"), state),
            "parameter": f"{quantity} ({unit})",
            "scale": scale,
            "range": [scale * float(value) for value in board["range_s"]],
            "edges": [str(edge[0]) for edge in board["edges"]],
            "parameter_unit": board.get("parameter", {}).get("unit", "S"),
        }


def _changed(folder: RunFolder) -> tuple[Any, ...]:
    """Return a value that changes whenever the journal or its write-ahead log is written."""
    found: list[Any] = []
    for path in (folder.journal, folder.journal.with_name(f"{folder.journal.name}-wal")):
        try:
            stat = path.stat()
        except OSError:
            found.append(None)
        else:
            found.append((stat.st_size, stat.st_mtime_ns, stat.st_ino))
    return tuple(found)


def _norms(rows: Any, count: int) -> NDArray[np.float64]:
    values = np.asarray(rows, dtype=float).reshape(count, -1)
    return np.linalg.norm(values, axis=1) if values.size else np.full(count, np.nan)


def _plain(evaluation: Evaluation) -> dict[str, Any]:
    return {"step": evaluation.step, "metrics": evaluation.metrics}
