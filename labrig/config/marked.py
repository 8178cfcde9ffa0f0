"""The tree of a configuration: each value with the place it was written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labrig.config.problems import Mark, TreePath

Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Marked:
    """A value, where it starts, where its key starts, and where it came from ('iris.yaml:12' or '--set')."""

    value: dict[str, Marked] | list[Marked] | Scalar
    mark: Mark
    key_mark: Mark | None
    origin: str

    def child(self, part: str | int) -> Marked | None:
        """The entry of a map or the item of a list; None if there is none."""
        if isinstance(self.value, dict) and isinstance(part, str):
            return self.value.get(part)
        if isinstance(self.value, list) and isinstance(part, int) and 0 <= part < len(self.value):
            return self.value[part]
        return None


def plain(marked: Marked) -> Any:
    """The tree as plain dicts, lists and scalars."""
    if isinstance(marked.value, dict):
        return {key: plain(value) for key, value in marked.value.items()}
    if isinstance(marked.value, list):
        return [plain(item) for item in marked.value]
    return marked.value


def descend(root: Marked, path: TreePath) -> tuple[Marked, int]:
    """The deepest node that exists on the way along `path`, and how many parts of the path were followed."""
    node = root
    for followed, part in enumerate(path):
        below = node.child(part)
        if below is None:
            return node, followed
        node = below
    return node, len(path)
