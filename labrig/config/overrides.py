"""`--set learning.rate=0.1`: replace one value of the tree from the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath

from labrig.config.marked import Marked
from labrig.config.merging import OF_ENTRIES, drop_other_choices
from labrig.config.problems import Mark, Problems, TreePath, render_path
from labrig.config.reading import Source, compose
from labrig.config.wiring import expand_wiring
from labrig.config.yaml_core import DEEPEST
from labrig.errors import UsageError
from labrig.quantities import as_written

FILE = "--set"
"""File name in marks and origins of overrides; the line is the number of the override."""

_KEY = r"[^.\[\]\s]+(?:\[[0-9]{1,9}\])*"
_PATH = re.compile(rf"{_KEY}(?:\.{_KEY})*")
_PART = re.compile(r"[^.\[\]]+")


@dataclass(frozen=True)
class Override:
    """An override: its path with the column (from 1) of each part, and the text of its value with its column."""

    path: TreePath
    columns: tuple[int, ...]
    value: str
    value_column: int


def as_overrides(settings: Mapping[str, object]) -> tuple[str, ...]:
    """Return overrides that set values given as Python objects.

    Parameters
    ----------
    settings
        Values by path, e.g. {"learning.rate": 0.1, "acquisition.window": "20 ms"}: numbers, texts, paths, None, lists,
        maps, NumPy's numbers and arrays.

    Raises
    ------
    UsageError
        If a value cannot be written as YAML.
    """
    return tuple(f"{path}={_as_yaml(path, value)}" for path, value in settings.items())


def _as_yaml(path: str, value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{path}: {value!r} cannot be written in a configuration: {error}") from error


def _plain(value: object) -> object:
    """Convert a NumPy number, a NumPy array or a path to a plain Python object; raises TypeError for other types."""
    if isinstance(value, PurePath):
        return str(value)
    if (to_list := getattr(value, "tolist", None)) is not None:
        return to_list()
    raise TypeError(f"it is of type {type(value).__name__}")


def parse_override(text: str) -> Override:
    """Parse 'a.b[0].c=VALUE'; raises UsageError if the text does not have this form."""
    name, equals, value = text.partition("=")
    example = "write e.g. --set learning.rate=0.1"
    if not equals:
        raise UsageError(f"--set {as_written(text)} has no '='", remedy=example)
    if not text.isprintable():
        raise UsageError(f"--set {as_written(text)} contains a line break or a non-printable character")
    if _PATH.fullmatch(name) is None:
        remedy = "name one node, e.g. --set 'wiring.in3.through=1 kΩ'" if ".." in name else example
        raise UsageError(f"--set {as_written(text)}: {as_written(name)} is not a valid key", remedy=remedy)
    matches = list(_PART.finditer(name))
    if len(matches) > DEEPEST:
        raise UsageError(f"--set {as_written(text)}: the key has more than {DEEPEST} parts", remedy=example)
    # A number is an index only in brackets: 'seed.3' names the key '3'.
    path = tuple(int(match[0]) if name[match.start() - 1 : match.start()] == "[" else match[0] for match in matches)
    if path[0] == "extends":
        raise UsageError("--set: 'extends' cannot be overridden", remedy="write it in a configuration file")
    return Override(path, tuple(match.start() + 1 for match in matches), value, len(name) + 2)


def apply_override(root: Marked, text: str, number: int, problems: Problems) -> Marked:
    """Return the tree with one value replaced; missing maps are created.

    If the value cannot be set, a problem is reported at its place in the override, and the tree is returned unchanged.

    Parameters
    ----------
    root : Marked
        The tree.
    text : str
        'KEY=VALUE'.
    number : int
        Number of the override, from 1.
    problems : Problems
        Where the problem is reported.

    Raises
    ------
    UsageError
        If the override is malformed.
    """
    override = parse_override(text)
    found = len(problems)
    value = compose(override.value, Source(FILE, number, override.value_column, FILE), problems, override.path)
    if len(problems) > found:
        return root
    if value is None:
        value = Marked(None, Mark(FILE, number, override.value_column), None, FILE)
    if override.path == ("wiring",):
        value = expand_wiring(value, problems)
    marks = tuple(Mark(FILE, number, column) for column in override.columns)
    return _place(root, override.path, marks, 0, value, problems)


def _place(
    node: Marked, path: TreePath, marks: tuple[Mark, ...], depth: int, value: Marked, problems: Problems
) -> Marked:
    """Return `node`, which is at path[:depth], with the value at `path` replaced."""
    if depth == len(path):
        return replace(value, key_mark=marks[-1])
    part, mark = path[depth], marks[depth]
    missing = Marked(None, mark, mark, FILE)
    if isinstance(part, int):
        below = node.child(part)
        if not isinstance(node.value, list) or below is None:
            what = (
                f"has {len(node.value)} items"
                if isinstance(node.value, list)
                else f"is {as_written(node.value)}, not a list"
            )
            problems.add(mark, path[: depth + 1], f"{_name(path[:depth])} {what}; there is no item [{part}]")
            return node
        items = list(node.value)
        items[part] = _place(below, path, marks, depth + 1, value, problems)
        return replace(node, value=items)
    if node.value is not None and not isinstance(node.value, dict):
        problems.add(
            mark,
            path[: depth + 1],
            f"{_name(path[:depth])} is {as_written(node.value)}, not a map; it has no key {part!r}",
        )
        return node
    entries = drop_other_choices(node.value or {}, path[:depth], {part})
    if part in entries and value.value is None and path[:depth] in OF_ENTRIES and depth + 1 == len(path):
        return replace(node, value={key: entry for key, entry in entries.items() if key != part})
    return replace(
        node, value={**entries, part: _place(entries.get(part, missing), path, marks, depth + 1, value, problems)}
    )


def _name(path: TreePath) -> str:
    return render_path(path) or "the configuration"
