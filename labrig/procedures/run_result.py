"""How a recorded run ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from labrig.procedures.judge import Judgement
from labrig.runs.faults import FaultCosts
from labrig.runs.folder import RunFolder


@dataclass(frozen=True)
class RunResult:
    """How a recorded run ended.

    Parameters
    ----------
    folder
        The folder of the run.
    state
        "interrupted" if the run was stopped before its last evaluation was complete and its rig closed, else
        "finished".
    metrics
        Metrics of the last evaluation by name (volts, or the loss's own unit), and the loss before training.
    evaluated_at_step
        Number of updates before that evaluation; None if there was none.
    steps
        Number of updates in the journal.
    acquisitions, evaluation_acquisitions
        Number of acquisitions for training, and of all others.
    wall_s, bench_s
        Duration on this computer and on the bench's clock (s).
    edges, edges_masked
        Number of programmable edges, and of those that were masked after a fault.
    costs
        What faults have cost.
    resumed
        Whether the run had an earlier session.
    reached, missed
        Goals of `task.target` that the metrics reach, and those that they miss, in words.
    plots
        Pictures that were written; None if they were not requested or the run was interrupted.
    plots_skipped
        True if `stop()` returned True before every picture was drawn.
    left_out
        For each picture that could not be made, by file name, the reason.
    judgement
        The independent judgement of the score; None if there is no judge or the run was interrupted.
    not_judged
        Why the judge could not be asked; empty if it was asked or there is none.
    measurement
        Label of gradients that were not measured (such as the exact adjoint); empty if they were measured.
    twin
        The findings of `learning.twin`; None without it.
    """

    folder: RunFolder
    state: Literal["finished", "interrupted"]
    metrics: dict[str, float]
    evaluated_at_step: int | None
    steps: int
    acquisitions: int
    evaluation_acquisitions: int
    wall_s: float
    bench_s: float
    edges: int = 0
    edges_masked: int = 0
    costs: FaultCosts = field(default_factory=FaultCosts)
    resumed: bool = False
    reached: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    plots: tuple[Path, ...] | None = None
    plots_skipped: bool = False
    left_out: Mapping[str, str] = field(default_factory=dict)
    judgement: Judgement | None = None
    not_judged: str = ""
    measurement: str = ""
    twin: dict[str, Any] | None = None

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.folder.path

    def to_json(self) -> dict[str, Any]:
        """Return the last line of `labrig run --json`, which the journal keeps too."""
        line: dict[str, Any] = {
            "event": self.state,
            "run": str(self.path),
            "metrics": self.metrics,
            "evaluated_at_step": self.evaluated_at_step,
            "steps": self.steps,
            "acquisitions": self.acquisitions,
            "evaluation_acquisitions": self.evaluation_acquisitions,
            "wall_s": round(self.wall_s, 3),
            "bench_s": round(self.bench_s, 6),
            "edges": self.edges,
            "edges_masked": self.edges_masked,
            "batches_left_out": self.costs.batches_left_out,
            "repetitions": self.costs.repetitions,
            "judge": self.judgement and self.judgement.to_json(),
            "score_differs": self.judgement and self.judgement.score_differs,
        }
        if self.measurement:
            line["measurement"] = self.measurement
        if self.not_judged:
            line["not_judged"] = self.not_judged
        if self.twin is not None:
            line["twin"] = self.twin
        if self.reached:
            line["reached"] = list(self.reached)
        if self.missed:
            line["missed"] = list(self.missed)
        if self.plots is not None:
            line["plots"] = [str(path) for path in self.plots]
        if self.plots_skipped:
            line["plots_skipped"] = True
        return line
