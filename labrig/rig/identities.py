"""Checks that an instrument is the one that the configuration names."""

from __future__ import annotations

from labrig.errors import IdentityMismatch
from labrig.instruments.data import Identity


def check_identity(name: str, found: Identity, wanted: Identity | None) -> None:
    """Raise IdentityMismatch if model or serial number differs from the configured one."""
    for what in () if wanted is None else wanted.differing(found):
        raise IdentityMismatch(
            f"identifies as {what} {getattr(found, what)!r}, but the configuration names {getattr(wanted, what)!r}",
            device=name,
            action="identify",
            remedy=f"connect the right instrument or correct instruments.{name}",
        )
