"""The tree of a configuration: each value with its place in the text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from labrig.config.problems import Mark, TreePath

Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Marked:
    """A value with its place.

    Attributes
    ----------
    value : dict, list or scalar
        The value.
    mark : Mark
        Where it starts.
    key_mark : Mark or None
        Where its key starts; None for a list item.
    origin : str
        The place in words: 'iris.yaml:12', '--set' or 'default'.
    text : str or None
        A scalar as it is written in the file, e.g. '01E5' for the number 100000; None if it is not in a file.
    """

    value: dict[str, Marked] | list[Marked] | Scalar
    mark: Mark
    key_mark: Mark | None
    origin: str
    text: str | None = None

    def child(self, part: str | int) -> Marked | None:
        """Return the entry of a map or the item of a list; None if it does not exist."""
        if isinstance(self.value, dict) and isinstance(part, str):
            return self.value.get(part)
        if isinstance(self.value, list) and isinstance(part, int) and 0 <= part < len(self.value):
            return self.value[part]
        return None


def comma_in_number(marked: Marked, index: int | None = None) -> str | None:
    """Return a number with a decimal comma that a list such as [-1,5 V] splits into two items.

    Parameters
    ----------
    marked : Marked
        The list.
    index : int, optional
        The item that the number must contain; by default any.

    Returns
    -------
    str or None
        The number as written, e.g. '-1,5 V'; None if there is none.
    """
    items = marked.value if isinstance(marked.value, list) else []
    for position, (whole, rest) in enumerate(pairwise(items)):
        if index not in (None, position, position + 1) or not isinstance(whole.value, int):
            continue
        if whole.text and rest.text and rest.text[0].isdigit():
            after_comma = whole.mark.column + len(whole.text) + 1
            if rest.mark == replace(whole.mark, column=after_comma):
                return f"{whole.text},{rest.text}"
    return None


def plain(marked: Marked) -> Any:
    """Return the tree as plain dicts, lists and scalars."""
    if isinstance(marked.value, dict):
        return {key: plain(value) for key, value in marked.value.items()}
    if isinstance(marked.value, list):
        return [plain(item) for item in marked.value]
    return marked.value


def descend(root: Marked, path: TreePath) -> tuple[Marked, int]:
    """Follow `path` as far as it exists; return that node and the number of parts followed."""
    node = root
    for followed, part in enumerate(path):
        below = node.child(part)
        if below is None:
            return node, followed
        node = below
    return node, len(path)


def without(root: Marked, path: TreePath) -> Marked:
    """Return the tree without the entry at a path of keys."""
    if not isinstance(root.value, dict) or not path or path[0] not in root.value:
        return root
    key = str(path[0])
    if len(path) == 1:
        return replace(root, value={name: value for name, value in root.value.items() if name != key})
    return replace(root, value={**root.value, key: without(root.value[key], path[1:])})
