"""New data for a trained board: read with the columns and classes of the run, scaled as its training examples were."""

from __future__ import annotations

import os.path
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from labrig.assembly import Assembly
from labrig.assembly.sections.task import section_model
from labrig.config.csv_table import TableError, read_csv
from labrig.config.document import Document
from labrig.config.overrides import FILE
from labrig.config.problems import ConfigProblems, Mark, Problem, Problems, TreePath, render_path
from labrig.errors import ConfigError, UsageError
from labrig.learning.tasks import TASKS
from labrig.quantities import as_written
from labrig.runs.journal import Terminal

_POSITIVE = " (+)"
"""Ending of the name of the first of two outputs of a class."""


@dataclass(frozen=True)
class NewData:
    """A CSV file that replaces the data file of a task.

    Parameters
    ----------
    file : Path
        The file, as the user names it.
    document : Document
        The configuration of the board.
    trained_with : sequence of Terminal
        The inputs and outputs of the run.
    overrides : sequence of str
        Overrides of the user; a split among them is kept.
    """

    file: Path
    document: Document
    trained_with: Sequence[Terminal]
    overrides: Sequence[str]

    def check_file(self) -> None:
        """Raise ConfigError unless the path is a file that can be read more than once."""
        if self.file.is_dir():
            raise ConfigError(f"--data: {as_written(str(self.file))} is a folder", remedy="name the CSV file in it")
        if not self.file.exists():
            raise ConfigError(f"--data: there is no file {as_written(str(self.file))}")
        if not self.file.is_file():
            what = f"--data: {as_written(str(self.file))} is a pipe or a device, which cannot be read twice"
            raise ConfigError(what, remedy="write the data to a file, and name that file")

    def settings(self) -> dict[str, object]:
        """Return the overrides that read the new data: the file, its columns and classes, their scaling, and the split.

        Raises UsageError if the task has no data file.
        """
        path = self._key()
        task = TASKS.find(str(path[1]))
        options = task.Options.model_fields
        ranges = {
            each.name: [each.low, each.high]
            for each in self.trained_with
            if each.kind in ("feature", "column") and each.low is not None
        }
        more: dict[str, object] = {
            render_path(path): os.path.abspath(self.file),
            "task.encode.ranges": ranges,
        }
        if "features" in options:
            more[render_path((*path[:2], "features"))] = self._features
        if "classes" in options:
            more[render_path((*path[:2], "classes"))] = self._classes
        everything = getattr(section_model(task, "split"), "all_tested", None)
        if everything is not None and not any(text.startswith("task.split") for text in self.overrides):
            more["task.split"] = everything
            target = self.document.get(("task", "target"))
            goals = target.value if target is not None and isinstance(target.value, dict) else {}
            more |= {f"task.target.{key}": None for key in goals if not key.startswith("test_")}
        return more

    def blamed(self, error: ConfigProblems) -> ConfigProblems:
        """Return problems of a configuration with these settings; the place of problems with the data is `--data`."""
        problems, data = Problems(), False
        task = self._key()[:2]
        own = (render_path((*task, "data")), render_path((*task, "label")))
        for each in error.problems:
            if self._mine(each.mark) or each.path.startswith(own):
                problems.add(None, "--data", each.message)
                data = True
            else:
                problems.add(each.mark, each.path, each.message)
        if not data:
            return error
        columns = [*self._features, *(each.name for each in self.trained_with if each.kind == "column")]
        classes = f", and a column with the classes {', '.join(self._classes)}" if self._classes else ""
        problems.note(f"--data needs the columns used in training: {', '.join(columns)}{classes}")
        return ConfigProblems(list(problems), problems.render())

    def note(self, assembly: Assembly) -> None:
        """Give `--data` as the place of warnings about these settings, and add a warning about unused columns."""
        warnings = assembly.document.warnings
        warnings[:] = [Problem(None, "--data", w.message) if self._mine(w.mark) else w for w in warnings]
        label = self.document.get((*self._key()[:2], "label"))
        used = [*(each.name for each in self.trained_with), *([label.value] if label is not None else [])]
        with suppress(TableError):
            unused = [name for name in read_csv(self.file).columns if name not in used]
            if label is not None and unused:
                names = ", ".join(map(as_written, unused))
                message = f"{self.file.name}: columns not used in training are ignored: {names}"
                warnings.append(Problem(None, "--data", message))

    @property
    def _features(self) -> list[str]:
        return [each.name for each in self.trained_with if each.kind == "feature"]

    @property
    def _classes(self) -> list[str]:
        """The classes in the order of the outputs; a class has one or two outputs."""
        names = [each.name for each in self.trained_with if each.kind == "class"]
        differential = bool(names) and len(names) % 2 == 0 and all(name.endswith(_POSITIVE) for name in names[::2])
        return [name.removesuffix(_POSITIVE) for name in names[::2]] if differential else names

    def _mine(self, mark: Mark | None) -> bool:
        return mark is not None and mark.file == FILE and mark.line > len(self.overrides)

    def _key(self) -> TreePath:
        """Return the path of the task's data file."""
        task = self.document.get(("task",))
        for kind, below in (task.value if task is not None and isinstance(task.value, dict) else {}).items():
            data = below.child("data")
            if data is not None and data.value is not None:
                return ("task", kind, "data", *(("file",) if isinstance(data.value, dict) else ()))
        raise UsageError("--data: the task of this configuration has no data file")
