"""The journal: what is committed is there, whoever looks and whatever comes after."""

from __future__ import annotations

import copy
import itertools
import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from labrig.errors import StorageError
from labrig.runs.journal import Evaluation, Event, Journal, Overview, Step, read_journal, read_overview, reader
from labrig.runs.journal.reader import _overview, _Reading, read_checkpoint


def step(index: int, edges: int = 3) -> Step:
    values = np.arange(edges) + 10.0 * index
    return Step(
        index, 0, (4, 2), 0.5 / index, 1e-6, 1, values, values / 7, values * 1e-6, values * 2e-6, 2, 4, 0.1,
        bench_acquisitions=4 + 4 * index, bench_clock_s=0.1 * index,
    )  # fmt: skip


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "run.db"
    with Journal(path) as journal:
        assert journal.steps == 0
        for index in (1, 2, 3):
            journal.append(step(index))
        journal.evaluated(Evaluation(1, 3, {"loss": 0.25}, 20, 0.5))
        journal.event(Event(3, "finished", {"run": "µ"}, 40, 1.5))
        assert journal.steps == 3
    record = read_journal(path)
    np.testing.assert_array_equal(record.step, [1, 2, 3])
    np.testing.assert_allclose(record.loss, [0.5, 0.25, 0.5 / 3])
    for row, index in enumerate((1, 2, 3)):
        for name in ("gradient", "u_gradient", "shadow", "conductances"):
            np.testing.assert_array_equal(getattr(record, name)[row], getattr(step(index), name))
    assert record.examples == ((4, 2),) * 3
    np.testing.assert_array_equal(record.bench_acquisitions, [8, 12, 16])
    assert record.bench_acquisitions.dtype == np.int64
    np.testing.assert_array_equal(record.bench_clock_s, [step(index).bench_clock_s for index in (1, 2, 3)])
    (evaluation,) = record.evaluations
    assert replace(evaluation, wall_s=None) == Evaluation(1, 3, {"loss": 0.25}, 20, 0.5)
    assert list(record.wall_s) == sorted(record.wall_s)
    assert evaluation.wall_s >= record.wall_s[-1]
    assert record.events == ((3, "finished", {"run": "µ"}, 40, 1.5),)


def test_an_event_leaves_the_state_of_the_last_step_as_it_was(tmp_path):
    """A run that is killed before the step of the event is committed goes on from the step before, and its state."""
    path = tmp_path / "run.db"
    found, evidence = list[str](), np.zeros(2)
    with Journal(path) as journal:
        journal.append(step(1), {"found": found, "evidence": evidence})
        found.append("in0-out0")
        evidence += 1.0
        journal.event(Event(2, "twin", {"edge": "in0-out0"}, 12, 1.5))
        state = read_checkpoint(path).state
    assert state["found"] == []
    assert state["evidence"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("durability", ["process", "power"])
def test_a_reader_sees_committed_steps_while_the_writer_goes_on(tmp_path, durability):
    path = tmp_path / "run.db"
    with Journal(path, durability) as journal:
        assert len(read_journal(path).step) == 0
        journal.append(step(1))
        assert len(read_journal(path).step) == 1
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            assert reader.execute("SELECT COUNT(*) FROM steps").fetchone() == (1,)
            journal.append(step(2))  # a reader that dawdles does not hold the writer up
            assert reader.execute("SELECT COUNT(*) FROM steps").fetchone() == (1,)
        assert len(read_journal(path).step) == 2


def test_power_durability_is_asked_of_the_database(tmp_path):
    for durability, synchronous in (("process", 1), ("power", 2)):
        with Journal(tmp_path / durability, durability) as journal:
            assert journal._db.execute("PRAGMA synchronous").fetchone() == (synchronous,)
            assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_there_is_no_journal(tmp_path):
    with pytest.raises(StorageError, match="does not exist") as caught:
        read_journal(tmp_path / "run.db")
    assert caught.value.exit_code == 6


@pytest.mark.parametrize("content", [b"", b"not a database, whatever its name says" * 30])
def test_something_else_than_a_journal(tmp_path, content):
    path = tmp_path / "run.db"
    path.write_bytes(content)
    with pytest.raises(StorageError, match="cannot read"):
        read_journal(path)


def test_a_journal_is_never_begun_twice(tmp_path):
    path = tmp_path / "run.db"
    with Journal(path) as journal:
        journal.append(step(1))
    with pytest.raises(StorageError, match=r"cannot create .*run\.db"):
        Journal(path)
    assert len(read_journal(path).step) == 1


def test_a_journal_has_one_writer(tmp_path):
    with Journal(tmp_path / "run.db") as journal:
        with pytest.raises(StorageError, match=r"cannot lock .*run\.db"):
            Journal(tmp_path / "run.db")
        journal.append(step(1))
    assert not (tmp_path / "run.lock").exists()


def test_a_step_is_never_written_twice(tmp_path):
    with Journal(tmp_path / "run.db") as journal:
        journal.append(step(1))
        with pytest.raises(StorageError, match="cannot write"):
            journal.append(step(1))


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(StorageError, match="cannot create") as caught:
        Journal(tmp_path / "nowhere" / "run.db")
    assert caught.value.remedy is not None


def test_a_full_disk(tmp_path):
    path = tmp_path / "run.db"
    with Journal(path) as journal:
        journal.append(step(1))
        journal._db.execute("PRAGMA max_page_count = 8")
        with pytest.raises(StorageError, match=r"cannot write .*full") as caught:
            journal.append(step(2, edges=20_000))
        assert journal.steps == 1
    assert caught.value.exit_code == 6
    assert len(read_journal(path).step) == 1


def test_a_disk_that_became_read_only(tmp_path):
    path = tmp_path / "run.db"
    with Journal(path) as journal:
        journal._db.execute("PRAGMA query_only = 1")
        for write in (
            lambda: journal.append(step(1)),
            lambda: journal.evaluated(Evaluation(0, 0, {}, 4, 0.1)),
            lambda: journal.event(Event(0, "finished", {})),
        ):
            with pytest.raises(StorageError, match="cannot write"):
                write()


def test_a_column_that_there_is_not(tmp_path):
    with Journal(tmp_path / "run.db") as journal:
        journal.append(step(1))
    record = read_journal(tmp_path / "run.db")
    with pytest.raises(AttributeError, match="no column 'losses'"):
        _ = record.losses
    assert copy.copy(record).loss is record.loss


def test_a_journal_with_other_values_than_labrig_writes_is_damaged(tmp_path):
    with Journal(tmp_path / "run.db") as journal:
        journal.append(step(1))
        journal._db.execute("UPDATE steps SET gradient = x'00'")
    with pytest.raises(StorageError, match="cannot read"):
        read_journal(tmp_path / "run.db")


def test_an_overview_says_what_the_rows_say(tmp_path):
    with Journal(tmp_path / "run.db") as journal:
        assert read_overview(tmp_path / "run.db") == Overview(0, None, ())
        for index in (1, 2, 3):
            journal.append(step(index))
            journal.evaluated(Evaluation(index, index, {"loss": 1.0 / index}, 20, 0.5))
        journal.event(Event(3, "finished", {}))
    overview, record = read_overview(tmp_path / "run.db"), read_journal(tmp_path / "run.db")
    assert overview == Overview(3, record.evaluations[-1], record.events)


def test_an_overview_of_many_steps_costs_as_much_as_one_of_few(tmp_path):
    def virtual_machine_steps(steps: int) -> int:
        count = itertools.count()
        with Journal(tmp_path / f"{steps}.db") as journal:
            for index in range(1, steps + 1):
                journal.append(step(index))
        with closing(sqlite3.connect(tmp_path / f"{steps}.db")) as db:
            db.set_progress_handler(lambda: next(count) < 0, 1)
            reading = _Reading(db, tmp_path / f"{steps}.db", checked=True, running=False)
            assert _overview(reading).steps == steps
        return next(count)

    assert virtual_machine_steps(2000) == virtual_machine_steps(20)


def test_conductances_are_stored_as_changes_and_gradients_now_and_then(tmp_path):
    edges, rng = 500, np.random.default_rng(0)
    conductances, steps = rng.uniform(size=edges), []
    with Journal(tmp_path / "run.db", gradients=3) as journal:
        for index in range(1, 9):
            conductances = conductances.copy()
            changed = rng.choice(edges, (0, 7, edges)[index % 3], replace=False)
            conductances[changed] = rng.uniform(size=len(changed))
            steps.append(replace(step(index, edges), conductances=conductances))
            journal.append(steps[-1])
    record = read_journal(tmp_path / "run.db")
    for row, written in enumerate(steps):
        np.testing.assert_array_equal(record.conductances[row], written.conductances)
        np.testing.assert_array_equal(record.shadow[row], written.shadow)
        for name in ("gradient", "u_gradient"):
            expected = getattr(written, name) if row % 3 == 0 else np.full(edges, np.nan)
            np.testing.assert_array_equal(getattr(record, name)[row], expected)
    with closing(sqlite3.connect(tmp_path / "run.db")) as db:
        sizes = [size for (size,) in db.execute("SELECT length(conductances) FROM steps ORDER BY step")]
        kept = [kept for (kept,) in db.execute("SELECT gradient IS NOT NULL FROM steps ORDER BY step")]
    assert sizes == [8 * edges, 8 * edges, 0, 12 * 7, 8 * edges, 0, 12 * 7, 8 * edges]
    assert kept == [1, 0, 0, 1, 0, 0, 1, 0]


def test_a_closed_journal_says_what_it_cannot_do(tmp_path):
    journal = Journal(tmp_path / "run.db")
    journal.close()
    for call in (lambda: journal.describe([], []), lambda: journal.append(step(1))):
        with pytest.raises(StorageError, match=r"cannot write .*run\.db"):
            call()


def test_a_journal_in_a_folder_that_cannot_be_written_is_read_from_a_copy(tmp_path, monkeypatch):
    """SQLite wants to put the index of the write-ahead log beside it; a superuser may, so the refusal is made here."""
    path = tmp_path / "run.db"
    plain = reader._open

    def refusing(file):
        if file == path:
            error = sqlite3.OperationalError("attempt to write a readonly database")
            error.sqlite_errorcode = sqlite3.SQLITE_READONLY
            raise error
        return plain(file)

    with Journal(path) as journal:
        journal.append(step(1))  # it is in the log only
        monkeypatch.setattr(reader, "_open", refusing)
        assert list(read_journal(path).step) == [1]
    damaged = sqlite3.OperationalError("disk I/O error")
    damaged.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    monkeypatch.setattr(reader, "_open", lambda file: (_ for _ in ()).throw(damaged))
    with pytest.raises(StorageError, match="disk I/O error"):
        read_journal(path)
