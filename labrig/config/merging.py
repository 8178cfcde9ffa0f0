"""How the tree of a file is laid over the tree of the file it extends."""

from __future__ import annotations

from dataclasses import replace

from labrig.config.faults import TreePath
from labrig.config.marked import Marked

CHOICES: dict[str, frozenset[str]] = {
    "network": frozenset({"layered", "grid", "edges", "netlist"}),
    "task": frozenset({"classification", "allostery", "regression", "xor", "divider", "sine"}),
}
"""Sections in which one key of a family is chosen; another choice replaces it, they never stand side by side."""


def merge(base: Marked, over: Marked, path: TreePath = ()) -> Marked:
    """Maps deep, lists and scalars replaced by the later file.

    An instrument whose `driver` changes is replaced whole: the options of another driver mean nothing to it. In
    `network` and `task` a different choice drops the base's.
    """
    if not isinstance(base.value, dict) or not isinstance(over.value, dict) or _is_another_driver(base, over, path):
        return over
    kept = drop_other_choices(base.value, path, set(over.value))
    merged = dict(kept)
    for key, value in over.value.items():
        merged[key] = merge(kept[key], value, (*path, key)) if key in kept else value
    return replace(over, value=merged)


def drop_other_choices(entries: dict[str, Marked], path: TreePath, named: set[str]) -> dict[str, Marked]:
    """The entries of the map at `path` without the choices that what is laid over it (`named`) replaces."""
    family = CHOICES.get(str(path[0]), frozenset()) if len(path) == 1 else frozenset()
    if not named & family:
        return entries
    return {key: value for key, value in entries.items() if key not in family or key in named}


def _is_another_driver(base: Marked, over: Marked, path: TreePath) -> bool:
    if len(path) != 2 or path[0] != "instruments":
        return False
    before, after = base.child("driver"), over.child("driver")
    return before is not None and after is not None and before.value != after.value
