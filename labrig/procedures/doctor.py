"""Finds which hardware is connected to this machine, what is not installed, and which instruments of a bench answer.

No output is driven. Every probe and every instrument has its own thread and deadline, so a probe or an instrument that
hangs or fails does not affect the others.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, TypeVar

from labrig.errors import ConnectionFailed, DeadlineExceeded, IdentityMismatch, InUse, LabrigError
from labrig.files import format_bytes
from labrig.instruments.contracts import Instrument
from labrig.instruments.data import Identity
from labrig.instruments.drivers import DriverInfo, broken_drivers, installed_drivers
from labrig.instruments.findings import Finding, Probe

T = TypeVar("T")

PROBE_S = 10.0
"""Deadline of a probe (s); searching the network for VISA instruments alone takes 2 s."""
ANSWER_S = 20.0
"""Deadline of an instrument (s), longer than any driver's own: 3 s for a potentiometer bank, 6 s for VXI-11."""
SAFE_S = 5.0

LIBRARIES = ("numpy", "scipy", "pydantic", "pyyaml", "rich", "matplotlib")
LEAST_FREE_BYTES = 1e9


State = Literal["answers", "differs", "absent", "in use", "fault"]


@dataclass(frozen=True)
class InstrumentReport:
    """One configured instrument: its identity, or why it did not answer.

    `kind` is the class of the error ("" if there is none); `exit_code` is the exit code for this instrument alone.
    """

    name: str
    driver: str
    state: State
    model: str = ""
    serial: str = ""
    firmware: str = ""
    kind: str = ""
    detail: str = ""
    remedy: str = ""
    exit_code: int = 0


def machine_probes(runs_dir: Path) -> dict[str, Probe]:
    """Return the probes of this machine by subject, including those of the drivers."""
    drivers: dict[str, DriverInfo] = {}
    with suppress(LabrigError):  # reported by `versions`
        drivers = installed_drivers()
    return {
        "versions": versions,
        "disk": partial(disk, runs_dir),
        "VISA": visa_resources,
        **{what: probe for driver in drivers.values() for what, probe in driver.probes.items()},
        "serial ports": serial_ports,
        "latency timers": latency_timers,
    }


def examine(probes: Mapping[str, Probe], deadline_s: float = PROBE_S) -> list[Finding]:
    """Run all probes in parallel and return their findings in order."""
    outcomes = _in_parallel(probes, deadline_s)
    findings: list[Finding] = []
    for what in probes:
        outcome = outcomes.get(what)
        if isinstance(outcome, list):
            findings += outcome
        elif outcome is None:
            detail = f"did not answer within {deadline_s:g} s"
            findings.append(Finding(what, "warning", detail, "find the driver that hangs, and reinstall or remove it"))
        else:
            detail = f"could not be examined: {_one_line(outcome)}"
            findings.append(Finding(what, "warning", detail, "repair the installation"))
    return findings


def versions() -> list[Finding]:
    """Return the versions of labrig, Python and the packages it uses."""
    needed: dict[str, list[str]] = defaultdict(list)
    for driver in installed_drivers().values():
        for package in driver.packages:
            needed[package].append(driver.name)
    found = {name: _version(name) for name in (*LIBRARIES, *needed)}
    installed = ", ".join(f"{name} {number}" for name, number in found.items() if number)
    here = f"Python {platform.python_version()}, {platform.system()} {platform.release()} {platform.machine()}"
    findings = [Finding("labrig", "ok", f"{_version('labrig')} on {here}"), Finding("packages", "ok", installed)]
    for name, number in found.items():
        if number is None:
            by = f", needed by {', '.join(needed[name])}" if name in needed else ""
            findings.append(Finding("packages", "missing", f"{name}{by}", f"pip install {name}"))
    for place, why in broken_drivers().items():
        findings.append(Finding("drivers", "warning", f"{place} cannot be imported: {why}", "repair or uninstall it"))
    return findings


def disk(runs_dir: Path) -> list[Finding]:
    """Return whether the folder of runs can be written or created, and the free space there."""
    place = runs_dir.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    detail = f"{format_bytes(free)} free at {runs_dir}"
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return [Finding("disk", "warning", f"{place} cannot be written to", "choose another --runs-dir")]
    if free < LEAST_FREE_BYTES:
        return [Finding("disk", "warning", detail, "free some space, or choose another --runs-dir")]
    return [Finding("disk", "ok", detail)]


def visa_resources() -> list[Finding]:
    """Return the VISA backend and the instruments it lists, without serial ports (see `serial_ports`)."""
    try:
        import pyvisa
    except ImportError:
        return [Finding("VISA", "missing", "PyVISA is not installed", "pip install pyvisa pyvisa-py")]
    try:
        manager = pyvisa.ResourceManager()
    except (ValueError, OSError) as error:
        remedy = "pip install pyvisa-py, or install the VISA library of your instruments' manufacturer"
        if chosen := os.environ.get("PYVISA_LIBRARY"):
            remedy = f"correct or unset the environment variable PYVISA_LIBRARY, which is {chosen!r}"
        return [Finding("VISA", "missing", f"no backend: {_one_line(error)}", remedy)]
    findings = []
    if manager.visalib.library_path == "py":
        try:
            import usb  # noqa: F401  # pyright: ignore[reportMissingImports]
        except ImportError:
            blind = "pyvisa-py cannot see USB instruments without PyUSB"
            findings.append(Finding("VISA", "warning", blind, "pip install pyusb"))
    resources = [name for name in manager.list_resources() if not name.startswith("ASRL")]
    if not resources:
        # Only some instruments announce themselves, and only within this network.
        remedy = "check power and cables; a LAN instrument on another network needs its address in the configuration"
        return [Finding("VISA", "missing", f"{manager.visalib} lists no instrument", remedy), *findings]
    return [*(Finding("VISA", "ok", name) for name in resources), *findings]


def serial_ports(by_id: Path = Path("/dev/serial/by-id"), processes: Path = Path("/proc")) -> list[Finding]:
    """Return every port with its permanent name, permissions and users. Opens none, as this would reset an Arduino."""
    try:
        from serial.tools.list_ports import comports
    except ImportError:
        return [Finding("serial port", "missing", "pyserial is not installed", "pip install pyserial")]
    names = {link.resolve(): link for link in by_id.iterdir()} if by_id.is_dir() else {}
    findings = []
    for port in comports():
        if port.hwid == "n/a":  # a UART of the mainboard, possibly not present
            continue
        device = Path(port.device)
        detail = f"{names.get(device.resolve(), device)}: {port.description}"
        problem, remedy = _port_problem(device, processes)
        state = "warning" if problem else "ok"
        findings.append(Finding("serial port", state, f"{detail}{problem and '; '}{problem}", remedy))
    if not findings:
        remedy = "plug in the adapter; if it is still not listed, install its USB driver"
        return [Finding("serial port", "missing", "none is plugged in", remedy)]
    return findings


def latency_timers(adapters: Path = Path("/sys/bus/usb-serial/devices")) -> list[Finding]:
    """Return the FTDI adapters and their latency timers (Linux only); above 1 ms is slow, and the default is 16 ms."""
    findings = []
    for timer in sorted(adapters.glob("*/latency_timer")):
        milliseconds = int(timer.read_text(encoding="ascii").strip())
        detail = f"/dev/{timer.parent.name} buffers bytes for up to {milliseconds} ms"
        slow = milliseconds > 1
        remedy = f"echo 1 | sudo tee {timer}" if slow else ""
        findings.append(Finding("latency timer", "warning" if slow else "ok", detail, remedy))
    return findings


def roll_call(
    instruments: Mapping[str, tuple[str, Instrument]],
    expected: Mapping[str, Identity],
    deadline_s: float = ANSWER_S,
) -> list[InstrumentReport]:
    """Open and identify all instruments in parallel, compare them with the configuration, make them safe, close them.

    Instruments are made safe and closed even after an interrupt. An instrument that has not answered within
    `deadline_s` is left to its own thread, which makes it safe if its driver ever returns.

    Parameters
    ----------
    instruments : mapping
        Name → driver name and unopened instrument.
    expected : mapping
        Name → model and serial in the configuration, "" for any.
    deadline_s : float
        How long to wait for the answers (s).
    """
    left = threading.Event()
    visits = {name: _Visit(instrument, left) for name, (_, instrument) in instruments.items()}
    failures: dict[str, Exception] = {}
    try:
        outcomes = _in_parallel(visits, deadline_s)
    finally:
        left.set()
        end = time.monotonic() + SAFE_S
        # An instrument whose thread is still running is not touched: that thread makes it safe if its driver returns.
        over = [name for name, visit in visits.items() if visit.over.wait(max(0.0, end - time.monotonic()))]
        failures = _make_safe_and_close({name: instruments[name][1] for name in over})
    reports = {
        name: _report_of(name, driver, outcomes.get(name), expected.get(name), deadline_s)
        for name, (driver, _) in instruments.items()
    }
    for name, failure in failures.items():
        if reports[name].state == "answers":
            reports[name] = _failed(reports[name], failure, "fault")
    return list(reports.values())


def exit_code(reports: list[InstrumentReport]) -> int:
    """Return 4 if an instrument is absent or differs, else the code of the first error, or 0."""
    codes = [report.exit_code for report in reports if report.exit_code]
    absent = ConnectionFailed.exit_code
    return absent if absent in codes else next(iter(codes), 0)


def unreachable(name: str, driver: str, error: LabrigError) -> InstrumentReport:
    """Return the report on an instrument that the bench could not create."""
    return _failed(InstrumentReport(name, driver, "absent"), error)


class _Visit:
    """Opens and identifies one instrument; if nobody waits for it any more (`left` is set), also makes it safe."""

    def __init__(self, instrument: Instrument, left: threading.Event) -> None:
        self.over = threading.Event()
        self._instrument = instrument
        self._left = left

    def __call__(self) -> Identity:
        try:
            self._instrument.open()
            return self._instrument.identify()
        finally:
            if self._left.is_set():
                for action in (self._instrument.make_safe, self._instrument.close):
                    with suppress(Exception):
                        action()
            self.over.set()


def _report_of(
    name: str, driver: str, outcome: Identity | Exception | None, wanted: Identity | None, deadline_s: float
) -> InstrumentReport:
    row = InstrumentReport(name, driver, "absent")
    if outcome is None:
        late = DeadlineExceeded(
            f"did not answer within {deadline_s:g} s; its state is unknown", remedy="check its power and its driver"
        )
        return _failed(row, late)
    if not isinstance(outcome, Identity):
        return _failed(row, outcome)
    row = replace(row, state="answers", model=outcome.model, serial=outcome.serial, firmware=outcome.firmware)
    differences = [
        f"{what} is {getattr(outcome, what)!r}, but the configuration names {getattr(wanted, what)!r}"
        for what in (wanted.differing(outcome) if wanted else ())
    ]
    if not differences:
        return row
    remedy = f"connect the right instrument or correct instruments.{name}"
    return _failed(row, IdentityMismatch("; ".join(differences), remedy=remedy))


def _failed(row: InstrumentReport, error: Exception, state: State | None = None) -> InstrumentReport:
    known = error if isinstance(error, LabrigError) else LabrigError(_one_line(error))
    states: dict[type[LabrigError], State] = {
        InUse: "in use",
        ConnectionFailed: "absent",
        DeadlineExceeded: "absent",
        IdentityMismatch: "differs",
    }
    return replace(
        row,
        state=state or next((found for kind, found in states.items() if isinstance(known, kind)), "fault"),
        kind=type(error).__name__,
        detail=f"{known.message} ({known.limit})" if known.limit else known.message,
        remedy=known.remedy or "",
        exit_code=known.exit_code,
    )


def _make_safe_and_close(instruments: Mapping[str, Instrument]) -> dict[str, Exception]:
    """Make all instruments safe in parallel, then close them; return the first error of each instrument."""
    failures: dict[str, Exception] = {}
    for what, failed in (("make_safe", "could not be made safe"), ("close", "did not close")):
        actions = {name: partial(_completed, getattr(instrument, what)) for name, instrument in instruments.items()}
        outcomes = _in_parallel(actions, SAFE_S)
        for name in instruments:
            outcome = outcomes.get(name)
            if outcome is None:
                outcome = DeadlineExceeded(f"{failed} within {SAFE_S:g} s")
            if isinstance(outcome, Exception):
                failures.setdefault(name, outcome)
    return failures


def _completed(action: Callable[[], None]) -> bool:
    action()
    return True


def _in_parallel(tasks: Mapping[str, Callable[[], T]], deadline_s: float) -> dict[str, T | Exception]:
    """Run tasks in parallel; return the result or exception of each that ends within the deadline.

    The threads are daemons, so that a thread that hangs does not prevent the program from exiting.
    """
    outcomes: dict[str, T | Exception] = {}

    def work(name: str, task: Callable[[], T]) -> None:
        try:
            outcomes[name] = task()
        except Exception as error:
            outcomes[name] = error
        except BaseException as error:  # a library that calls exit() ends only its own thread
            outcomes[name] = RuntimeError(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=work, args=item, name=item[0], daemon=True) for item in tasks.items()]
    for thread in threads:
        thread.start()
    end = time.monotonic() + deadline_s
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return dict(outcomes)


def _port_problem(device: Path, processes: Path) -> tuple[str, str]:
    """Return why a port cannot be used, and the remedy; ("", "") if it can."""
    if not os.access(device, os.R_OK | os.W_OK):
        return "you have no permission to open it", _permission(device)
    holders = list(_holders(device, processes))
    if holders:
        return f"in use by {', '.join(holders)}", "close that program"
    return "", ""


def _permission(device: Path) -> str:
    group = "dialout"
    if sys.platform != "win32":
        import grp

        with suppress(KeyError, OSError):
            group = grp.getgrgid(device.stat().st_gid).gr_name
    return f"sudo usermod -aG {group} $USER, then log in again"


def _holders(device: Path, processes: Path) -> Iterator[str]:
    """Yield the processes that have the device open, as far as this user can see them."""
    target = str(device.resolve())
    for descriptors in processes.glob("[0-9]*/fd"):
        try:
            held = any(os.readlink(link) == target for link in descriptors.iterdir())
            name = (descriptors.parent / "comm").read_text(encoding="utf-8", errors="replace").strip()
        except OSError:  # the process has exited, or belongs to another user
            continue
        if held:
            yield f"{name} (process {descriptors.parent.name})"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _one_line(error: BaseException) -> str:
    """Return the first paragraph of an error as one line."""
    return " ".join(str(error).split("\n\n")[0].split()) or type(error).__name__
