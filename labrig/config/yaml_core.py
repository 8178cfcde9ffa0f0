"""YAML 1.2 core scalars for PyYAML, which by itself reads YAML 1.1.

Default PyYAML: `1e3` is text, `on` is true, `010` is 8, `1:30` is 90, `2026-01-01` a date. Here: 1000.0, text, 10, text
and text. Digits grouped by `_` are text too.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.composer import ComposerError

DEEPEST = 32
"""Levels of nesting that are read. No configuration comes near, and nothing that walks a tree overflows the stack."""

TEXT = "tag:yaml.org,2002:str"
MAP = "tag:yaml.org,2002:map"
LIST = "tag:yaml.org,2002:seq"
_BOOL = "tag:yaml.org,2002:bool"
_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"
_NULL = "tag:yaml.org,2002:null"

_PATTERNS: dict[str, tuple[str, list[str]]] = {
    _NULL: (r"(?:~|null|Null|NULL|)\Z", ["~", "n", "N", ""]),
    _BOOL: (r"(?:true|True|TRUE|false|False|FALSE)\Z", list("tTfF")),
    _INT: (r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z", list("-+0123456789")),
    _FLOAT: (
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z",
        list("-+.0123456789"),
    ),
}


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for tag, (pattern, first_characters) in _PATTERNS.items():
        for character in first_characters:
            resolvers.setdefault(character, []).append((tag, re.compile(pattern)))
    return resolvers


class CoreLoader(yaml.SafeLoader):
    """Composes nodes with the core tags; refuses deep nesting with a ComposerError instead of a RecursionError."""

    yaml_implicit_resolvers = _resolvers()
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.depth += 1
        if self.depth > DEEPEST:
            mark = self.peek_event().start_mark
            raise ComposerError(None, None, f"nested more than {DEEPEST} levels deep", mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


class CoreDumper(yaml.SafeDumper):
    """Writes text that CoreLoader reads back to the same values: unicode kept, no aliases."""

    yaml_implicit_resolvers = _resolvers()

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: CoreDumper, text: str) -> yaml.ScalarNode:
    # Escapes survive where PyYAML's other styles fold or drop characters (line breaks, \x85, a byte order mark).
    style = None if text.isprintable() else '"'
    # Readers of YAML 1.1 shall find text in 'on' and '1:30' as well.
    if style is None and yaml.SafeLoader("").resolve(yaml.ScalarNode, text, (True, False)) != TEXT:
        style = "'"
    return dumper.represent_scalar(TEXT, text, style=style)


CoreDumper.add_representer(str, _represent_text)


def scalar_value(tag: str, text: str) -> str | int | float | bool | None:
    """The value of a scalar with a core tag.

    Raises ValueError with a message for another tag, or for text that the tag does not fit (`!!int abc`).
    """
    if tag == TEXT:
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise ValueError("half a surrogate pair is not a character")
        return text
    if tag not in _PATTERNS:
        raise ValueError(f"the tag {short_tag(tag)} is not used in a configuration; remove it")
    if tag == _FLOAT and text.lower().endswith(("inf", "nan")):
        return float(text.replace(".", "", 1))
    if re.match(_PATTERNS[tag][0], text) is None:
        raise ValueError(f"{text!r} does not fit the tag {short_tag(tag)}")
    if tag == _NULL:
        return None
    if tag == _BOOL:
        return text.lower() == "true"
    if tag == _FLOAT:
        return float(text)
    if len(text) > 1000:  # int() itself refuses from 4300 digits on
        raise ValueError("a whole number of more than 1000 digits")
    return int(text, 0) if text[:2] in ("0x", "0o") else int(text)


def short_tag(tag: str) -> str:
    """The tag as one writes it: '!!int' for 'tag:yaml.org,2002:int'."""
    return tag.replace("tag:yaml.org,2002:", "!!")
