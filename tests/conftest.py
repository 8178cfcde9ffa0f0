"""Fixtures and hooks for all tests. With LABRIG_NO_SKIPS a skip is a failure."""

import gc
import os
import signal
import sys

import pytest
from busy import stretched
from hypothesis import settings
from trials import LONG, MORE

settings.register_profile("labrig", deadline=None)  # on a busy machine any example may take long
settings.load_profile("labrig")

# Without bytecode, each of the hundreds of processes that the tests start compiles labrig again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_collection_modifyitems(config, items):
    """Leave out tests that are marked `more`, unless LABRIG_MORE is set, and `long`, unless LABRIG_LONG is."""
    markers = [name for name, wanted in (("more", MORE), ("long", LONG)) if not wanted]
    left_out = {item for item in items if any(item.get_closest_marker(name) for name in markers)}
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish(session):
    """Let no later collection of garbage go through all modules and tests again, which takes a quarter of a second."""
    gc.collect()
    gc.freeze()
    # A pytest that a test starts would measure coverage too, and at its end take away the data files of its neighbours.
    os.environ.pop("PYTEST_ADDOPTS", None)


@pytest.fixture(scope="session", autouse=True)
def one_blas_thread():
    """Leave the cores to the other workers: with two BLAS threads each, small products take ten times as long."""
    import numpy as np  # noqa: F401  (a library that is loaded later is not limited)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture(autouse=True)
def default_signals():
    """Restore ignored signals: nohup and background jobs of a shell ignore them, and children inherit that."""
    before = {}
    for name, default in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            before[number] = signal.signal(number, default)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def impatient_drivers(monkeypatch):
    """Shorten the deadlines for unreachable instruments from ten seconds to one."""
    from labrig_drivers.digipot_bank import DigipotBank
    from labrig_drivers.ni import grpc_channel

    from labrig.rig import safety

    monkeypatch.setattr(safety, "RETRY_S", stretched(1.0))
    monkeypatch.setattr(DigipotBank, "recovery_s", 1.0)
    monkeypatch.setattr(grpc_channel, "DEADLINE_S", stretched(0.5))
    yield
    gc.collect()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("LABRIG_NO_SKIPS") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, although LABRIG_NO_SKIPS is set: {report.longrepr}"
