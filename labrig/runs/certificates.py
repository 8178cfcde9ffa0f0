"""The certificates that `labrig certify RUN` adds to a run, one line of JSON each in certificates.jsonl."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from labrig.runs.folder import RunFolder
from labrig.runs.json_lines import append, damages, read

CERTIFICATES = "certificates.jsonl"
KEPT = (
    "verdict", "reason", "hints", "wrong_edges", "reference", "bias", "bias_interval", "bound", "slope_all",
    "slope_interval", "noise", "instruments", "chi_squared", "chi_squared_freedom", "confirmed_edges",
    "confirmed_share", "repeats", "gamma_exponent", "gamma_exponent_interval",
)  # fmt: skip
"""Figures of a certificate that are kept; those of single examples and edges are not."""


def add_certificate(folder: RunFolder, figures: Mapping[str, Any], **about: Any) -> None:
    """Add a certificate of the trained board to a run; `about` says how it was made.

    Raises StorageError if it cannot be written.
    """
    made = {"made": datetime.now(UTC).isoformat(timespec="seconds"), **about}
    line = {**made, **{key: figures[key] for key in KEPT if key in figures}}
    append(folder.path / CERTIFICATES, line)


def read_certificates(folder: RunFolder) -> list[dict[str, Any]]:
    """Return the certificates of a run, oldest first, without the lines that `damaged_certificates` names."""
    return read(folder.path / CERTIFICATES, _certificate)


def damaged_certificates(folder: RunFolder) -> list[str]:
    """Return a message for each line of certificates.jsonl that is damaged or was not written by labrig."""
    return damages(folder.path / CERTIFICATES, _certificate)


def _certificate(found: Any) -> dict[str, Any] | None:
    return found if isinstance(found, dict) and isinstance(found.get("verdict"), str) else None
