"""Finds extensions (rules, losses, tasks, parts and so on) by the name given in the configuration.

A name is one of labrig's own, an entry point of an installed package, or a dotted path `module:Class`.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

from labrig.config.messages import did_you_mean
from labrig.quantities import as_written

Kind = TypeVar("Kind")


_imported: set[str] = set()
"""Top-level modules and packages that dotted paths have named, or that were imported along with them."""

_named: set[str] = set()
"""Top-level modules and packages of third-party classes."""

COMES_WITH_LABRIG = frozenset({"labrig", "labrig_drivers"})


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
            remedy = "install it, or put it next to the configuration"
            if module in self.names():  # in YAML, `{open:out0}` has a key "open:out0" and no value
                remedy = f"if you meant {module!r}, write a space after the colon: '{module}: {name}'"
            raise UnknownExtension(f"there is no module {module!r}; {remedy}") from error
        except Exception as error:  # an import may raise anything
            raise UnknownExtension(f"{module} cannot be imported: {type(error).__name__}: {error}") from error
        _imported.update(each.partition(".")[0] for each in {module} | (set(sys.modules) - before))
        if not hasattr(found, name):
            raise UnknownExtension(f"{module} has no {name!r}{did_you_mean(name, list(vars(found)))}")
        return getattr(found, name)

    def _checked(self, path: str, found: Any) -> type[Kind]:
        if isinstance(found, type) and issubclass(found, self.kind):
            if missing := sorted(getattr(found, "__abstractmethods__", ())):
                raise UnknownExtension(f"{path} cannot be used: it does not define {', '.join(missing)}")
            _named.update({found.__module__.partition(".")[0]} - COMES_WITH_LABRIG)
            return found
        raise UnknownExtension(
            f"{path} is not {self._one}: it must be a class derived from {self.package}.{self.kind.__name__}"
        )

    def _no_such(self, name: str) -> str:
        names = self.names()
        if len(names) == 1:
            return f"expected {as_written(names[0])}, got {as_written(name)}"
        return f"{as_written(name)} is not one of {', '.join(map(as_written, names))}{did_you_mean(name, names)}"


@cache
def installed(group: str) -> tuple[EntryPoint, ...]:
    """Return the entry points of a group in all installed packages; cached, because reading them takes 10 ms."""
    return tuple(entry_points(group=group))


def is_third_party(found: type) -> bool:
    """Return whether a class does not come with labrig."""
    return found.__module__.partition(".")[0] not in COMES_WITH_LABRIG


def place_in_third_party(error: BaseException) -> str:
    """Return the line in the user's own module that raised an error or led to it; empty if there is none.

    The user's own modules are those that a configuration names, and those in the same folders.
    """
    folders = {Path(file).parent for module in _named if (file := getattr(sys.modules.get(module), "__file__", None))}
    place = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        top, file = str(frame.f_globals.get("__name__")).partition(".")[0], Path(frame.f_code.co_filename)
        if top in _named or (top not in COMES_WITH_LABRIG and file.parent in folders):
            place = f"{file.name}, line {line}, in {frame.f_code.co_name}"
    return place


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
