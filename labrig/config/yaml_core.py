"""YAML 1.2 core scalars for PyYAML, which reads YAML 1.1 by default.

PyYAML reads `1e3` as text, `on` as true, `010` as 8, `1:30` as 90 and `2026-01-01` as a date. This module reads 1000.0,
text, 10, text and text. Digits grouped with `_` are text too.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from typing_extensions import override
from yaml.composer import ComposerError

from labrig.quantities import NUMBER

DEEPEST = 32
"""Largest depth of nesting: far more than any configuration needs, and too little to overflow the stack."""

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
        rf"(?:{NUMBER}|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z",
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
    """Composes nodes with the core tags; deep nesting raises ComposerError instead of RecursionError."""

    yaml_implicit_resolvers = _resolvers()
    depth = 0

    @override
    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.depth += 1
        if self.depth > DEEPEST:
            mark = self.peek_event().start_mark
            raise ComposerError(None, None, f"this is nested more than {DEEPEST} levels deep; use fewer levels", mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


class CoreDumper(yaml.SafeDumper):
    """Writes text that CoreLoader reads back to the same values, with unicode and without aliases."""

    yaml_implicit_resolvers = _resolvers()

    @override
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: CoreDumper, text: str) -> yaml.ScalarNode:
    # Other styles of PyYAML fold or drop some characters (line breaks, \x85, a byte order mark); escapes do not.
    style = None if text.isprintable() else '"'
    # Quote 'on' and '1:30', so that YAML 1.1 readers get text too.
    if style is None and yaml.SafeLoader("").resolve(yaml.ScalarNode, text, (True, False)) != TEXT:
        style = "'"
    return dumper.represent_scalar(TEXT, text, style=style)


CoreDumper.add_representer(str, _represent_text)


def scalar_value(tag: str, text: str) -> str | int | float | bool | None:
    """Return the value of a scalar with a core tag.

    Raises
    ------
    ValueError
        With a message for the user, if the tag is not a core tag or the text does not match it (`!!int abc`).
    """
    if tag == TEXT:
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise ValueError("an unpaired surrogate is not a character; write the character itself")
        return text
    if tag not in _PATTERNS:
        raise ValueError(f"the tag {short_tag(tag)} is not used in a configuration; remove it")
    if tag == _FLOAT and text.lower().endswith(("inf", "nan")):
        return float(text.replace(".", "", 1))
    if re.match(_PATTERNS[tag][0], text) is None:
        raise ValueError(f"{text!r} does not match the tag {short_tag(tag)}")
    if tag == _NULL:
        return None
    if tag == _BOOL:
        return text.lower() == "true"
    if tag == _FLOAT:
        return float(text)
    if len(text) > 1000:  # int() refuses more than 4300 digits
        raise ValueError("a whole number must not have more than 1000 digits")
    return int(text, 0) if text[:2] in ("0x", "0o") else int(text)


def short_tag(tag: str) -> str:
    """Return the short form of a tag: '!!int' for 'tag:yaml.org,2002:int'."""
    return tag.replace("tag:yaml.org,2002:", "!!")
