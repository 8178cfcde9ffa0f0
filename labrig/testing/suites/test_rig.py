"""Signals come back through the whole chain with the right sign and size, and stop when they should."""

from __future__ import annotations

import pytest

from labrig.testing.rig import CHECKS, RigCheck
from labrig.testing.station import Station


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_rig(check: RigCheck, station: Station) -> None:
    """Run one check of the whole rig."""
    check(station)
