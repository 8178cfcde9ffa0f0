"""Every source of the rig fulfils the WaveformSource contract."""

from __future__ import annotations

from typing import Any

import pytest

from labrig.instruments.data import Identity
from labrig.testing.instrument import Check
from labrig.testing.source import CHECKS
from labrig.testing.station import Subject


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_source(check: Check, source: Subject, record_testsuite_property: Any) -> None:
    """Run one check of a source."""
    found = check(source)
    if isinstance(found, Identity):
        record_testsuite_property(f"identity of {source.name}", f"{found.model}, {found.serial}, {found.firmware}")
