"""Faults of the line to a virtual ArC ONE: a run goes on after a lost byte, and says when the board is away."""

from __future__ import annotations

import pytest

import labrig
from labrig.errors import ConnectionFailed
from labrig.runs.journal import read_journal


def trained(path, fault: dict[str, object]) -> None:
    settings = {"learning.epochs": 2, "learning.evaluate.every": 0, "limits.step": "30 s"}
    labrig.train("xor_arc.yaml", settings={**settings, "simulation.faults": [fault]}, run_dir=path, plots=False)


@pytest.mark.more
@pytest.mark.parametrize("what", ["dropped_bytes", "corrupt_bytes"])
def test_a_run_goes_on_after_a_byte(tmp_path, what):
    trained(tmp_path / "run", {"what": what, "where": "cells", "acquisition": 12, "for": 1})
    record = read_journal(tmp_path / "run" / "run.db")
    assert len(record.step) == 2
    assert not record.masked[-1]


@pytest.mark.more
def test_a_board_that_is_away_ends_the_run(tmp_path):
    with pytest.raises(ConnectionFailed, match="cells: the connection was lost"):
        trained(tmp_path / "run", {"what": "disconnect", "where": "cells", "acquisition": 12})
