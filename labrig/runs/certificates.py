"""The certificates that `labrig certify RUN` adds to a run, one line of JSON each in certificates.jsonl."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from labrig.errors import StorageError
from labrig.files import content_of
from labrig.json_text import json_text
from labrig.runs.folder import RunFolder
from labrig.runs.sync import sync_folder

CERTIFICATES = "certificates.jsonl"
KEPT = (
    "verdict", "reason", "hints", "wrong_edges", "reference", "bias", "bias_interval", "bound", "slope_all",
    "slope_interval", "noise", "instruments", "chi_squared", "chi_squared_freedom", "confirmed_edges",
    "confirmed_share", "repeats", "gamma_exponent", "gamma_exponent_interval",
)  # fmt: skip
"""Figures of a certificate that are kept; those of every example and edge are not."""


def add_certificate(folder: RunFolder, figures: Mapping[str, Any], **about: Any) -> None:
    """Add a certificate of the trained board to a run; `about` says how it was made.

    Raises StorageError if it cannot be written.
    """
    made = {"made": datetime.now(UTC).isoformat(timespec="seconds"), **about}
    line = {**made, **{key: figures[key] for key in KEPT if key in figures}}
    path = folder.path / CERTIFICATES
    try:
        with open(path, "ab") as file:
            file.write(json_text(line, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(folder.path)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error


def read_certificates(folder: RunFolder) -> list[dict[str, Any]]:
    """Return the certificates of a run, oldest first. Lines that are damaged are left out."""
    try:
        lines = content_of(folder.path / CERTIFICATES).splitlines()
    except OSError:
        return []
    return [found for found in map(_read, lines) if found is not None]


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("verdict"), str) else None
