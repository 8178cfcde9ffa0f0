"""Finds extensions (rules, losses, tasks, parts and so on) by the name given in the configuration.

A name is one of labrig's own, an entry point of an installed package, or a dotted path `module:Class`.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

from labrig.quantities import as_written

Kind = TypeVar("Kind")


_imported: set[str] = set()
"""Top-level modules and packages that dotted paths name, or that their import has imported."""


class UnknownExtension(ValueError):
    """There is no extension of this name, or it is of the wrong type; the message gives the remedy."""


@dataclass(frozen=True)
class Extensions(Generic[Kind]):
    """The extensions of one kind.

    Parameters
    ----------
    noun : str
        Name of the kind in messages, e.g. 'rule'.
    package : str
        Package with labrig's own extensions, one module each.
    own : mapping
        Name in a configuration → name of the class, for labrig's own extensions. The module has the name in the
        configuration, unless the value is 'module:Class'.
    kind : type
        Base class of every extension of this kind.
    group : str
        Entry-point group of installed packages; by default 'labrig.' and the last part of `package`.
    """

    noun: str
    package: str
    own: Mapping[str, str]
    kind: type[Kind]
    group: str = ""

    def __post_init__(self) -> None:
        if not self.group:
            object.__setattr__(self, "group", f"labrig.{self.package.rpartition('.')[2]}")

    @property
    def _one(self) -> str:
        return f"{'an' if self.noun[0] in 'aeiou' else 'a'} {self.noun}"

    def names(self) -> list[str]:
        """Return all names, labrig's own first; dotted paths are also allowed in `find`."""
        return [*self.own, *sorted({entry.name for entry in installed(self.group)} - set(self.own))]

    def find(self, name: str) -> type[Kind]:
        """Return the class of this name.

        Raises
        ------
        UnknownExtension
            If there is no such class, two packages define it, it cannot be imported, or it has the wrong type.
        """
        if name in self.own:
            module, _, own = self.own[name].rpartition(":")
            return getattr(import_module(f"{self.package}.{module or name}"), own)
        if ":" in name:
            return self._checked(name, self._by_path(name))
        offered = {entry.value: entry for entry in installed(self.group) if entry.name == name}
        if not offered:
            raise UnknownExtension(self._no_such(name))
        if len(offered) > 1:
            raise UnknownExtension(
                f"two installed packages define {self._one} named {name!r} ({', '.join(sorted(offered))}); "
                "uninstall one of them, or use the dotted path"
            )
        value, entry = next(iter(offered.items()))
        try:
            found = entry.load()
        except Exception as error:  # an import may raise anything
            raise UnknownExtension(f"{value} cannot be imported: {type(error).__name__}: {error}") from error
        return self._checked(value, found)

    def _by_path(self, path: str) -> Any:
        module, _, name = path.partition(":")
        before = set(sys.modules)
        try:
            found: Any = import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                raise UnknownExtension(f"{module} cannot be imported: it needs {error.name!r}") from error
            raise UnknownExtension(
                f"there is no module {module!r}; install it, or put it next to the configuration"
            ) from error
        except Exception as error:  # an import may raise anything
            raise UnknownExtension(f"{module} cannot be imported: {type(error).__name__}: {error}") from error
        _imported.update(each.partition(".")[0] for each in {module} | (set(sys.modules) - before))
        if not hasattr(found, name):
            raise UnknownExtension(f"{module} has no {name!r}{_did_you_mean(name, vars(found))}")
        return getattr(found, name)

    def _checked(self, path: str, found: Any) -> type[Kind]:
        if isinstance(found, type) and issubclass(found, self.kind):
            return found
        raise UnknownExtension(
            f"{path} is not {self._one}: it must be a class derived from {self.package}.{self.kind.__name__}"
        )

    def _no_such(self, name: str) -> str:
        names = self.names()
        if len(names) == 1:
            return f"expected {as_written(names[0])}, got {as_written(name)}"
        return f"{as_written(name)} is not one of {', '.join(map(as_written, names))}{_did_you_mean(name, names)}"


@cache
def installed(group: str) -> tuple[EntryPoint, ...]:
    """Return the entry points of a group in all installed packages; cached, because reading them takes 10 ms."""
    return tuple(entry_points(group=group))


def search_beside(folder: Path) -> None:
    """Make modules in this folder importable by dotted path; installed modules of the same name come first."""
    path = str(folder.resolve())
    if path not in sys.path:
        sys.path.append(path)


def modules_beside(folder: Path) -> list[Path]:
    """Return the files and package folders in `folder` that dotted paths have imported, in order."""
    beside = folder.resolve()
    found: set[Path] = set()
    for name in _imported:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is not None:
            path = Path(file).resolve()
            path = path.parent if path.name == "__init__.py" else path
            if path.parent == beside:
                found.add(path)
    return sorted(found)


def _did_you_mean(name: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
