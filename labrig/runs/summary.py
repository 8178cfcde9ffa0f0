"""What a run's folder says of its run, in a few figures."""

from __future__ import annotations

from typing import Any

from labrig.runs.folder import RunFolder
from labrig.runs.journal import read_journal


def summarize(folder: RunFolder) -> dict[str, Any]:
    """run, name, seed, state, reason (why it failed or what it missed, else empty), steps, last metrics.

    state: "finished", "interrupted", "failed", or "unfinished" for a run that goes on or was killed.
    """
    meta, record = folder.meta(), read_journal(folder.journal)
    ends = [(event, detail) for _, event, detail in record.events if event in ("finished", "interrupted", "failed")]
    state, outcome = ends[-1] if ends else ("unfinished", {})
    last = record.evaluations[-1].metrics if record.evaluations else {}
    reason = outcome.get("message") or "; ".join(outcome.get("missed", ()))
    not_safe = dict.fromkeys(each["device"] or each["message"] for each in outcome.get("not_made_safe", ()))
    if not_safe:
        reason = f"{reason}; not made safe: {', '.join(not_safe)}"
    return {
        "run": str(folder.path),
        "name": meta["name"],
        "seed": meta["seed"],
        "state": state,
        "reason": reason,
        "steps": len(record.step),
        "metrics": outcome.get("metrics") or last,
    }
