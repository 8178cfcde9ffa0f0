"""What is played comes back through the whole chain, with its sign and its size, and stops."""

from __future__ import annotations

import pytest

from labrig.testing.rig import CHECKS, RigCheck
from labrig.testing.station import Station


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_rig(check: RigCheck, station: Station) -> None:
    check(station)
