"""An instrument that is open in one process is refused to every other."""

from __future__ import annotations

import subprocess
import sys

import pytest

from labrig.errors import ConnectionFailed
from labrig.instruments import reservation
from labrig.instruments.reservation import Reserved


class Instrument:
    def __init__(self) -> None:
        self.opened = 0

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
held = reservation.Reserved("gen", "siglent.sdg TCPIP::10.0.0.5::INSTR", Instrument())
held.open()
print("open", flush=True)
sys.stdin.read()
"""
KEY = "siglent.sdg TCPIP::10.0.0.5::INSTR"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(reservation, "FOLDER", tmp_path / "locks")
    return tmp_path / "locks"


def test_what_another_process_has_open_is_not_even_touched_until_that_ends(folder) -> None:
    instrument = Instrument()
    here = Reserved("gen", KEY, instrument)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
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
    first, second = Reserved("gen", KEY, Instrument()), Reserved("other", KEY.replace("5", "6"), Instrument())
    first.open()
    second.open()
    again = Reserved("gen", KEY, Instrument())
    with pytest.raises(ConnectionFailed, match="in use"):
        again.open()
    first.close()
    again.open()


def test_where_nobody_can_keep_order_instruments_open_all_the_same(folder) -> None:
    folder.parent.joinpath("locks").write_text("a file, no folder")
    instrument = Instrument()
    Reserved("gen", KEY, instrument).open()
    assert instrument.opened == 1
