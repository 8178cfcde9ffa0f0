"""Reservation of instruments: only one process on this machine can open an instrument at a time.

Opening resets an instrument, so a second program, or `labrig doctor`, would disturb a run in progress. An instrument is
reserved by its address in canonical form, and also by its serial number once this is known, since it may have several
addresses. The operating system releases a reservation when its process ends for any reason. If the process was killed,
the record of the instrument (records.py) still exists, and the instrument is made safe before it is opened again.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from labrig.errors import ConfigError, ConnectionFailed, InUse, LabrigError, reason
from labrig.instruments import records
from labrig.instruments.addresses import canonical, is_loopback
from labrig.instruments.data import Identity
from labrig.instruments.drivers import DriverInfo, InstrumentOptions
from labrig.instruments.machine_lock import MachineLock
from labrig.instruments.records import Record
from labrig.instruments.rescue import rescue
from labrig.instruments.stop_requests import Session

_DRIVING = frozenset({"load", "start", "idle", "program", "keep_alive"})
"""Calls after which the instrument is no longer safe."""

_STOPPED = _DRIVING | {"arm", "confirm"}
"""Calls that are refused once another program has run `labrig safe`; if they fail, the error says that it has."""

_SESSION = Session()

_PROGRESS = {"digitizer": "read", "programmer": "program"}
"""For each kind, the call whose return shows that the program is making progress."""

RESCUED_S = 20.0
"""Longest time until an instrument that a killed program left behind is safe and can be reserved (s)."""

_DYING_S = 0.3
"""Longest time that a reservation may outlive its program (s)."""

_HANDOVER_S = 2.0
"""Longest time that a reservation may outlive the record of an instrument that was made safe (s)."""

_POLL_S = 0.02


class Guardian(Protocol):
    """The interface of the watchdog, which makes instruments safe if this process cannot."""

    def guard(self, record: Record) -> None:
        """Take responsibility for an instrument that is about to be opened."""
        ...

    def ready(self, record: Record) -> None:
        """Wait until the guardian is ready to make the instrument safe. Raises ConnectionFailed if it cannot."""
        ...

    def release(self, record: Record) -> None:
        """Report that the instrument is safe and closed."""
        ...

    def feed(self) -> None:
        """Report that the program is making progress."""
        ...


def record_of(name: str, driver: DriverInfo, options: InstrumentOptions) -> Record:
    """Return the record of an instrument that this process is going to use.

    Raises ConfigError if its options change when they are written as JSON and read again.
    """
    address = driver.capabilities(options).address or name
    written = {**json.loads(options.model_dump_json(exclude_defaults=True)), "driver": driver.name}
    try:
        same = driver.options.model_validate_json(json.dumps(written)) == options
    except ValueError:
        same = False
    if not same:
        raise ConfigError(
            f"the options of {driver.name} cannot be written as JSON and read again, so the instrument could not be "
            "made safe if this program were killed",
            device=name,
            remedy="correct the driver's options model",
        )
    return Record(name, driver.name, driver.kind, address, written)


class Reserved:
    """An instrument that is reserved, recorded and guarded from `open` to `close`.

    Parameters
    ----------
    record : Record
        The record to write. Two functions of one device, such as the inputs and outputs of a card, have different
        drivers and are reserved separately.
    instrument : Instrument
        The instrument.
    guardian : Guardian, optional
        The guardian that makes the instrument safe if this process is killed or hangs.
    """

    def __init__(self, record: Record, instrument: Any, guardian: Guardian | None = None) -> None:
        self._name = record.name
        self._record = record
        self._instrument = instrument
        self._guardian = guardian
        self._locks: dict[str, MachineLock] = {}
        self._is_recorded = False
        self._is_safe = False
        self._is_guarded = False

    def __getattr__(self, action: str) -> Any:
        method = getattr(self._instrument, action)
        if action in _DRIVING:
            self._is_safe = False
            if self._guardian is not None and not self._is_guarded:
                self._guardian.ready(self._record)
                self._is_guarded = True
        if self._guardian is not None and action == _PROGRESS.get(self._record.kind):
            method = self._feeding(method, self._guardian)
        return self._unless_stopped(action, method) if action in _STOPPED else method

    def hold_when_safe(self, levels: Mapping[str, float]) -> None:
        """Make channels hold a level (V) when the instrument is made safe, by this process or by another."""
        self._record = replace(self._record, safe_levels=dict(levels))
        self._instrument.hold_when_safe(levels)

    def make_safe_in_stage(self, stage: int) -> None:
        """Set the stage in which the instrument is made safe, by this process or by another."""
        self._record = replace(self._record, stage=stage)

    def open(self) -> None:
        """Reserve the instrument, make it safe if a killed program left it behind, record it and open it.

        Raises
        ------
        InUse
            If another process has reserved it.
        ConnectionFailed
            If it cannot be reserved, or was left behind and cannot be made safe.
        StorageError
            If it cannot be recorded.
        """
        _SESSION.begin(self)
        self._require_not_stopped("open")
        address = canonical(self._record.address)
        key = f"{self._record.driver} {address}"
        self._record = replace(self._record, key=key)
        self._reserve(key)
        if not self._is_recorded:
            self._take_over()
            records.write(self._record)
            self._is_recorded, self._is_safe = True, False
            if self._guardian is not None:
                self._guardian.guard(self._record)
        self._instrument.open()

    def identify(self) -> Identity:
        """Identify the instrument and reserve its serial number; raises InUse if another process has reserved it."""
        identity = self._instrument.identify()
        # Virtual instruments on this machine may have the same serial number.
        if identity.serial.strip("0") and not is_loopback(canonical(self._record.address)):
            self._reserve(f"{self._record.driver} {identity.model} {identity.serial}")
        return identity

    def make_safe(self) -> None:
        """Make the instrument safe."""
        self._instrument.make_safe()
        self._is_safe = True

    def leave(self) -> None:
        """Make a programmer keep its state when it is closed. It then counts as safe, because nothing drives it."""
        self._instrument.leave()
        self._is_safe = True

    def close(self) -> None:
        """Close the instrument and release it. Its record stays if it was not made safe."""
        try:
            self._instrument.close()
            if self._is_recorded and self._is_safe:
                self._is_recorded = self._is_guarded = False
                records.remove(self._record)
                if self._guardian is not None:
                    self._guardian.release(self._record)
        finally:
            _SESSION.end(self)
            locks, self._locks = self._locks, {}
            for lock in locks.values():
                lock.release()

    def _feeding(self, method: Callable[..., Any], guardian: Guardian) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            result = method(*arguments)
            guardian.feed()
            return result

        return call

    def _unless_stopped(self, action: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self._require_not_stopped(action)
            try:
                return method(*arguments)
            except LabrigError:
                self._require_not_stopped(action)
                raise

        return call

    def _require_not_stopped(self, action: str) -> None:
        if _SESSION.is_to_stop():
            raise ConnectionFailed(
                "`labrig safe` was called, and has made the instruments of this program safe",
                device=self._name,
                action=action,
                remedy="when nobody else uses the bench, start again, or continue a run with labrig resume",
            )

    def _take_over(self) -> None:
        """Make the instrument safe if the last program that used it was killed, and log this."""
        left = records.find(self._record.key)
        if left is None:
            return
        try:
            rescue(left)
        except Exception as error:
            kind = type(error) if isinstance(error, ConnectionFailed) else ConnectionFailed
            raise kind(
                f"was not made safe by {left.user}, and cannot be made safe now: {reason(error)}",
                device=self._name,
                action="open",
                remedy=f"check its power and cable; if it is off: labrig safe {left.name} --forget",
            ) from error
        logging.getLogger("labrig").warning(
            "labrig: note: %s was not made safe by %s, which has ended; labrig made it safe before opening it",
            *(self._name, left.user),
        )
        records.remove(left)

    def _reserve(self, key: str) -> None:
        if key in self._locks:
            return
        lock = MachineLock(key)
        try:
            taken = not _acquired(lock, key)
        except (OSError, LabrigError) as error:
            raise ConnectionFailed(
                f"cannot be reserved, so another labrig could use it at the same time: {reason(error)}",
                device=self._name,
                action="open",
            ) from error
        if not taken:
            self._locks[key] = lock
            return
        record = records.find(key)
        holder = lock.holder() or (record.pid if record is not None else None)
        if holder == os.getpid():
            raise InUse(
                "is already open in this process, by another entry or another rig with the same address",
                device=self._name,
                action="open",
                remedy="give every entry the address of its own instrument; close one rig before opening another",
            )
        by = f", process {holder}" if holder else ""
        raise InUse(
            f"is in use by another labrig on this machine{by}",
            device=self._name,
            action="open",
            remedy="wait for it to finish, or stop it (labrig abort); opening the instrument would reset it",
        )


def _acquired(lock: MachineLock, key: str) -> bool:
    """Take the lock of an instrument; return False if another program uses it.

    If the process that holds the lock is not the one in the record, it is making the instrument safe after the recorded
    process was killed; this function then waits for it.
    """
    began = rescued = time.monotonic()
    while not lock.acquire():
        record, holder, now = records.find(key), lock.holder(), time.monotonic()
        released = holder is None and sys.platform == "linux"  # released since the attempt; other systems cannot tell
        if record is None or released:
            ends = rescued + _HANDOVER_S
        elif holder in (None, record.pid):
            ends = began + _DYING_S
        else:
            rescued, ends = now, began + RESCUED_S
        if holder == os.getpid() or now >= ends:
            return False
        time.sleep(_POLL_S)
    return True
