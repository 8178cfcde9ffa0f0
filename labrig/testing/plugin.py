"""The pytest plugin: `pytest --rig CONFIG --pyargs labrig.testing` tests instruments, `--rule NAME` learning rules.

Without --rig and --rule the suites are not collected.

The plugin is loaded in every pytest run of an environment with labrig, so it imports nothing heavy unless --rig is
given.

With --rig, SIGTERM and SIGHUP end the session like Ctrl-C: the running check makes its instruments safe. Then the
signal has its usual effect on the process.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from labrig.interrupts import Interrupts
    from labrig.testing.station import Station

SUITES = Path(__file__).parent / "suites"
RULE_SUITE = Path(__file__).parent / "rule_suite"
_STATION = pytest.StashKey["Station"]()
_INTERRUPTS: pytest.StashKey[Interrupts] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --rig, --rig-bench and --rule."""
    group = parser.getgroup("labrig", "contract suites of labrig's instruments")
    group.addoption("--rig", metavar="CONFIG", help="run labrig.testing on the rig of this configuration")
    group.addoption(
        "--rig-bench", choices=("simulated", "wire", "hardware"), help="bench of the rig (default: the file's own)"
    )
    group.addoption("--rule", metavar="NAME[,NAME]", help="run labrig.testing on these learning rules, simulated")


def pytest_configure(config: pytest.Config) -> None:
    """Assemble the rig under test and install the signal handlers."""
    rig, bench = config.getoption("--rig"), config.getoption("--rig-bench")
    if rig is None:
        if bench is not None:
            raise pytest.UsageError("--rig-bench needs --rig CONFIG")
        return
    from labrig.assembly import assemble
    from labrig.errors import LabrigError
    from labrig.interrupts import Interrupts
    from labrig.testing.station import Station

    try:
        config.stash[_STATION] = Station(assemble(Path(rig), [] if bench is None else [f"bench={bench}"]))
    except LabrigError as error:
        raise pytest.UsageError(f"--rig {rig}: {error}") from error
    config.stash[_INTERRUPTS] = Interrupts(immediate=True).__enter__()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close the bench, restore the signal handlers and raise the signal that ended the session, if any."""
    station = config.stash.get(_STATION, None)
    if station is not None:
        station.close()
    interrupts = config.stash.get(_INTERRUPTS, None)
    if interrupts is not None:
        interrupts.__exit__(None, None, None)
        if interrupts.ended_by is not None:
            signal.raise_signal(interrupts.ended_by)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Name the rig and its bench in the report."""
    station = config.stash.get(_STATION, None)
    if station is None:
        return None
    return f"rig: {station.assembly.name}, bench: {station.assembly.header.bench}"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Ignore the suites of instruments without --rig, and those of rules without --rule."""
    missing = {SUITES: _STATION not in config.stash, RULE_SUITE: config.getoption("--rule") is None}
    for folder, left_out in missing.items():
        if left_out and (collection_path == folder or folder in collection_path.parents):
            return True
    return None


def station_of(config: pytest.Config) -> Station:
    """Return the station for the configuration given by --rig."""
    return config.stash[_STATION]
