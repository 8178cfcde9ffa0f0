"""How the tree of a file is laid over the tree of the file it extends."""

from __future__ import annotations

from dataclasses import replace

from labrig.config.marked import Marked
from labrig.config.problems import TreePath

BUILDERS = frozenset({"layered", "grid", "edges", "netlist"})
BESIDE_A_TASK = frozenset({"split", "encode", "target"})


def _is_choice(section: str, key: str) -> bool:
    """Whether a key of `network` or `task` is one of a family of which only one can stand there.

    Every key of `task` names a task, also one that somebody else brings, but for the sections that tasks share.
    """
    return key in BUILDERS if section == "network" else section == "task" and key not in BESIDE_A_TASK


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
    if len(path) != 1 or not any(_is_choice(str(path[0]), key) for key in named):
        return entries
    return {key: value for key, value in entries.items() if not _is_choice(str(path[0]), key) or key in named}


def _is_another_driver(base: Marked, over: Marked, path: TreePath) -> bool:
    if len(path) != 2 or path[0] != "instruments":
        return False
    before, after = base.child("driver"), over.child("driver")
    return before is not None and after is not None and before.value != after.value
