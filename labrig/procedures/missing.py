"""Which of the missing hardware and software on a machine matters for the instruments of a configuration."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from labrig.instruments.drivers import DriverInfo, installed_drivers
from labrig.instruments.findings import Finding
from labrig.procedures.doctor import LIBRARIES, InstrumentReport

_PACKAGE_OF = {"VISA": "pyvisa", "serial port": "pyserial"}
"""Subject of a probe → the package through which drivers use it."""
_NOT_REACHED = ("absent", "fault")


def of_concern(findings: Iterable[Finding], reports: Sequence[InstrumentReport]) -> list[Finding]:
    """Return the findings, except missing hardware and software that the instruments of a configuration do not need.

    An instrument that answers needs nothing more: it may be virtual, on the network, or behind a server.
    """
    installed = installed_drivers()
    unreached = {report.driver for report in reports if report.state in _NOT_REACHED}
    drivers = [installed[name] for name in unreached if name in installed]
    return [found for found in findings if found.state != "missing" or _is_needed(found, drivers)]


def _is_needed(found: Finding, drivers: Sequence[DriverInfo]) -> bool:
    if found.what == "packages":
        name = found.detail.partition(",")[0]
        return name in LIBRARIES or any(name in driver.packages for driver in drivers)
    if found.what in _PACKAGE_OF:
        return any(_PACKAGE_OF[found.what] in driver.packages for driver in drivers)
    return any(found.what in driver.probes for driver in drivers)
