"""Makes instruments safe from their records, over separate connections, without the program that uses them.

A driver may have a method `rescue` for this, which connects to the instrument in whatever state another process left
it, makes it safe and disconnects, as quickly as possible and without a reset. If a driver has no such method, the
instrument is opened, made safe and closed.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from labrig.errors import ConfigError, LabrigError
from labrig.instruments.drivers import installed_driver
from labrig.instruments.machine_lock import MachineLock
from labrig.instruments.records import Record, read_all

SOURCES_FIRST_S = 0.3
"""Longest time that the last stage, usually digitizers and programmers, waits for the previous stages (s)."""

RETRY_S = 10.0
"""Time for which an instrument that cannot be reached is tried again (s), in case its cable is plugged in again."""

_PAUSE_S = 0.2


def prepared(record: Record) -> Any:
    """Return the instrument of a record, not yet open, with all modules imported.

    Raises ConfigError if the driver is not installed, or does not accept the options of the record.
    """
    driver = installed_driver(record.driver)
    if driver is None or driver.factory is None:
        raise ConfigError(f"no driver {record.driver!r} is installed; install its package", device=record.name)
    try:
        options = driver.options.model_validate_json(json.dumps(record.options))
    except ValueError as error:
        raise ConfigError(f"{record.driver} does not accept the options in its record", device=record.name) from error
    for module in driver.imports:
        try:
            import_module(module)
        except ImportError:
            break  # `rescue` raises a better error
    instrument = driver.factory(record.name, options)
    if record.safe_levels:
        instrument.hold_when_safe(record.safe_levels)
    return instrument


def rescue(record: Record, instrument: Any = None) -> None:
    """Make the instrument of a record safe over a separate connection.

    Parameters
    ----------
    record : Record
        The record.
    instrument : Instrument, optional
        The instrument that `prepared` returned for it.

    Raises
    ------
    LabrigError
        If the instrument cannot be reached, or does not obey.
    """
    if record.kind == "digitizer" and _device_in_use(record):
        return  # it drives nothing, and freeing it could reset outputs that another program uses
    instrument = prepared(record) if instrument is None else instrument
    if hasattr(instrument, "rescue"):
        instrument.rescue()
        return
    try:
        instrument.open()
        instrument.make_safe()
    finally:
        instrument.close()


class Rescue:
    """Makes one instrument safe, in a thread that starts at once and waits for `begin`.

    Parameters
    ----------
    record : Record
        The record of the instrument.
    retry_s : float
        Time during which failed attempts are repeated (s).
    on_ready : callable
        Called when the thread has imported everything and waits for `begin`; its argument is the exception if an
        import failed, otherwise None.

    Attributes
    ----------
    error : Exception or None
        Exception of the last attempt; None if it succeeded.
    """

    def __init__(
        self,
        record: Record,
        retry_s: float = RETRY_S,
        on_ready: Callable[[Exception | None], None] = lambda error: None,
    ) -> None:
        self.record = record
        self.error: Exception | None = None
        self._retry_s = retry_s
        self._on_ready = on_ready
        self._begun, self._over = threading.Event(), threading.Event()
        self._withdrawn = False
        self._instrument: Any = None
        threading.Thread(target=self._work, name=f"rescue {record.name}", daemon=True).start()

    def begin(self) -> None:
        """Begin to make the instrument safe."""
        self._begun.set()

    def withdraw(self) -> None:
        """End the thread without doing anything, unless it has begun."""
        self._withdrawn = True
        self._begun.set()

    def wait(self, within_s: float) -> bool:
        """Wait up to `within_s` seconds. Return whether the attempts have ended; they succeeded if `error` is None."""
        return self._over.wait(max(0.0, within_s))

    def _work(self) -> None:
        try:
            self._instrument = prepared(self.record)
        except Exception as error:
            self.error = error
        self._on_ready(self.error)
        self._begun.wait()
        ends = time.monotonic() + self._retry_s
        while not self._withdrawn:
            try:
                rescue(self.record, self._instrument)
                self.error = None
                break
            except BaseException as error:  # a library that calls exit() must not end the thread
                self.error = error if isinstance(error, Exception) else LabrigError(type(error).__name__)
            if time.monotonic() + _PAUSE_S >= ends:
                break
            time.sleep(_PAUSE_S)
        self._over.set()


def begin_all(rescues: Iterable[Rescue]) -> None:
    """Begin the rescues stage by stage, usually sources first; a stage begins when the previous one is safe.

    After SOURCES_FIRST_S all stages begin, even if previous stages are not safe yet.
    """
    stages: dict[int, list[Rescue]] = {}
    for each in rescues:
        stages.setdefault(each.record.safe_stage, []).append(each)
    began = time.monotonic()
    for number, stage in enumerate(sorted(stages), start=1):
        for each in stages[stage]:
            each.begin()
        if number < len(stages):
            ends = began + SOURCES_FIRST_S * number / (len(stages) - 1)
            for each in stages[stage]:
                each.wait(ends - time.monotonic())


def _device_in_use(record: Record) -> bool:
    """Whether another function of the same device, such as the outputs of a card, is in use by a running process."""
    address = record.key.removeprefix(f"{record.driver} ")
    for other in read_all()[0]:
        if other.key != record.key and other.key.removeprefix(f"{other.driver} ") == address:
            holder = MachineLock(other.key).holder()
            if holder is not None and holder != record.pid:
                return True
    return False
