"""Every digitizer of the rig fulfils the Digitizer contract."""

from __future__ import annotations

from typing import Any

import pytest

from labrig.instruments.data import Identity
from labrig.testing.digitizer import CHECKS
from labrig.testing.instrument import Check
from labrig.testing.station import Subject


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_digitizer(check: Check, digitizer: Subject, record_testsuite_property: Any) -> None:
    """Run one check of a digitizer."""
    found = check(digitizer)
    if isinstance(found, Identity):
        record_testsuite_property(f"identity of {digitizer.name}", f"{found.model}, {found.serial}, {found.firmware}")
