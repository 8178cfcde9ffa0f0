"""An instrument that is open in one process is refused to every other, and made safe first if that was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from unit.instruments.in_use import ADDRESS, Instrument, record, use

from labrig.errors import ConnectionFailed, StorageError
from labrig.instruments import records, reservation, stop_requests
from labrig.instruments.records import Record
from labrig.instruments.reservation import Reserved

HOLD = """
import sys
from pathlib import Path
from labrig.instruments import records
from labrig.instruments.reservation import Reserved
records.FOLDER = Path(sys.argv[1])
class Instrument:
    def open(self): pass
record = records.Record("gen", "siglent.sdg", "source", sys.argv[2], {"driver": "siglent.sdg", "resource": sys.argv[2]})
held = Reserved(record, Instrument())
held.open()
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    return use(tmp_path / "in use", monkeypatch)


@pytest.fixture
def rescued(monkeypatch) -> list[Record]:
    """Instruments that were to be made safe from outside."""
    found: list[Record] = []
    monkeypatch.setattr(reservation, "rescue", found.append)
    return found


@pytest.fixture
def reserved() -> Iterator[Callable[..., Reserved]]:
    """Make a reserved instrument, whose reservation is released at the end of the test."""
    made: list[Reserved] = []

    def make(*arguments: Any) -> Reserved:
        made.append(Reserved(*arguments))
        return made[-1]

    yield make
    for each in made:
        each.close()


def another_process(folder: Path) -> subprocess.Popen[str]:
    """A process that has the instrument open."""
    command = [sys.executable, "-c", HOLD, str(folder), ADDRESS]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "open\n"
    return other


def test_what_another_process_has_open_is_not_even_touched_until_that_ends(reserved, folder, rescued, caplog) -> None:
    instrument = Instrument()
    here = reserved(record(), instrument)
    with another_process(folder) as other:
        with pytest.raises(ConnectionFailed, match=rf"gen: is in use by another labrig .*, process {other.pid} "):
            here.open()
        here.close()
        assert instrument.opened == -1  # closing what was never opened is passed on, and the reservation stays
        with pytest.raises(ConnectionFailed, match="in use"):
            here.open()
        other.kill()
        other.wait()
    assert rescued == []
    here.open()
    assert instrument.opened == 0
    assert [(left.name, left.pid) for left in rescued] == [("gen", other.pid)]
    assert f"gen was not made safe by process {other.pid}" in caplog.text


def test_what_is_just_being_made_safe_after_a_kill_is_waited_for(reserved, folder, rescued) -> None:
    """A watchdog holds the reservation meanwhile, so that a run can be resumed as soon as it was killed."""
    left = replace(record(), pid=2**22 + 1)  # of no process
    with another_process(folder) as watchdog:
        records.write(replace(left, key=records.read_all()[0][0].key))
        here = reserved(record(), Instrument())
        opening = threading.Thread(target=here.open)
        opening.start()
        opening.join(1.0)
        assert opening.is_alive()
        records.remove(records.read_all()[0][0])
        watchdog.kill()
        watchdog.wait()
        opening.join(1.0)
        assert not opening.is_alive()
    assert rescued == []
    assert [found.pid for found in records.read_all()[0]] == [os.getpid()]


def test_what_a_killed_process_left_is_not_opened_if_it_cannot_be_made_safe(reserved, folder, monkeypatch) -> None:
    def fail(left: Record) -> None:
        raise ConnectionFailed("no route to host")

    monkeypatch.setattr(reservation, "rescue", fail)
    with another_process(folder) as other:
        other.kill()
    instrument = Instrument()
    here = reserved(record(), instrument)
    with pytest.raises(ConnectionFailed, match=r"cannot be made safe now: no route to host .*--forget"):
        here.open()
    here.close()
    assert "open" not in instrument.calls
    assert [left.pid for left in records.read_all()[0]] == [other.pid]


def test_reopened_after_close_and_another_address_at_any_time(reserved, rescued) -> None:
    first = reserved(record(), Instrument())
    second = reserved(record(ADDRESS.replace("5", "6"), "other"), Instrument())
    first.open()
    second.open()
    again = reserved(record(), Instrument())
    with pytest.raises(ConnectionFailed, match="already open in this process"):
        again.open()
    first.make_safe()
    first.close()
    again.open()
    assert rescued == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("TCPIP::10.0.0.5::INSTR", "tcpip0::10.0.0.5::inst0"),
        ("TCPIP::127.0.0.1::5025::SOCKET", "TCPIP0::localhost::5025::SOCKET"),
        ("127.0.0.1:31763/Dev1", "localhost:31763/dev1"),
        ("socket://localhost:4000", "socket://127.0.0.1:4000"),
    ],
)
def test_one_instrument_under_two_spellings(reserved, one: str, other: str) -> None:
    held = reserved(record(one), Instrument())
    held.open()
    with pytest.raises(ConnectionFailed, match="already open in this process"):
        reserved(record(other), Instrument()).open()


def test_one_instrument_at_two_addresses_is_known_by_its_serial_number(reserved) -> None:
    first = reserved(record(), Instrument())
    second = reserved(record("USB0::1::2::A1"), Instrument())
    third = reserved(record("USB0::1::2::A2"), Instrument("A2"))
    for each in (first, second, third):
        each.open()
    assert first.identify() == first.identify()
    third.identify()
    with pytest.raises(ConnectionFailed, match="already open in this process"):
        second.identify()
    first.close()
    second.identify()


def test_virtual_instruments_on_this_machine_may_share_a_serial_number(reserved) -> None:
    held = [reserved(record(f"socket://127.0.0.1:{port}"), Instrument()) for port in (4000, 4001)]
    for each in held:
        each.open()
        each.identify()


def test_another_tmpdir_does_not_split_a_reservation(reserved, tmp_path, monkeypatch, folder) -> None:
    with another_process(folder) as other:
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        monkeypatch.setenv("HOME", str(tmp_path))
        with pytest.raises(ConnectionFailed, match="in use"):
            reserved(record(), Instrument()).open()
        other.kill()


def test_without_a_place_for_records_nothing_is_opened(reserved, folder) -> None:
    folder.write_text("a file, no folder")
    instrument = Instrument()
    with pytest.raises(StorageError, match="not a folder"):
        reserved(record(), instrument).open()
    assert instrument.calls == []


def test_a_record_exists_from_before_open_until_it_is_safe_and_closed(reserved) -> None:
    class Looking(Instrument):
        def open(self) -> None:
            self.seen = [each.name for each in records.read_all()[0]]

    instrument = Looking()
    here = reserved(record(), instrument)
    here.open()
    assert instrument.seen == ["gen"]
    here.make_safe()
    here.load()  # driven again
    here.close()
    assert [each.name for each in records.read_all()[0]] == ["gen"]


@pytest.mark.usefixtures("rescued")
def test_a_record_is_deleted_once_the_instrument_is_safe_and_closed(reserved) -> None:
    here = reserved(record(), Instrument())
    here.open()
    here.load()
    here.make_safe()
    here.close()
    assert records.read_all() == ([], [])


def test_after_labrig_safe_nothing_is_opened_or_played_until_all_is_closed(reserved) -> None:
    first, second = reserved(record(), Instrument()), reserved(record("TCPIP::10.0.0.6::INSTR"), Instrument("B2"))
    first.open()
    first.load()
    stop_requests.ask(os.getpid())
    for call in (first.load, second.open):
        with pytest.raises(ConnectionFailed, match="`labrig safe` was called"):
            call()
    first.make_safe()
    first.close()
    second.close()
    time.sleep(0.05)
    first.open()
    first.load()
    assert first._instrument.calls.count("load") == 2


def test_a_request_to_another_process_is_not_mine(reserved) -> None:
    only = reserved(record(), Instrument())
    only.open()
    stop_requests.ask(os.getpid() + 1)
    only.load()


def test_what_an_instrument_holds_when_it_is_safe_and_when_is_in_its_record():
    instrument = Instrument()
    instrument.hold_when_safe = instrument.calls.append
    held = Reserved(record(), instrument)
    held.hold_when_safe({"1": 1.25})
    held.make_safe_in_stage(3)
    held.open()
    try:
        (written,), _ = records.read_all()
        assert (written.safe_levels, written.safe_stage) == ({"1": 1.25}, 3)
        assert instrument.calls[0] == {"1": 1.25}
    finally:
        held.make_safe()
        held.close()


def test_rescues_begin_in_the_order_of_their_stages(monkeypatch):
    from dataclasses import replace

    from labrig.instruments import rescue

    begun = []
    monkeypatch.setattr(rescue, "prepared", lambda record: record.name)
    monkeypatch.setattr(rescue, "rescue", lambda record, instrument: begun.append(instrument))
    stages = {"late": 2, "source": None, "early": -1, "digitizer": None}
    kinds = {"digitizer": "digitizer", "early": "programmer"}
    rescues = [
        rescue.Rescue(replace(record(name=name), stage=stage, kind=kinds.get(name, "source")))
        for name, stage in stages.items()
    ]
    rescue.begin_all(rescues)
    assert all(each.wait(5.0) for each in rescues)
    assert begun == ["early", "source", "digitizer", "late"]
