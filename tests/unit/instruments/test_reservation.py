"""An instrument that is open in one process is refused to every other."""

from __future__ import annotations

import subprocess
import sys

import pytest

from labrig.errors import ConnectionFailed
from labrig.instruments import reservation
from labrig.instruments.data import Identity
from labrig.instruments.reservation import Reserved


class Instrument:
    def __init__(self, serial: str = "A1") -> None:
        self.opened = 0
        self.serial = serial

    def identify(self) -> Identity:
        return Identity("SDG2042X", self.serial)

    def open(self) -> None:
        self.opened += 1

    def close(self) -> None:
        self.opened -= 1


HOLD = """
import sys
from pathlib import Path
from labrig.instruments import reservation
reservation.FOLDER = Path(sys.argv[1])
class Instrument:
    def open(self): pass
held = reservation.Reserved("gen", "siglent.sdg", sys.argv[2], Instrument())
held.open()
print("open", flush=True)
sys.stdin.read()
"""
DRIVER, ADDRESS = "siglent.sdg", "TCPIP::10.0.0.5::INSTR"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(reservation, "FOLDER", tmp_path / "locks")
    return tmp_path / "locks"


def test_what_another_process_has_open_is_not_even_touched_until_that_ends(folder) -> None:
    instrument = Instrument()
    here = Reserved("gen", DRIVER, ADDRESS, instrument)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), ADDRESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(ConnectionFailed, match=rf"gen: is in use by another labrig .*, process {other.pid} "):
            here.open()
        here.close()
        assert instrument.opened == -1  # closing what was never opened is passed on, and the reservation stays
        with pytest.raises(ConnectionFailed, match="in use"):
            here.open()
        other.kill()
        other.wait()
    here.open()
    assert instrument.opened == 0


def test_reopened_after_close_and_another_address_at_any_time() -> None:
    first, second = (
        Reserved("gen", DRIVER, ADDRESS, Instrument()),
        Reserved("other", DRIVER, ADDRESS.replace("5", "6"), Instrument()),
    )
    first.open()
    second.open()
    again = Reserved("gen", DRIVER, ADDRESS, Instrument())
    with pytest.raises(ConnectionFailed, match="already open in this process"):
        again.open()
    first.close()
    again.open()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("TCPIP::10.0.0.5::INSTR", "tcpip0::10.0.0.5::inst0"),
        ("TCPIP::127.0.0.1::5025::SOCKET", "TCPIP0::localhost::5025::SOCKET"),
        ("127.0.0.1:31763/Dev1", "localhost:31763/dev1"),
        ("socket://localhost:4000", "socket://127.0.0.1:4000"),
    ],
)
def test_one_instrument_under_two_spellings(one: str, other: str) -> None:
    held = Reserved("gen", DRIVER, one, Instrument())
    held.open()
    with pytest.raises(ConnectionFailed, match="already open in this process"):
        Reserved("gen", DRIVER, other, Instrument()).open()


def test_one_instrument_at_two_addresses_is_known_by_its_serial_number() -> None:
    first, second = (
        Reserved("gen", DRIVER, ADDRESS, Instrument()),
        Reserved("gen", DRIVER, "USB0::1::2::A1", Instrument()),
    )
    third = Reserved("gen", DRIVER, "USB0::1::2::A2", Instrument("A2"))
    for each in (first, second, third):
        each.open()
    assert first.identify() == first.identify()
    third.identify()
    with pytest.raises(ConnectionFailed, match="already open in this process"):
        second.identify()
    first.close()
    second.identify()


def test_virtual_instruments_on_this_machine_may_share_a_serial_number() -> None:
    for port in (4000, 4001):
        each = Reserved("gen", DRIVER, f"socket://127.0.0.1:{port}", Instrument())
        each.open()
        each.identify()


def test_a_reservation_is_open_to_every_user(folder) -> None:
    Reserved("gen", DRIVER, ADDRESS, Instrument()).open()
    assert folder.stat().st_mode & 0o777 == 0o777
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o666}


def test_without_a_place_for_reservations_instruments_open_and_that_is_said(folder, caplog) -> None:
    folder.parent.joinpath("locks").write_text("a file, no folder")
    instrument = Instrument()
    Reserved("gen", DRIVER, ADDRESS, instrument).open()
    assert instrument.opened == 1
    assert "gen cannot be reserved" in caplog.text
