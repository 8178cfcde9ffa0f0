"""Completion of command lines by the shell, if argcomplete is installed."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

Completer = Callable[..., list[str]]

HIDDEN = (".", "_")


def complete(parser: argparse.ArgumentParser) -> None:
    """If the shell asks for completions, print them and end the process; do nothing without argcomplete."""
    try:
        import argcomplete
    except ImportError:
        return
    argcomplete.autocomplete(parser, always_complete_options="long")


def completed(argument: argparse.Action, completer: Completer) -> None:
    """Set the completer that offers the values of an argument."""
    argument.completer = completer  # type: ignore[attr-defined]


def configurations(prefix: str, **more: Any) -> list[str]:
    """Return the YAML files, folders and packaged configurations that begin with `prefix`."""
    folder, start = os.path.split(prefix)
    here = [
        os.path.join(folder, name) + ("/" if is_folder else "")
        for name, is_folder in _entries(Path(folder or "."))
        if name.startswith(start) and (is_folder or name.endswith((".yaml", ".yml")))
    ]
    return here if folder else [*here, *(name for name in _packaged() if name.startswith(prefix))]


def runs(prefix: str, parsed_args: argparse.Namespace | None = None, **more: Any) -> list[str]:
    """Return the runs in --runs-dir (by default `runs`) and the folders that begin with `prefix`."""
    folder: Path = getattr(parsed_args, "runs_dir", None) or Path("runs")
    named = [name for name, is_folder in _entries(folder) if is_folder and name.startswith(prefix)]
    above, start = os.path.split(prefix)
    beside = [os.path.join(above, name) for name, is_folder in _entries(Path(above or ".")) if is_folder]
    return [*named, *(name for name in beside if os.path.basename(name).startswith(start))]


def _entries(folder: Path) -> list[tuple[str, bool]]:
    """Names in a folder, sorted, and whether each is a folder; none if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return sorted((entry.name, entry.is_dir()) for entry in entries if not entry.name.startswith(HIDDEN))
    except OSError:
        return []


def _packaged() -> list[str]:
    """Names of the configurations that come with labrig, found without importing labrig's modules."""
    package = Path(__file__).parents[1]
    inside = package / "_data" / "configs"
    folder = inside if inside.is_dir() else package.parent / "configs"
    return [name for name, is_folder in _entries(folder) if not is_folder and name.endswith(".yaml")]
