"""Formats results as readable text."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

FIGURES_APART = ", "


def table(header: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Return a table with left-aligned columns, two spaces apart.

    If `width` is given, the last column is wrapped so that no line is longer; it keeps at least 20 characters.
    """
    widths = [max(len(row[k]) for row in [header, *rows]) for k in range(len(header))]
    room = widths[-1] if width is None else max(20, width - sum(widths[:-1]) - 2 * (len(widths) - 1))
    widths[-1] = min(widths[-1], room)
    lines: list[Sequence[str]] = [header, ["─" * width for width in widths]]
    for row in rows:
        first, *more = textwrap.wrap(row[-1], widths[-1]) or [""] if len(row[-1]) > widths[-1] else [row[-1]]
        lines.append([*row[:-1], first])
        lines += [[*[""] * (len(row) - 1), rest] for rest in more]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in lines
    )


def confusion_table(confusion: Mapping[str, Any]) -> list[str]:
    """Return the lines of a confusion matrix: rows are the true classes, columns the classes that the board gave."""
    classes = confusion["classes"]
    rows = [[name, *map(str, row)] for name, row in zip(classes, confusion["counts"], strict=True)]
    return table(["true \\ read", *classes], rows).splitlines()


def readable(values: dict[str, Any], above: str = "") -> list[tuple[str, str]]:
    """Flatten nested maps to (name, value) rows: ("task.target_v", "0.06"); None and empty lists are left out."""
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{above}{key}"
        if isinstance(value, dict):
            rows += readable(value, f"{name}.")
        elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
            rows += readable({str(number): item for number, item in enumerate(value)}, f"{name}.")
        elif value is not None and value != []:
            rows.append((name, ", ".join(map(_plain, value)) if isinstance(value, list) else _plain(value)))
    return rows


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format(value, ".6g") if isinstance(value, float) else str(value)


def outcome_text(outcome: dict[str, Any]) -> str:
    """Return the summary printed at the end of a run."""
    from labrig.runs.units import counted

    lines = [f"{outcome['event']} after {counted(outcome['steps'], 'step')}: {outcome['run']}"]
    if outcome.get("measurement"):
        lines.append(f"  gradients: {outcome['measurement']}")
    if outcome["evaluated_at_step"] not in (None, outcome["steps"]):
        lines.append(f"  measured at step {outcome['evaluated_at_step']}:")
    judged = outcome.get("judge") or {"by": "", "metrics": {}}
    for name, value in outcome["metrics"].items():
        if value is not None:
            beside = judged["metrics"].get(name)
            more = "" if beside is None else f"{judged['by']} {beside:.6g}"
            lines.append(f"  {name:<18} {value:<13.6g} {more}".rstrip())
    lines += [f"  target reached: {line}" for line in outcome.get("reached", ())]
    lines.append(
        f"  {outcome['acquisitions']} acquisitions for training, {outcome['evaluation_acquisitions']} for evaluation; "
        + _durations(outcome)
    )
    if cost := _cost_of_faults(outcome):
        lines.append(f"  {cost}")
    lines += [f"  {path}" for path in outcome.get("plots", ())]
    if outcome.get("plots_skipped"):
        lines.append(f"  plots skipped; draw them with `labrig show {outcome['run']} --plot`")
    elif outcome["steps"] and not outcome.get("plots"):
        lines.append(f"  pictures: labrig show {outcome['run']} --plot")
    if outcome["event"] == "interrupted":
        lines.append(f"  continue with: labrig resume {outcome['run']}")
    return "\n".join(lines)


def _durations(outcome: Mapping[str, Any]) -> str:
    """Return the wall time of this session, and the bench time of all sessions together."""
    here, bench = f"{outcome['wall_s']:.1f} s", f"{outcome['bench_s']:.1f} s on the bench"
    return f"{here} in this session; {bench} in all" if outcome.get("resumed") else f"{here} wall time, {bench}"


def _cost_of_faults(outcome: Mapping[str, Any]) -> str:
    """Return in words how many edges were masked, batches left out and measurements repeated; "" if none."""
    from labrig.runs.units import counted

    masked, left_out = outcome.get("edges_masked", 0), outcome.get("batches_left_out", 0)
    costs = [f"{masked} of {outcome['edges']} edges masked"] if masked else []
    if left_out:
        costs.append(f"{counted(left_out, 'batch', 'batches')} left out")
    if repetitions := outcome.get("repetitions", 0):
        costs.append(f"{counted(repetitions, 'measurement')} repeated after a fault")
    return "; ".join(costs) + f": labrig show {outcome['run']}" if costs else ""


def figures(metrics: Mapping[str, float | None]) -> str:
    """Return, in one line, the metrics that have a value."""
    return FIGURES_APART.join(f"{name} {value:.4g}" for name, value in metrics.items() if value is not None)
