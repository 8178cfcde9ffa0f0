"""Runs that are struck are not watched by a coverage tool."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def unmeasured_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that is interrupted never gives back the lock that it holds, and the run hangs; and it costs time."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
