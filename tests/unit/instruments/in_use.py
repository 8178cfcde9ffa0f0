"""A place of their own for the records and locks of tests, and an instrument without a driver."""

from __future__ import annotations

from pathlib import Path

import pytest

from labrig.instruments import records
from labrig.instruments.data import Identity
from labrig.instruments.records import Record

DRIVER, ADDRESS = "siglent.sdg", "TCPIP::10.0.0.5::INSTR"


def use(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let records, and with them the locks, be in `folder`."""
    monkeypatch.setattr(records, "FOLDER", folder)
    return folder


def record(address: str = ADDRESS, name: str = "gen", driver: str = DRIVER) -> Record:
    return Record(name, driver, "source", address, {"driver": driver, "resource": address})


class Instrument:
    def __init__(self, serial: str = "A1") -> None:
        self.opened = 0
        self.calls: list[str] = []
        self.serial = serial

    def identify(self) -> Identity:
        return Identity("SDG2042X", self.serial)

    def open(self) -> None:
        self.opened += 1
        self.calls.append("open")

    def load(self) -> None:
        self.calls.append("load")

    def make_safe(self) -> None:
        self.calls.append("make_safe")

    def close(self) -> None:
        self.opened -= 1
        self.calls.append("close")
