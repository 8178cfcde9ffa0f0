"""Syncs names of files to the disk: a synced file survives a power failure only if its name does."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk. Raises OSError."""
    if sys.platform == "win32":  # Windows cannot open a folder
        return
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def make_folder(path: Path, exist_ok: bool = False) -> None:
    """Create a folder and its missing parents, and wait until their names are on the disk. Raises OSError."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    path.mkdir(parents=True, exist_ok=exist_ok)
    for each in missing:
        sync_folder(each.parent)
