"""The words of `labrig safe`, for instruments without a driver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from unit.instruments.in_use import record, use

from labrig.cli.main import main
from labrig.cli.safe import lines
from labrig.errors import UsageError
from labrig.instruments import records, stop_requests
from labrig.instruments.machine_lock import MachineLock
from labrig.procedures import safe
from labrig.procedures.safe import forget, make_safe


@pytest.fixture(autouse=True)
def in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(tmp_path / "in use", monkeypatch)
    for number, name in enumerate(("awg", "daq", "pots"), 5):
        records.write(replace(record(f"TCPIP::10.0.0.{number}::INSTR", name, "no.driver"), key=name))


@pytest.mark.more
def test_an_instrument_that_is_not_safe_is_named_once() -> None:
    said = "\n".join(lines(make_safe(["awg"])))
    assert "awg: no driver 'no.driver' is installed" in said
    assert "awg: awg" not in said


def test_nothing_is_forgotten_if_one_of_them_is_in_use() -> None:
    daq = next(each for each in records.read_all()[0] if each.name == "daq")
    lock = MachineLock(daq.key)
    assert lock.acquire()
    with pytest.raises(UsageError, match=r"^nothing was forgotten: daq is in use by .*or leave out daq\)$"):
        forget(["awg", "daq", "pots"])
    assert len(records.read_all()[0]) == 3
    lock.release()
    assert [each.name for each in forget(["awg", "daq", "pots"])] == ["awg", "daq", "pots"]
    assert records.read_all()[0] == []


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A program that uses daq and awg, and does not stop when it is asked to."""
    monkeypatch.setattr(safe, "STOP_S", 0.1)
    daq, awg = (next(each for each in records.read_all()[0] if each.name == name) for name in ("daq", "awg"))
    records.write(replace(daq, kind="digitizer"))
    locks = [MachineLock(each.key) for each in (daq, awg)]
    assert all(lock.acquire() for lock in locks)
    yield
    for lock in locks:
        lock.release()


def test_a_program_that_cannot_be_asked_to_stop_keeps_nothing_on(busy: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(pid: int) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(stop_requests, "ask", refusing)
    (report,) = make_safe(["awg"])
    assert "no driver" in report.detail  # so it was tried
    assert report.alive


def test_while_its_program_does_not_stop_nothing_is_called_safe(busy: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["safe", "daq"]) == 4
    assert "was asked to stop and has not stopped yet: labrig abort" in capsys.readouterr().out
