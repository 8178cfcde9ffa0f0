"""The same configuration and seed give the same run, byte for byte but for the wall's time."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from training.controls import train
from trials import quick


def dump(path: Path) -> dict[str, list]:
    """Every table but those with digests and times, without the columns of wall time and of checksums."""
    with closing(sqlite3.connect(path)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = [name for name in tables if name not in ("files", "checkpoint")]
        content = {}
        for table in tables:
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[1] not in ("wall_s", "crc")]
            content[table] = db.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
    return content


@pytest.mark.parametrize(
    ("name", "overrides"),
    quick(1, [("iris", ["learning.epochs=1", "learning.batch=5"]), ("xor", ["learning.epochs=5"])]),
)
def test_same_seed_same_run(tmp_path, name, overrides):
    runs = []
    for folder, more in (("one", []), ("other", []), ("seed", ["seed=1"]), ("board", ["simulation.seed=1"])):
        (tmp_path / folder).mkdir()
        train(tmp_path / folder, name, *overrides, *more)
        runs.append(dump(tmp_path / folder / "run.db"))
    one, other, seed, board = runs
    assert len(one["steps"]) > 4
    assert one == other
    assert one["steps"] != seed["steps"]
    assert one["steps"] != board["steps"]
