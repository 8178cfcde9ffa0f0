"""Fixtures and hooks for all tests. With LABRIG_NO_SKIPS a skip is a failure."""

import gc
import os

import pytest


@pytest.fixture
def impatient_drivers(monkeypatch):
    """Shorten the deadlines for unreachable instruments from ten seconds to one."""
    from labrig_drivers.digipot_bank import DigipotBank
    from labrig_drivers.ni import grpc_channel

    from labrig.rig import safety

    monkeypatch.setattr(safety, "RETRY_S", 1.0)
    monkeypatch.setattr(DigipotBank, "recovery_s", 1.0)
    monkeypatch.setattr(grpc_channel, "DEADLINE_S", 0.5)
    yield
    gc.collect()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("LABRIG_NO_SKIPS") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, although LABRIG_NO_SKIPS is set: {report.longrepr}"
