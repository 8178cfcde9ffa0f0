"""Updates with random numbers or a memory: what they do on average, and that a resumed run goes on as it would have."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest
from trials import quick
from unit.rig.benches import assembled

from labrig.instruments.data import Continuous, LevelTable
from labrig.learning.updates import UPDATES, Rate
from labrig.procedures.resume import Resumable
from labrig.procedures.train import train
from labrig.runs.folder import RunFolder
from labrig.runs.journal import read_journal

TABLE = LevelTable(np.arange(5), np.array([10.0, 20.0, 40.0, 50.0, 100.0]))
OTHERS = ("stochastic_rounding", "sign", "momentum", "desynchronized")


def update(name, initial, levels=TABLE, seed=0, steps=None, **options):
    kind = UPDATES.find(name)
    made = kind(kind.Options(**options), [levels] * len(initial), np.array(initial, dtype=float), Rate(1.0, steps))
    made.seed = seed
    return made


def test_stochastic_rounding_is_right_on_average():
    edges = 20000
    for asked in (11.0, 23.0, 47.5, 99.0, 10.0, 100.0):
        moved = update("stochastic_rounding", [40.0] * edges)
        moved.apply(np.full(edges, 40.0 - asked))
        assert set(moved.conductances) <= set(TABLE.siemens)
        assert len(set(moved.conductances)) <= 2
        gap = 50 if asked > 50 else 20
        assert moved.conductances.mean() == pytest.approx(asked, abs=4 * gap / 2 / np.sqrt(edges))
        np.testing.assert_array_equal(moved.shadow, moved.conductances)


def test_stochastic_rounding_starts_from_the_levels_and_stays_without_a_gradient():
    moved = update("stochastic_rounding", [12.0, 44.0, 99.0])
    np.testing.assert_array_equal(moved.shadow, [10.0, 40.0, 100.0])
    assert moved.apply(np.zeros(3)) == {}


def test_signs_move_every_edge_by_the_same_share_of_the_range():
    moved = update("sign", [50.0, 50.0, 50.0], Continuous(10.0, 110.0), sign_step=0.02)
    moved.apply(np.array([1e-9, -1e3, 0.0]))
    np.testing.assert_allclose(moved.shadow, [48.0, 52.0, 50.0])


def test_momentum_tends_to_the_same_step_and_goes_on_after_the_gradient_ends():
    moved = update("momentum", [50.0], Continuous(0.0, 100.0), momentum=0.5)
    for mean in (0.5, 0.75, 0.875):
        before = moved.shadow[0]
        moved.apply(np.ones(1))
        assert before - moved.shadow[0] == pytest.approx(mean)
    before = moved.shadow[0]
    moved.apply(np.zeros(1))
    assert before - moved.shadow[0] == pytest.approx(0.4375)


def test_a_part_of_the_edges_moves_and_it_is_another_part_each_time():
    moved = update("desynchronized", [50.0] * 4000, Continuous(10.0, 100.0), moving=0.25)
    parts = []
    for _ in range(2):
        before = moved.shadow
        moved.apply(np.ones(4000))
        parts.append(before != moved.shadow)
    for part in parts:
        assert part.mean() == pytest.approx(0.25, abs=0.03)
    assert (parts[0] & parts[1]).mean() == pytest.approx(0.0625, abs=0.02)


@pytest.mark.parametrize("name", OTHERS)
def test_a_step_that_is_undone_is_repeated_alike(name):
    moved = update(name, [40.0] * 50)
    gradient = np.random.default_rng(0).normal(size=50)
    moved.apply(gradient)
    before = moved.state()
    first = moved.apply(gradient)
    moved.restore(before)
    assert moved.apply(gradient) == first


@pytest.mark.parametrize("name", quick(1, OTHERS))
def test_a_resumed_run_is_bit_identical(name, tmp_path):
    assembly = assembled("xor", f"learning.update={name}", "learning.epochs=6", "learning.batch=1")
    whole = train(assembly, run_dir=tmp_path / "whole", plots=False)
    calls = count()
    train(assembly, run_dir=tmp_path / "half", plots=False, stop=lambda: next(calls) > 15)
    cut = len(read_journal(tmp_path / "half" / "run.db").step)
    assert 0 < cut < whole.steps
    Resumable(RunFolder(tmp_path / "half")).resume(plots=False)
    one, other = (read_journal(tmp_path / each / "run.db") for each in ("whole", "half"))
    np.testing.assert_array_equal(one.shadow, other.shadow)
    np.testing.assert_array_equal(one.conductances, other.conductances)
    np.testing.assert_array_equal(one.gradient, other.gradient)
