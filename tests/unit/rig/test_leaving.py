"""A board that is left programmed: its programmers stay as they are, everything else is made safe."""

from __future__ import annotations

from functools import partial

import pytest
from unit.instruments.in_use import Instrument, record, use
from unit.rig.benches import assembled, off, setup_with
from unit.rig.saboteurs import Journalled

from labrig.instruments import records
from labrig.instruments.reservation import Reserved


@pytest.mark.parametrize("leaves", [True, False])
def test_what_is_left_is_closed_and_not_made_safe(leaves):
    calls: list[str] = []
    assembly = assembled("divider")
    setup = setup_with(assembly, **{n: partial(Journalled, name=n, calls=calls) for n in ("awg", "daq", "pots")})
    with setup.rig as rig:
        rig.program(assembly.update(rig).settings())
        if leaves:
            rig.leave(["pots"])
        calls.clear()
    assert ("pots.make_safe" in calls) != leaves
    assert {"awg.make_safe", "daq.make_safe", "pots.close"} <= set(calls)
    assert off(setup)
    calls.clear()
    with setup.rig:  # only once
        pass
    assert "pots.make_safe" in calls


def test_what_is_left_is_not_recorded_as_in_use_any_more(tmp_path, monkeypatch):
    use(tmp_path / "in use", monkeypatch)
    instrument = Instrument()
    instrument.leave = lambda: instrument.calls.append("leave")
    reserved = Reserved(record(), instrument)
    reserved.open()
    assert len(records.read_all()[0]) == 1
    reserved.leave()
    reserved.close()
    assert records.read_all() == ([], [])
    assert instrument.calls == ["open", "leave", "close"]
