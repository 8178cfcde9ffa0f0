"""The command tree: finds the handler of a header.

Patterns are written as in a programming guide: capitals are the short form, brackets mark optional nodes, `#` is a
numeric suffix. `[SOURce#:]VOLTage[:LEVel]` matches `VOLT`, `SOUR2:VOLTAGE` and four more spellings; `C#:BaSic_WaVe`
matches `C1:BSWV` and `C1:BASIC_WAVE`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import product
from typing import Generic, TypeVar

Handler = TypeVar("Handler")

_NODE = re.compile(r"(\[)?:?(\*?[A-Za-z_]+)(#)?:?(\])?")
_WORD = re.compile(r"(\*?[A-Z_]+)(\d*)", re.ASCII)


@dataclass
class _Branch(Generic[Handler]):
    children: dict[tuple[str, bool], _Branch[Handler]] = field(default_factory=dict)
    found: tuple[Handler, tuple[int | None, ...]] | None = None


@dataclass(frozen=True)
class _Node:
    words: tuple[str, ...]
    numbered: bool
    optional: bool


def _nodes(pattern: str) -> list[_Node]:
    nodes: list[_Node] = []
    at = 0
    while at < len(pattern):
        match = _NODE.match(pattern, at)
        if match is None or bool(match[1]) != bool(match[4]):
            raise ValueError(f"{pattern!r} is not a command pattern such as '[SOURce#:]VOLTage'")
        short = "".join(letter for letter in match[2] if letter.isupper() or letter == "*")
        nodes.append(_Node(tuple({short, match[2].upper()}), bool(match[3]), bool(match[1])))
        at = match.end()
    return nodes


class CommandTree(Generic[Handler]):
    """Command patterns and their handlers."""

    def __init__(self) -> None:
        self._root: _Branch[Handler] = _Branch()

    def add(self, pattern: str, handler: Handler) -> None:
        """Add a handler for every spelling of a pattern; raises ValueError for an invalid pattern."""
        nodes = _nodes(pattern)
        suffixes = [index for index, node in enumerate(nodes) if node.numbered]
        for present in product(*((True, False) if node.optional else (True,) for node in nodes)):
            chosen = [index for index, there in enumerate(present) if there]
            spelled = [index for index in chosen if nodes[index].numbered]
            order = tuple(spelled.index(index) if index in spelled else None for index in suffixes)
            for words in product(*(nodes[index].words for index in chosen)):
                branch = self._root
                for index, word in zip(chosen, words, strict=True):
                    branch = branch.children.setdefault((word, nodes[index].numbered), _Branch())
                branch.found = (handler, order)

    def find(self, header: str) -> tuple[Handler, tuple[int, ...]] | None:
        """The handler of an upper-case header, and its numeric suffixes in the pattern's order (1 if omitted)."""
        branch, numbers = self._root, list[int]()
        for word in header.split(":"):
            match = _WORD.fullmatch(word)
            if match is None or len(match[2]) > 9:
                return None
            plain = None if match[2] else branch.children.get((match[1], False))
            if plain is not None:
                branch = plain
                continue
            numbered = branch.children.get((match[1], True))
            if numbered is None:
                return None
            numbers.append(int(match[2] or 1))
            branch = numbered
        if branch.found is None:
            return None
        handler, order = branch.found
        return handler, tuple(1 if place is None else numbers[place] for place in order)
