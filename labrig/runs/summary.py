"""Summaries of runs, from their folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from labrig.errors import StorageError
from labrig.runs.folder import CONFIG, JOURNAL, META, RunFolder, list_runs
from labrig.runs.journal import Event, NewerJournal, Overview, read_overview
from labrig.runs.lock import is_being_written
from labrig.runs.notes import read_notes, tags_of
from labrig.runs.units import counted

ENDS = ("finished", "interrupted", "failed")
STATES = {
    "finished": "finished",
    "missed": "finished, target missed",
    "interrupted": "interrupted",
    "failed": "failed",
    "running": "running",
    "killed": "killed",
    "damaged": "damaged",
    "newer": "written by a newer labrig",
}
"""Every state of a run, in words. A run without an end that no process is writing any more was killed."""
LOST = "the potentiometers lost their settings"
"""Reason why a step or an evaluation was repeated."""


def summarize(folder: RunFolder) -> dict[str, Any]:
    """Summarize a run, in a time that does not depend on its number of steps.

    Returns
    -------
    dict
        run, name, seed, began, state, reason (why the run failed or which goals it missed), steps, metrics (of the
        last evaluation), measured_after (number of steps before that evaluation; None if there was none), judge and
        score_differs (the judged score, as in the last line of a run; None if it was not judged), events, notes and
        tags. The state is one of STATES; "missed" means finished without reaching its goals. name, seed and began are
        None if the run ended while its instruments were being opened.

    Raises
    ------
    StorageError
        If the folder is damaged.
    """
    try:
        return _plausible(_summarized(folder))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise StorageError(
            f"{folder.path} contains something that labrig never writes ({type(error).__name__}: {error})",
            remedy="restore it from a copy",
        ) from error


def _plausible(summary: dict[str, Any]) -> dict[str, Any]:
    """Check the types of the values that are shown; raises TypeError for wrong ones."""
    for key in ("name", "began", "reason"):
        if not isinstance(summary[key], str | None):
            raise TypeError(f"{key} is not text")
    if not isinstance(summary["metrics"], dict):
        raise TypeError("the metrics are not a map")
    for name, value in summary["metrics"].items():
        if not isinstance(value, int | float | None):
            raise TypeError(f"{name} is not a number")
    return summary


def _summarized(folder: RunFolder) -> dict[str, Any]:
    # Check the lock before the journal: if the run ends in between, its end is in the journal.
    running = is_being_written(folder.journal)
    overview = _overview(folder)
    notes = read_notes(folder)
    state, outcome = last_end(overview.events) or ("running" if running else "killed", {})
    missed = outcome.get("missed", ())
    before_its_description = not (folder.path / META).exists() and not overview.steps and state != "finished"
    meta = {} if before_its_description else folder.meta()
    reason = outcome.get("message") or "; ".join(missed)
    not_safe = dict.fromkeys(each["device"] or each["message"] for each in outcome.get("not_made_safe", ()))
    if not_safe:
        reason = f"{reason}; not made safe: {', '.join(not_safe)}"
    return {
        "run": str(folder.path),
        "name": meta.get("name"),
        "seed": meta.get("seed"),
        "began": meta.get("began"),
        "state": "missed" if missed and state == "finished" else state,
        "reason": reason,
        "steps": overview.steps,
        "metrics": outcome.get("metrics") or (overview.evaluation.metrics if overview.evaluation else {}),
        "measured_after": overview.evaluation.step if overview.evaluation else None,
        "judge": outcome.get("judge"),
        "score_differs": outcome.get("score_differs"),
        "events": _events(overview),
        "notes": [note.to_json() for note in notes],
        "tags": tags_of(notes),
    }


def last_end(events: Sequence[Event]) -> tuple[str, dict[str, Any]] | None:
    """Return the event that ended a run, and its details; None if the run was resumed afterwards, or never ended."""
    end: tuple[str, dict[str, Any]] | None = None
    for _, event, detail, *_ in events:
        if event == "resumed":
            end = None
        elif event in ENDS:
            end = event, detail
    return end


def summaries(runs_dir: Path) -> list[dict[str, Any]]:
    """Summarize every run in a folder, oldest first.

    The state is "damaged" if a folder cannot be read, and "newer" if a newer labrig wrote it; `reason` says why.
    """
    folders = sorted(list_runs(runs_dir), key=_began_s)
    return [_summary_or_damage(folder) for folder in folders]


def state_text(summary: Mapping[str, Any]) -> str:
    """Return the state of a summary in words, with the number of steps and the reason if they are known."""
    words = STATES[summary["state"]]
    if summary.get("steps") is not None:
        words += f"{',' if ',' in words else ''} after {counted(summary['steps'], 'step')}"
    return f"{words}: {summary['reason']}" if summary["reason"] else words


def event_text(event: dict[str, Any]) -> str:
    """Return an event of a summary in words."""
    if event["event"] == "fault":
        return _fault_text(event)
    if event["event"] == "twin":
        return f"twin after step {event['step']}: {event['message']}"
    if event["event"] == "chosen" and event.get("values"):
        return "chosen: " + ", ".join(f"{each['key']} {each['value']}" for each in event["values"])
    if event["event"] != "repeated":
        return f"{event['event']} after step {event['step']}"
    why = event.get("reason", LOST)
    what = f"the evaluation after step {event['step']}" if "evaluation" in event else f"step {event['step']}"
    where = f"{event['instrument']}: " if event.get("instrument") else ""
    refused = f" ({event['error']})" if event.get("error") else ""
    return f"{what} was repeated: {where}{why}{refused}"


DONE = {
    "retry": "measured again",
    "skip": "the batch was left out",
    "mask": "not changed for the rest of the run",
}
"""What was done about a fault, by the recorded action."""


def _fault_text(event: dict[str, Any]) -> str:
    """Return a fault event in words: what happened, what was done about it, and its cost."""
    where = f"{event['device']}: " if event.get("device") else ""
    edges = f"{', '.join(event['edges'])} " if event.get("edges") else ""
    message = f"{where}{event.get('message', '')}"
    cost = event.get("cost", {})
    spent = f"{cost.get('acquisitions', 0)} acquisitions, {cost.get('bench_s', 0.0):.3g} s on the bench"
    done = DONE.get(event.get("action", ""), event.get("action", ""))
    begin = _masked_text(event) if event.get("action") == "mask" else "fault"
    return f"{begin} after step {event['step']}: {message}; {edges}{done} ({spent})"


def _masked_text(event: dict[str, Any]) -> str:
    """Return how many edges are masked after a fault; older runs recorded only those that the fault added."""
    added = len(event.get("edges", ()))
    if "of" not in event:
        return f"{added} edges masked"
    more = f" ({added} more)" if added < event["masked"] else ""
    return f"{event['masked']} of {event['of']} edges masked{more}"


def _events(overview: Overview) -> list[dict[str, Any]]:
    """Return the events of the run; a repeated step has its own number, not that of the last recorded step."""
    events = []
    for step, event, detail, *_ in overview.events:
        if event not in ENDS:
            own = step + 1 if event == "repeated" and "examples" in detail else step
            reason = {"reason": LOST} if event == "repeated" else {}
            events.append({"step": own, "event": event, **reason, **detail})
    return events


def _summary_or_damage(folder: RunFolder) -> dict[str, Any]:
    try:
        return summarize(folder)
    except (StorageError, OSError) as error:
        reason = error.message if isinstance(error, StorageError) else str(error)
        state = "newer" if isinstance(error, NewerJournal) else "damaged"
        nothing = dict.fromkeys(("name", "seed", "began"))
        return {
            "run": str(folder.path), **nothing, "state": state, "reason": reason, "steps": None, "metrics": {},
            "measured_after": None, "judge": None, "score_differs": None, "events": [], "notes": [], "tags": [],
        }  # fmt: skip


def _overview(folder: RunFolder) -> Overview:
    if not folder.journal.is_file():
        raise folder.damaged(JOURNAL, "it is missing")
    return read_overview(folder.journal)


def _began_s(folder: RunFolder) -> float:
    """Return when a run began (s): from its metadata, else from the time stamps of its files."""
    try:
        return datetime.fromisoformat(folder.meta()["began"]).timestamp()
    except (StorageError, KeyError, TypeError, ValueError, OverflowError):
        pass
    for name in (CONFIG, META, JOURNAL):
        try:
            return (folder.path / name).stat().st_mtime
        except OSError:
            continue
    return 0.0
