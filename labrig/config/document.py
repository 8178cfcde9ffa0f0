"""A configuration as read: a file merged over all files that it extends, with overrides applied and places recorded."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass, field

from labrig.config import overrides as command_line
from labrig.config.marked import Marked, descend, plain
from labrig.config.problems import Mark, Problem, Problems, TreePath, render_path
from labrig.config.reading import find_file

__all__ = ["Document", "Marked", "plain"]


@dataclass(frozen=True)
class Document:
    """The tree of a configuration and its problems so far; later checks add to `problems`."""

    root: Marked
    """A map, empty if nothing could be read."""
    problems: Problems
    path: pathlib.Path
    """The file that the user named, as it was found."""
    files: tuple[pathlib.Path, ...]
    """Every file that was read, in order."""
    packaged: pathlib.Path | None
    """The folder of the configurations that come with labrig."""
    broken: bool
    """Whether a file could not be read or is not YAML; keys missing from the tree are then not reported."""
    located: dict[Mark, pathlib.Path] = field(default_factory=dict)
    """Every data file that was found, by the mark of the value that names it."""
    warnings: list[Problem] = field(default_factory=list)
    """Probable mistakes that do not stop a run."""

    @property
    def directory(self) -> pathlib.Path:
        """The folder of the file that the user named."""
        return self.path.parent

    def get(self, path: TreePath) -> Marked | None:
        """Return the value at a path, or None."""
        node, followed = descend(self.root, path)
        return node if followed == len(path) else None

    def mark_of(self, path: TreePath) -> Mark:
        """Return where the value at a path starts or, if it is missing, where its deepest existing ancestor starts."""
        return descend(self.root, path)[0].mark

    def key_mark_of(self, path: TreePath) -> Mark:
        """Return where the key of the value at a path starts; for list items and missing values, as `mark_of`."""
        node, _ = descend(self.root, path)
        return node.key_mark or node.mark

    def report(self, path: TreePath, message: str, *, at_key: bool = False) -> None:
        """Add a problem at the value of a path, or at its key."""
        self.problems.add(self.key_mark_of(path) if at_key else self.mark_of(path), path, message)

    def warn(self, path: TreePath, message: str) -> None:
        """Add a warning at the value of a path."""
        warning = Problem(self.mark_of(path), render_path(path), message)
        if warning not in self.warnings:
            self.warnings.append(warning)

    def locate(self, name: str, named_at: Marked | Mark | None = None) -> pathlib.Path | None:
        """Find the data file that a value names; return None if it does not exist.

        The file is looked up next to the configuration file that names it, then among the packaged files. If a value on
        the command line names it, it is looked up in the working directory, then next to the user's file, then among
        the packaged files.

        Parameters
        ----------
        name : str
            A relative or absolute path.
        named_at : Marked or Mark, optional
            The value that names the file; by default it is looked up as if the user's file named it.
        """
        mark = named_at.mark if isinstance(named_at, Marked) else named_at
        if mark is None:
            folders = [self.directory]
        elif mark.file == command_line.FILE:
            folders = [pathlib.Path(), self.directory]
        else:
            folders = [pathlib.Path(mark.file).parent]
        found = find_file(name, [*folders, self.packaged])
        if found is not None and mark is not None:
            self.located[mark] = found
        return found

    def searched(self, named_at: Marked | Mark | None) -> str:
        """Return the places where `locate` looks for the file that a value names, in words for a message."""
        mark = named_at.mark if isinstance(named_at, Marked) else named_at
        folder = "next to the configuration that names it"
        if mark is not None and mark.file == command_line.FILE:
            folder = "in the working directory, next to the configuration,"
        return f"{folder} or among the files that come with labrig"
