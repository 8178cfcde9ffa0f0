"""What the pages of the dashboard show, as plain values."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labrig.dashboard.following import Following
from labrig.errors import LabrigError, StorageError, reason
from labrig.procedures.compare import compare
from labrig.runs.folder import RunFolder, list_runs
from labrig.runs.summary import state_text, summaries

MOST_FOLLOWED = 32
"""Number of runs kept in memory; the least recently viewed one is dropped, and read again when needed."""
_IN_LIST = ("name", "seed", "began", "state", "reason", "steps", "metrics", "measured_after", "tags")


@dataclass
class Views:
    """The runs in a folder.

    Parameters
    ----------
    runs_dir
        The folder of runs.
    only
        The name of the only run that is shown; None for all runs.
    """

    runs_dir: Path
    only: str | None = None
    _followed: dict[str, Following] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _drawing: threading.Lock = field(default_factory=threading.Lock)

    def runs(self) -> dict[str, Any]:
        """Return the runs, the latest first."""
        found = []
        for each in reversed(summaries(self.runs_dir)):
            run = Path(each["run"]).name
            if self.only in (None, run):
                shown = {key: each[key] for key in _IN_LIST}
                found.append({"run": run, "state_text": state_text({**each, "steps": None}), **shown})
        return {"folder": str(self.runs_dir), "runs": found}

    def folder(self, name: str) -> RunFolder | None:
        """Return the run with this name; None if there is none. The name may be any text."""
        if self.only not in (None, name):
            return None
        return next((folder for folder in list_runs(self.runs_dir) if folder.path.name == name), None)

    def follow(self, name: str) -> Following | None:
        """Read what was added to a run, and return all that is known of it; return None if there is no such run."""
        folder = self.folder(name)
        if folder is None:
            return None
        with self._lock:
            following = self._followed.pop(name, None) or Following(folder)
            self._followed[name] = following  # the most recently used run is the last
            while len(self._followed) > MOST_FOLLOWED:
                self._followed.pop(next(iter(self._followed)))
        following.look()
        return following

    def comparison(self, names: tuple[str, str]) -> dict[str, Any] | None:
        """Return two runs side by side: their figures, the differences of their cards, and their curves."""
        followed = {name: self.follow(name) for name in names}
        if None in followed.values():
            return None
        curves: Mapping[str, Any] = {name: each.since(0, 0) for name, each in followed.items() if each is not None}
        try:
            compared = compare([each.folder for each in followed.values() if each is not None]).to_json()
        except (LabrigError, OSError) as error:
            compared = {"problem": reason(error)}
        return {"comparison": compared, "curves": curves}

    def report(self, name: str) -> str | None:
        """Return the report of a run as HTML; None if there is no such run. Raises StorageError if it is unreadable."""
        from labrig.runs.report.page import report_html

        folder = self.folder(name)
        if folder is None:
            return None
        with self._drawing:  # the settings of matplotlib are those of the process
            return report_html(folder)


def views_of(path: Path) -> Views:
    """Return the views of a folder of runs, or of a single run.

    Raises
    ------
    StorageError
        If there is no such folder.
    """
    single = RunFolder(path)
    if single.journal.is_file() or single.has("meta.json"):
        return Views(path.resolve().parent, path.resolve().name)
    if not path.is_dir():
        raise StorageError(f"there is no folder {path}", remedy="name a run, or a folder of runs")
    return Views(path)
