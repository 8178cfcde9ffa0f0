"""Merges the tree of a file over the tree of the file that it extends."""

from __future__ import annotations

from dataclasses import replace

from labrig.config.marked import Marked
from labrig.config.problems import TreePath

BUILDERS = frozenset({"layered", "grid", "edges", "netlist"})
SHARED_TASK_SECTIONS = frozenset({"split", "encode", "target"})

OF_ENTRIES = frozenset({("instruments",), ("wiring",)})
"""Sections whose entries the user names. No entry has a default, so `null` leaves the entry out."""


def _is_choice(section: str, key: str) -> bool:
    """Return whether a key of `network` or `task` is one of several that exclude each other.

    Every key of `task` except the shared sections names a task, including those of other packages.
    """
    return key in BUILDERS if section == "network" else section == "task" and key not in SHARED_TASK_SECTIONS


def merge(base: Marked, over: Marked, path: TreePath = ()) -> Marked:
    """Merge two trees: maps are merged, lists and scalars are replaced by those of `over`.

    An instrument with another `driver` is replaced completely, as its options belong to the driver. In `network` and
    `task`, a choice of network or task replaces the choice in `base`. An instrument or a row of the wiring in `base`
    is left out if it is null in `over`.
    """
    if not isinstance(base.value, dict) or not isinstance(over.value, dict) or _is_another_driver(base, over, path):
        return over
    kept = drop_other_choices(base.value, path, set(over.value))
    merged = dict(kept)
    for key, value in over.value.items():
        if key in kept and value.value is None and path in OF_ENTRIES:
            del merged[key]
        else:
            merged[key] = merge(kept[key], value, (*path, key)) if key in kept else value
    return replace(over, value=merged)


def drop_other_choices(entries: dict[str, Marked], path: TreePath, named: set[str]) -> dict[str, Marked]:
    """Return the entries of the map at `path` without the choices that the keys `named` replace."""
    if len(path) != 1 or not any(_is_choice(str(path[0]), key) for key in named):
        return entries
    return {key: value for key, value in entries.items() if not _is_choice(str(path[0]), key) or key in named}


def _is_another_driver(base: Marked, over: Marked, path: TreePath) -> bool:
    if len(path) != 2 or path[0] != "instruments":
        return False
    before, after = base.child("driver"), over.child("driver")
    return before is not None and after is not None and before.value != after.value
