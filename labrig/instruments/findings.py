"""Findings of `labrig doctor`; drivers add their own probes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One finding about this machine.

    Attributes
    ----------
    what : str
        Subject, such as "VISA" or "disk".
    state : {"ok", "warning", "missing"}
        `warning` means present, but with a problem.
    detail : str
        Description of the finding.
    remedy : str
        Remedy for the problem.
    """

    what: str
    state: Literal["ok", "warning", "missing"]
    detail: str
    remedy: str = ""


Probe = Callable[[], list[Finding]]
"""A check of one subject, which neither opens nor drives an instrument. A check that raises or hangs is reported."""
