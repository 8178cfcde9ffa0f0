"""Reads a configuration file and merges it over all files that it extends."""

from __future__ import annotations

import difflib
import os.path
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

from labrig.config import overrides as command_line
from labrig.config.document import Document
from labrig.config.marked import Marked
from labrig.config.merging import merge
from labrig.config.problems import ConfigProblems, Mark, Problems
from labrig.config.reading import Source, check_name, compose, find_file, read_text
from labrig.config.wiring import expand_wiring
from labrig.errors import ConfigError
from labrig.quantities import as_written, escape_hint

_LONGEST_CHAIN = 16


def load_document(
    path: str | pathlib.Path, *, packaged: pathlib.Path | None, overrides: Sequence[str] = ()
) -> Document:
    """Read a configuration with everything it extends, then apply `--set` overrides in their order.

    Problems are collected in the document, not raised.

    Parameters
    ----------
    path : str or Path
        A relative path is looked up as given, then in `packaged`; '.yaml' may be omitted.
    packaged : Path or None
        Folder of the configurations that come with labrig.
    overrides : sequence of str
        'KEY=VALUE', applied in order.

    Raises
    ------
    ConfigError
        If the file cannot be read as text.
    UsageError
        If an override is malformed.
    """
    for text in overrides:
        command_line.parse_override(text)
    places = [pathlib.Path(), packaged]
    found = find_file(str(path), places)
    if found is None and not pathlib.Path(path).suffix:
        found = find_file(f"{path}.yaml", places)
    found = found or pathlib.Path(path)
    check_name(found.absolute())
    if packaged is not None and not os.path.exists(found) and os.path.isdir(found.parent):
        if len(found.parts) > 1:
            close = _alike(found.name, sorted(found.parent.glob("*.yaml")))
            where = f"No such file in {found.parent}{close}"
            raise ConfigError(f"cannot read {found}: {where}", remedy=None if close else "check the path")
        where = "No such file here or among the configurations that come with labrig"
        raise ConfigError(f"cannot read {found}: {where}{_packaged_in_words(found.name, packaged)}")
    read = _Files(packaged)
    read.problems.add_source(command_line.FILE, "\n".join(overrides))
    root = read.tree(found, read_text(found), ())
    if root is None:
        root = Marked({}, Mark(str(found), 1, 1), None, f"{found}:1")
    for number, text in enumerate(overrides, start=1):
        root = command_line.apply_override(root, text, number, read.problems)
    return Document(root, read.problems, found, tuple(read.files), packaged, read.broken)


@dataclass
class _Files:
    """Reads files and merges them into one tree."""

    packaged: pathlib.Path | None
    problems: Problems = field(default_factory=Problems)
    files: list[pathlib.Path] = field(default_factory=list)
    trees: dict[pathlib.Path, Marked | None] = field(default_factory=dict)
    broken: bool = False

    def tree(self, path: pathlib.Path, text: str, above: tuple[pathlib.Path, ...]) -> Marked | None:
        """Return the tree of a file merged over all files it extends; `above` are the resolved files that extend it."""
        file = str(path)
        if path not in self.files:
            self.files.append(path)
        self.problems.add_source(file, text)
        found = len(self.problems)
        root = compose(text, Source(file), self.problems)
        if root is None or not isinstance(root.value, dict):
            self.broken = True
            if len(self.problems) == found:
                mark, what = Mark(file, 1, 1), "the file is empty"
                if root is not None and root.value is not None:
                    mark, what = root.mark, f"expected keys and values, got {as_written(root.value)}"
                self.problems.add(mark, (), f"{what}; start from an example, e.g. 'extends: [iris.yaml]'")
            return None
        entries = dict(root.value)
        extends = entries.pop("extends", None)
        if "wiring" in entries:
            entries["wiring"] = expand_wiring(entries["wiring"], self.problems)
        bases = self._bases(extends, path, (*above, path.resolve())) if extends else []
        return reduce(merge, [*bases, replace(root, value=entries)])

    def _bases(self, extends: Marked, path: pathlib.Path, above: tuple[pathlib.Path, ...]) -> list[Marked]:
        names = extends.value if isinstance(extends.value, list) else [extends]
        bases = []
        for index, name in enumerate(names):
            place = ("extends", index) if isinstance(extends.value, list) else ("extends",)
            try:
                base = self._base(name, path, above)
            except ConfigProblems as error:
                self.broken = True
                for problem in error.problems:
                    self.problems.add(problem.mark, problem.path, problem.message)
                continue
            except ConfigError as error:
                self.broken = True
                self.problems.add(name.mark, place, str(error))
                continue
            bases += [base] if base else []
        return bases

    def _base(self, name: Marked, path: pathlib.Path, above: tuple[pathlib.Path, ...]) -> Marked | None:
        """Return the tree of one extended file; raises ConfigError if it does not exist or extends this file."""
        if not isinstance(name.value, str):
            raise ConfigError(f"expected the name of a file, got {as_written(name.value)}")
        found = find_file(name.value, [path.parent, self.packaged])
        if found is None:
            places = f"in {path.parent}" + (" or among the packaged configurations" if self.packaged else "")
            raise ConfigError(f"there is no file {as_written(name.value)} {places}{escape_hint(name.value)}")
        if found.resolve() in above:
            raise ConfigError(f"{as_written(name.value)} extends itself, directly or through other files; remove it")
        if len(above) > _LONGEST_CHAIN:
            raise ConfigError(f"more than {_LONGEST_CHAIN} files extend one another in a chain; extend fewer files")
        if found.resolve() not in self.trees:
            self.trees[found.resolve()] = self.tree(found, read_text(found), above)
        return self.trees[found.resolve()]


def _packaged_in_words(name: str, packaged: pathlib.Path) -> str:
    """Return a hint that names a similar file here or among the packaged configurations, or all of the latter."""
    names = sorted(packaged.glob("*.yaml"))
    every = f" ({', '.join(path.name for path in names)})" if names else ""
    return _alike(name, [*sorted(pathlib.Path().glob("*.yaml")), *names]) or every


def _alike(name: str, files: Sequence[pathlib.Path]) -> str:
    """Return '; did you mean 'iris.yaml'?' if one of the files has a similar name, else ''."""
    close = difflib.get_close_matches(name.partition(".")[0], [path.stem for path in files], 1, 0.6)
    return f"; did you mean '{close[0]}.yaml'?" if close else ""
