"""Name and state of the run, and its figures."""

from __future__ import annotations

from collections.abc import Iterator

from labrig.runs.report.blocks import Block, facts, paragraph, table
from labrig.runs.report.intervals import interval_of
from labrig.runs.report.reported import Reported
from labrig.runs.summary import state_text
from labrig.runs.units import figure_unit

TITLE = "Summary"


def blocks(run: Reported) -> Iterator[Block]:
    """Yield state, damage, figures next to those of the judge, and when and where the run was made."""
    summary = run.summary
    state = state_text(summary)
    yield paragraph(f"{state[:1].upper()}{state[1:]}.", "state")
    for line in run.damage:
        yield paragraph(line, "warning")
    if label := run.card.get("measurement"):
        yield paragraph(f"Gradients: {label}", "warning")
    judge = summary.get("judge") or {}
    if summary.get("score_differs"):
        yield paragraph(f"The score differs: {judge.get('message', '')}", "warning")
    yield from _figures(run, judge)
    names = {"seed": "seed", "simulation_seed": "seed of the simulation", "began": "began", "bench": "bench"}
    yield facts({label: run.meta[key] for key, label in names.items() if run.meta.get(key) is not None})
    for note in summary.get("notes", ()):
        yield paragraph(" ".join((note["written"], note["text"], *(f"#{tag}" for tag in note["tags"]))))


def _figures(run: Reported, judge: dict) -> Iterator[Block]:
    metrics = {name: value for name, value in run.summary.get("metrics", {}).items() if value is not None}
    if not metrics:
        yield paragraph("Nothing was evaluated.", "none")
        return
    measured = run.summary.get("measured_after")
    if measured != run.summary.get("steps"):
        yield paragraph(f"Measured {f'after step {measured}' if measured else 'before training'}.")
    judged = judge.get("metrics", {})
    evaluation = run.record.evaluations[-1] if run.record.evaluations else None
    rows = []
    for name, value in metrics.items():
        found = None if evaluation is None else interval_of(name, evaluation, run)
        between = "" if found is None else f"{found[0]:.4g} to {found[1]:.4g}"
        row = [f"{name} ({unit})" if (unit := figure_unit(name)) else name, value, between]
        rows.append([*row, *([judged.get(name)] if judged else [])])
    header = ["", "measured", "95 % interval", *([f"judged by {judge.get('by', '')}"] if judged else [])]
    yield table(header, rows)
