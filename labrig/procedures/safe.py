"""Makes safe all instruments that labrig is using on this machine, and stops the programs that use them.

No configuration or run is needed: an instrument is recorded when it is opened (instruments/records.py), and the record
is sufficient.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from labrig.errors import LabrigError, UsageError, reason
from labrig.instruments import records, stop_requests
from labrig.instruments.machine_lock import MachineLock
from labrig.instruments.records import Record
from labrig.instruments.rescue import Rescue, begin_all
from labrig.runs.folder import find_run
from labrig.runs.lock import writer

RETRY_S = 5.0
STOP_S = 10.0
"""Time for a program that was asked to stop to make its instruments safe and close them (s)."""

LAST_ATTEMPT_S = 5.0

STEP_S = 10.0
"""Time to finish a step after the first request to stop (s)."""

SAFE_S = 25.0
"""Time to make the instruments safe after the second request to stop (s); `Rig.close` ends within about 20 s."""

KILL_S = 5.0

WATCHDOG_S = 3.0
"""Time for the watchdog of a killed program to make its instruments safe (s)."""

_POLL_S = 0.05


@dataclass(frozen=True)
class SafeReport:
    """The result of making one instrument safe.

    Parameters
    ----------
    name, driver, address : str
        The instrument.
    state : {'safe', 'not safe', 'drives nothing'}
        Whether it was made safe just now. A digitizer that a running program uses "drives nothing" and is left alone.
    owner : str
        The program that uses or used the instrument.
    pid : int
        The process of that program.
    alive : bool
        Whether that process is still running.
    stopped : bool
        Whether that process was running, and has stopped on request.
    detail, remedy : str
        Why the instrument is not safe, and what to do.
    """

    name: str
    driver: str
    address: str
    state: Literal["safe", "not safe", "drives nothing"]
    owner: str
    pid: int
    alive: bool
    detail: str = ""
    remedy: str = ""
    stopped: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the report for `labrig safe --json`."""
        return asdict(self)


def make_safe(names: Sequence[str] = (), pid: int | None = None) -> list[SafeReport]:
    """Make instruments safe, each over its own connection, even while a running program uses them.

    A running program is first asked to stop, so that it switches nothing on again. It is given time to end before the
    reports are returned.

    Parameters
    ----------
    names : sequence of str
        Names or addresses of instruments; all if empty.
    pid : int, optional
        Restrict to the instruments of this process.

    Raises
    ------
    UsageError
        If no instrument of that name is in use.
    """
    chosen = [record for record in _named(names) if pid is None or record.pid == pid]
    locks: dict[str, MachineLock] = {}
    rescues: dict[str, Rescue] = {}
    try:
        for record in chosen:
            lock = MachineLock(record.key)
            if lock.acquire():  # no program uses it any more, and none can open it while it is made safe
                locks[record.key] = lock
            else:
                with suppress(LabrigError, OSError):  # whatever fails here, the instrument is switched off
                    stop_requests.ask(record.pid)
            if record.key in locks or record.kind != "digitizer":
                rescues[record.key] = Rescue(record, RETRY_S)
        ends = time.monotonic() + RETRY_S + LAST_ATTEMPT_S
        begin_all(rescues.values())
        reports = [
            _report(record, rescues.get(record.key), alive=record.key not in locks, ends=ends) for record in chosen
        ]
        for record, report in zip(chosen, reports, strict=True):
            if report.state == "safe" and not report.alive:
                records.remove(record)
    finally:
        for lock in locks.values():
            lock.release()
    return _after_stopping(chosen, reports)


def _after_stopping(chosen: Sequence[Record], reports: Sequence[SafeReport]) -> list[SafeReport]:
    """Wait until the programs that were asked to stop have stopped, and return the reports as they are then."""
    asked = {report.pid for report in reports if report.alive}
    using = [record for record in records.read_all()[0] if record.pid in asked] if asked else []
    _wait(lambda: not any(_in_use(record) for record in using), STOP_S)
    stopped = asked - {record.pid for record in using if _in_use(record)}
    for pid in stopped:
        stop_requests.withdraw(pid)
    found: list[SafeReport] = []
    for record, report in zip(chosen, reports, strict=True):
        if report.alive and report.pid in stopped:
            left = records.find(record.key)
            again = make_safe([left.name], left.pid)[0] if left is not None and left.pid == report.pid else None
            report = again or replace(report, state="safe", detail="", remedy="")
            report = replace(report, alive=False, stopped=True)
        found.append(report)
    return found


def forget(names: Sequence[str]) -> list[Record]:
    """Delete the records of instruments that were switched off by hand, and return them.

    Raises
    ------
    UsageError
        If no name is given, no instrument of that name is in use, or a running program uses one of them; no record is
        then deleted.
    """
    if not names:
        raise UsageError("--forget needs the NAME of an instrument that was switched off by hand")
    chosen = _named(names)
    busy = [record for record in chosen if _in_use(record)]
    if busy:
        users = ", ".join(f"{record.name} is in use by {record.user}" for record in busy)
        stop = "; ".join(dict.fromkeys(f"labrig abort {record.pid}" for record in busy))
        raise UsageError(
            f"nothing was forgotten: {users}",
            remedy=f"stop it: {stop}; or leave out {', '.join(each.name for each in busy)}",
        )
    for record in chosen:
        records.remove(record)
    return chosen


@dataclass(frozen=True)
class Abortion:
    """How a program was stopped.

    Parameters
    ----------
    what : str
        The folder of the run, or the process.
    pid : int or None
        The process; None if it had ended before.
    how : {'had ended', 'stopped', 'killed', 'still runs'}
        'stopped': the program made its instruments safe and ended. 'killed': it had to be killed.
    instruments : tuple of SafeReport
        Instruments that the program left in use, which were made safe afterwards.
    by_watchdog : tuple of str
        Instruments that the program left in use and its watchdog made safe.
    """

    what: str
    pid: int | None
    how: Literal["had ended", "stopped", "killed", "still runs"]
    instruments: tuple[SafeReport, ...] = ()
    by_watchdog: tuple[str, ...] = ()


def abort(run: str, runs_dir: Path, report: Callable[[str], None] = lambda text: None) -> Abortion:
    """Stop the program that writes a run, or a process that has instruments in use.

    The program is asked to finish its step, then to stop at once, and is then killed. Instruments that it leaves in use
    are made safe.

    Parameters
    ----------
    run : str
        Folder or name of a run, or a process id.
    runs_dir : Path
        Folder of runs.
    report : callable
        Called with a line of text before each wait.

    Raises
    ------
    UsageError
        If there is no such run or process.
    """
    if sys.platform == "win32":
        raise UsageError("labrig abort cannot stop a program on Windows", remedy="press Ctrl-C in its window")
    what, find = _program(run, runs_dir)
    pid = find()
    if pid is None:
        return Abortion(what, None, "had ended")
    for number, within_s, asked in (
        (signal.SIGTERM, STEP_S, "to stop after its step"),
        (signal.SIGTERM, SAFE_S, "to stop now"),
        (signal.SIGKILL, KILL_S, ""),
    ):
        report(f"asking process {pid} {asked}, for up to {within_s:g} s" if asked else f"killing process {pid}")
        if not _signal(pid, number, find):
            break
        if _wait(lambda: find() != pid, within_s):
            if number == signal.SIGKILL:
                killed = _records_of(pid)
                _wait(lambda: not _records_of(pid), WATCHDOG_S)
                left = tuple(make_safe(pid=pid))
                rest = {each.name for each in left}
                return Abortion(what, pid, "killed", left, tuple(each.name for each in killed if each.name not in rest))
            return Abortion(what, pid, "stopped", tuple(make_safe(pid=pid)))
    ended = find() != pid
    return Abortion(what, pid, "stopped" if ended else "still runs", tuple(make_safe(pid=pid)))


def _program(run: str, runs_dir: Path) -> tuple[str, Callable[[], int | None]]:
    """Return the name of the program, and a function that returns its process id while it runs."""
    if run.isascii() and run.isdigit() and not (runs_dir / run).exists():
        pid = int(run)
        mine = _records_of(pid)
        if not mine:
            raise UsageError(f"process {pid} has no instrument in use", remedy="`labrig safe` lists those in use")
        return f"process {pid}", lambda: pid if any(_in_use(record) for record in mine) else None
    folder = find_run(Path(run), runs_dir)
    return str(folder.path), lambda: writer(folder.journal)


def _signal(pid: int, number: int, find: Callable[[], int | None]) -> bool:
    """Send a signal to a process if `find` still returns its id; return False if it does not."""
    if find() != pid:
        return False
    try:
        os.kill(pid, number)
        os.kill(pid, signal.SIGCONT)  # a stopped process would not receive it
    except ProcessLookupError:
        return False
    except PermissionError as error:
        raise LabrigError(f"process {pid} belongs to another user", remedy="ask them, or use sudo") from error
    return True


def _wait(condition: Callable[[], bool], within_s: float) -> bool:
    ends = time.monotonic() + within_s
    while not (met := condition()) and time.monotonic() < ends:
        time.sleep(_POLL_S)
    return met


def _named(names: Sequence[str]) -> list[Record]:
    found, _ = records.read_all()
    if not names:
        return found
    chosen: list[Record] = []
    for name in names:
        mine = [record for record in found if name in (record.name, record.address)]
        if not mine:
            known = ", ".join(record.name for record in found) or "none"
            raise UsageError(f"no instrument {name!r} is in use by labrig on this machine; in use: {known}")
        chosen += [record for record in mine if record not in chosen]
    return chosen


def _records_of(pid: int) -> list[Record]:
    return [record for record in records.read_all()[0] if record.pid == pid]


def _in_use(record: Record) -> bool:
    lock = MachineLock(record.key)
    if lock.acquire():
        lock.release()
        return False
    return True


def _report(record: Record, rescue: Rescue | None, *, alive: bool, ends: float) -> SafeReport:
    def report(state: Literal["safe", "not safe", "drives nothing"], detail: str = "", remedy: str = "") -> SafeReport:
        who = record.name, record.driver, record.address
        return SafeReport(*who, state, record.user, record.pid, alive, detail, remedy)

    if rescue is None:
        return report("drives nothing")
    over = rescue.wait(ends - time.monotonic())
    if over and rescue.error is None:
        return report("safe")
    why = reason(rescue.error).removeprefix(f"{record.name}: ") if rescue.error else "its driver does not return"
    if alive:
        return report("not safe", why, f"stop its program, which makes it safe: labrig abort {record.pid}")
    return report("not safe", why, f"switch it off by hand, then: labrig safe {record.name} --forget")
