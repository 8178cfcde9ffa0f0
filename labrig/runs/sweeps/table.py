"""The table of a sweep: a row for each trial, read from the folders of the trials each time.

sweep.json    name, configuration, keys, and every trial with its values
sweep.csv     the table, written at the end
sweep.png     the metrics over the values of each key
*/            a run folder for each trial
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labrig.errors import StorageError
from labrig.files import content_of
from labrig.json_text import json_text
from labrig.runs.folder import RunFolder, run_at
from labrig.runs.summary import summarize

RECORD = "sweep.json"
TABLE = "sweep.csv"
PICTURE = "sweep.png"
JUDGED = "judge_"
"""Prefix of the names of metrics that come from the judge or the truth of the simulated board."""


@dataclass(frozen=True)
class Table:
    """The trials of a sweep.

    Parameters
    ----------
    folder : Path
        Folder of the sweep.
    keys : tuple of str
        Names of the keys that were varied.
    figures : tuple of str
        Names of the metrics that were measured.
    rows : tuple of dict
        One per trial, with trial, state, reason, seed, steps, the keys and the metrics. A metric is None if the trial
        does not have it.
    """

    folder: Path
    keys: tuple[str, ...]
    figures: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return ("trial", "state", *self.keys, "seed", "steps", *self.figures, "reason")

    def csv(self) -> str:
        """Return the table as CSV. It contains no times and no paths, so equal sweeps have equal tables."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        for row in self.rows:
            writer.writerow([_cell(row.get(name)) for name in self.columns])
        return text.getvalue()

    def means(self) -> list[dict[str, Any]]:
        """Return a row for each combination of values: number of finished trials, and the mean of each metric."""
        groups: dict[str, list[dict[str, Any]]] = {}
        for row in self.rows:
            groups.setdefault(json.dumps([row[key] for key in self.keys]), []).append(row)
        found = []
        for rows in groups.values():
            line: dict[str, Any] = {key: rows[0][key] for key in self.keys}
            line["finished"] = sum(row["state"] in ("finished", "missed") for row in rows)
            line["trials"] = len(rows)
            for name in self.figures:
                values = [row[name] for row in rows if row.get(name) is not None]
                line[name] = sum(values) / len(values) if values else None
            found.append(line)
        return found


def write_record(folder: Path, name: str, config: Path, keys: Sequence[str], trials: Sequence[dict[str, Any]]) -> None:
    """Create the folder of a sweep and write the list of its trials; raises StorageError if that fails."""
    record = {"name": name, "config": str(config), "keys": list(keys), "trials": list(trials)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot create {folder}: {error.strerror}", remedy="choose another --runs-dir") from error
    RunFolder(folder).write_text(RECORD, json_text(record, indent=1, ensure_ascii=False) + "\n")


def read_table(folder: Path, failures: Mapping[str, str] | None = None) -> Table:
    """Read the current state of the trials of a sweep.

    Parameters
    ----------
    folder : Path
        Folder of the sweep.
    failures : mapping, optional
        Reason why a trial failed, by its name, for trials whose own folder does not say it.

    Raises
    ------
    StorageError
        If the folder is not that of a sweep.
    """
    try:
        record = json.loads(content_of(folder / RECORD))
        keys = tuple(map(str, record["keys"]))
        trials = [(str(each["name"]), int(each["seed"]), dict(each["values"])) for each in record["trials"]]
    except OSError as error:
        remedy = "name the folder that `labrig sweep` printed"
        raise StorageError(f"{folder} is not the folder of a sweep: {error.strerror}", remedy=remedy) from error
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{folder / RECORD} is damaged", remedy="run the same sweep again") from error
    rows, figures = [], dict[str, None]()
    for name, seed, values in trials:
        found = _summary(folder / name)
        reason = found["reason"] or (failures or {}).get(name, "")
        state = "failed" if name in (failures or {}) and found["state"] == "missing" else found["state"]
        judged = (found["judge"] or {}).get("metrics", {})
        measured = found["metrics"] | {f"{JUDGED}{key}": value for key, value in judged.items()}
        figures |= dict.fromkeys(measured)
        about = {"trial": name, "state": state, "reason": reason, "seed": seed, "steps": found["steps"]}
        rows.append({**measured, **values, **about})
    return Table(folder, keys, tuple(figures), tuple({**dict.fromkeys(figures), **row} for row in rows))


def _summary(path: Path) -> dict[str, Any]:
    run = run_at(path, path)
    nothing: dict[str, Any] = {"state": "missing", "reason": "", "steps": None, "metrics": {}, "judge": None}
    if run is None:
        return nothing
    try:
        return summarize(run)
    except StorageError as error:
        return nothing | {"state": "damaged", "reason": str(error)}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json_text(value, ensure_ascii=False)
