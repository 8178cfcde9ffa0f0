"""A configuration as read: the merged tree of a file and all it extends, overrides applied, with every place."""

from __future__ import annotations

import difflib
import os.path
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

from labrig.config import overrides as command_line
from labrig.config.marked import Marked, descend, plain
from labrig.config.merging import merge
from labrig.config.problems import ConfigProblems, Mark, Problems, TreePath
from labrig.config.reading import Source, compose, read_text
from labrig.config.wiring import expand_wiring
from labrig.errors import ConfigError
from labrig.quantities import as_written

__all__ = ["Document", "Marked", "load_document", "plain"]


@dataclass(frozen=True)
class Document:
    """The tree of a configuration and its problems so far; later checks add to `problems`."""

    root: Marked
    """A map, empty if nothing could be read."""
    problems: Problems
    path: pathlib.Path
    """The file the user named, as found."""
    files: tuple[pathlib.Path, ...]
    """Every file that was read, in order."""
    packaged: pathlib.Path | None
    """The folder of the configurations that come with labrig."""
    broken: bool
    """A file could not be read or is not YAML, so keys missing from the tree are not reported."""
    located: dict[Mark, pathlib.Path] = field(default_factory=dict)
    """Every data file that was found, by the mark of the value that names it."""

    @property
    def directory(self) -> pathlib.Path:
        """The folder of the file the user named."""
        return self.path.parent

    def get(self, path: TreePath) -> Marked | None:
        """Return the value at a path, or None."""
        node, followed = descend(self.root, path)
        return node if followed == len(path) else None

    def mark_of(self, path: TreePath) -> Mark:
        """Return where the value at a path starts, or its deepest existing ancestor."""
        return descend(self.root, path)[0].mark

    def key_mark_of(self, path: TreePath) -> Mark:
        """Return where the key of the value at a path starts; for a list item or a missing value as `mark_of`."""
        node, _ = descend(self.root, path)
        return node.key_mark or node.mark

    def report(self, path: TreePath, message: str, *, at_key: bool = False) -> None:
        """Add a problem at the value of a path, or at its key."""
        self.problems.add(self.key_mark_of(path) if at_key else self.mark_of(path), path, message)

    def locate(self, name: str, named_at: Marked | Mark | None = None) -> pathlib.Path | None:
        """Find the data file that a value names; None if it does not exist.

        It is looked up next to the configuration file that names it, then among the packaged files. For a value from
        the command line it is looked up in the working directory and next to the user's file instead.

        Parameters
        ----------
        name : str
            A relative or absolute path.
        named_at : Marked or Mark, optional
            The value that names it; by default the user's file counts as naming it.
        """
        mark = named_at.mark if isinstance(named_at, Marked) else named_at
        if mark is None:
            folders = [self.directory]
        elif mark.file == command_line.FILE:
            folders = [pathlib.Path(), self.directory]
        else:
            folders = [pathlib.Path(mark.file).parent]
        found = _find(name, [*folders, self.packaged])
        if found is not None and mark is not None:
            self.located[mark] = found
        return found


def load_document(
    path: str | pathlib.Path, *, packaged: pathlib.Path | None, overrides: Sequence[str] = ()
) -> Document:
    """Read a configuration with everything it extends, then apply `--set` overrides in their order.

    Problems are collected in the document, not raised.

    Parameters
    ----------
    path : str or Path
        A relative path is looked up as given, then in `packaged`.
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
    found = _find(str(path), [pathlib.Path(), packaged]) or pathlib.Path(path)
    if packaged is not None and not os.path.exists(found) and os.path.isdir(found.parent):
        if len(found.parts) > 1:
            raise ConfigError(f"cannot read {found}: No such file in {found.parent}", remedy="check the path")
        where = "No such file here or among the configurations that come with labrig"
        raise ConfigError(f"cannot read {found}: {where}{_packaged_in_words(found.name, packaged)}")
    reading = _Reading(packaged)
    reading.problems.add_source(command_line.FILE, "\n".join(overrides))
    root = reading.tree(found, read_text(found), ())
    if root is None:
        root = Marked({}, Mark(str(found), 1, 1), None, f"{found}:1")
    for number, text in enumerate(overrides, start=1):
        root = command_line.apply_override(root, text, number, reading.problems)
    return Document(root, reading.problems, found, tuple(reading.files), packaged, reading.broken)


@dataclass
class _Reading:
    """Reads files and merges them into one tree."""

    packaged: pathlib.Path | None
    problems: Problems = field(default_factory=Problems)
    files: list[pathlib.Path] = field(default_factory=list)
    trees: dict[pathlib.Path, Marked | None] = field(default_factory=dict)
    broken: bool = False

    def tree(self, path: pathlib.Path, text: str, above: tuple[pathlib.Path, ...]) -> Marked | None:
        """Return the tree of a file merged over all it extends; `above` are the resolved files that extend it."""
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
        """Return the tree of one extended file; ConfigError if it does not exist or extends this one."""
        if not isinstance(name.value, str):
            raise ConfigError(f"expected the name of a file, got {as_written(name.value)}")
        found = _find(name.value, [path.parent, self.packaged])
        if found is None:
            places = f"in {path.parent}" + (" or among the packaged configurations" if self.packaged else "")
            raise ConfigError(f"there is no file {as_written(name.value)} {places}")
        if found.resolve() in above:
            raise ConfigError(f"{as_written(name.value)} extends itself, directly or through others")
        if len(above) > _LONGEST_CHAIN:
            raise ConfigError(f"a chain of more than {_LONGEST_CHAIN} files that extend each other")
        if found.resolve() not in self.trees:
            self.trees[found.resolve()] = self.tree(found, read_text(found), above)
        return self.trees[found.resolve()]


def _packaged_in_words(name: str, packaged: pathlib.Path) -> str:
    """Name the packaged configuration with a similar name, or all of them."""
    names = sorted(path.name for path in packaged.glob("*.yaml"))
    close = difflib.get_close_matches(name.partition(".")[0], [name.partition(".")[0] for name in names], 1, 0.6)
    if close:
        return f"; did you mean '{close[0]}.yaml'?"
    return f" ({', '.join(names)})" if names else ""


_LONGEST_CHAIN = 16


def _find(name: str, folders: Sequence[pathlib.Path | None]) -> pathlib.Path | None:
    """Return the file in the first of the folders that contains it; the name may be an absolute path."""
    for folder in folders:
        if folder is not None:
            candidate = folder / name
            try:
                if candidate.is_file():
                    return candidate
            except (OSError, ValueError):  # a name too long, or with a NUL
                continue
    return None
