"""Every programmer of the rig fulfils the ConductanceProgrammer contract."""

from __future__ import annotations

from typing import Any

import pytest

from labrig.instruments.data import Identity
from labrig.testing.instrument import Check
from labrig.testing.programmer import CHECKS
from labrig.testing.station import Subject


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_programmer(check: Check, programmer: Subject, record_testsuite_property: Any) -> None:
    """Run one check of a programmer."""
    found = check(programmer)
    if isinstance(found, Identity):
        record_testsuite_property(f"identity of {programmer.name}", f"{found.model}, {found.serial}, {found.firmware}")
