"""Presets of imperfections: one YAML file each, with the same keys as the section `simulation`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from labrig.config.marked import plain
from labrig.config.problems import Problems
from labrig.config.reading import Source, compose

_FOLDER = files(__name__)


@cache
def preset_names() -> tuple[str, ...]:
    """Return the names of all presets."""
    return tuple(sorted(file.name.removesuffix(".yaml") for file in _FOLDER.iterdir() if file.name.endswith(".yaml")))


@cache
def preset(name: str) -> Mapping[str, Any]:
    """Return the values of a preset by key, as written in its file.

    Raises
    ------
    ConfigProblems
        If the file is not YAML.
    """
    file, problems = _FOLDER / f"{name}.yaml", Problems()
    root = compose(file.read_text(encoding="utf-8"), Source(str(file)), problems)
    problems.raise_if_any()
    return MappingProxyType({} if root is None else plain(root))
