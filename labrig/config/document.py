"""A configuration as read: the merged tree of a file and all it extends, overrides applied, with every place."""

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
    """The file the user named, as found."""
    files: tuple[pathlib.Path, ...]
    """Every file that was read, in order."""
    packaged: pathlib.Path | None
    """The folder of the configurations that come with labrig."""
    broken: bool
    """A file could not be read or is not YAML, so keys missing from the tree are not reported."""
    located: dict[Mark, pathlib.Path] = field(default_factory=dict)
    """Every data file that was found, by the mark of the value that names it."""
    warnings: list[Problem] = field(default_factory=list)
    """What is probably a mistake, but does not stop a run."""

    @property
    def directory(self) -> pathlib.Path:
        """The folder of the file the user named."""
        return self.path.parent

    def get(self, path: TreePath) -> Marked | None:
        """Return the value at a path, or None."""
        node, followed = descend(self.root, path)
        return node if followed == len(path) else None

    def mark_of(self, path: TreePath) -> Mark:
        """Return where the value at a path starts or, if there is none, where its deepest existing ancestor starts."""
        return descend(self.root, path)[0].mark

    def key_mark_of(self, path: TreePath) -> Mark:
        """Return where the key of the value at a path starts; for a list item or a missing value as `mark_of`."""
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
        found = find_file(name, [*folders, self.packaged])
        if found is not None and mark is not None:
            self.located[mark] = found
        return found
