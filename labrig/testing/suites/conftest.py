"""Instruments of the rig under test, and properties for the JUnit report."""

from __future__ import annotations

from typing import Any

import pytest

from labrig.testing.calls import NotApplicable
from labrig.testing.plugin import station_of
from labrig.testing.station import Station


@pytest.fixture(scope="session")
def station(pytestconfig: pytest.Config) -> Station:
    """The rig under test."""
    return station_of(pytestconfig)


@pytest.fixture(scope="session", autouse=True)
def rig_properties(station: Station, record_testsuite_property: Any) -> None:
    """Record rig and bench in the JUnit report."""
    record_testsuite_property("rig", station.assembly.name)
    record_testsuite_property("bench", station.assembly.header.bench)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every check for every instrument of its kind."""
    for kind in ("source", "digitizer", "programmer"):
        if kind in metafunc.fixturenames:
            metafunc.parametrize(kind, station_of(metafunc.config).subjects(kind), ids=lambda subject: subject.name)


@pytest.hookimpl(hookwrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Any:
    """Turn NotApplicable into a skip with its reason."""
    outcome = yield
    if isinstance(outcome.excinfo[1] if outcome.excinfo else None, NotApplicable):
        outcome.force_exception(pytest.skip.Exception(str(outcome.excinfo[1]), _use_item_location=True))
