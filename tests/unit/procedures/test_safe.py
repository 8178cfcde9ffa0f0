"""The words of `labrig safe`, for instruments without a driver."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from unit.instruments.in_use import record, use

from labrig.cli.safe import lines
from labrig.errors import UsageError
from labrig.instruments import records
from labrig.instruments.machine_lock import MachineLock
from labrig.procedures.safe import forget, make_safe


@pytest.fixture(autouse=True)
def in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(tmp_path / "in use", monkeypatch)
    for number, name in enumerate(("awg", "daq", "pots"), 5):
        records.write(replace(record(f"TCPIP::10.0.0.{number}::INSTR", name, "no.driver"), key=name))


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
