"""The float shadow and the levels on the board."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labrig.instruments.data import Continuous, Level, LevelTable, Target
from labrig.learning.updates import Rate, within
from labrig.learning.updates.gradient_descent import GradientDescent

TABLE = LevelTable(np.array([9, 7, 5, 3, 1]), np.array([10.0, 20.0, 40.0, 50.0, 100.0]))
ANY = Continuous(10.0, 100.0)


def update(levels=(TABLE,), initial=(40.0,), *, rate=1.0, span=1.0, scale=1.0, steps=None, hysteresis=0.05):
    options = GradientDescent.Options(hysteresis=hysteresis)
    return GradientDescent(options, levels, np.array(initial), Rate(rate * span**2 / scale, steps))


def test_the_step_follows_the_definition_of_the_rate():
    # Δθ = −rate · s² · ∂(L/L₀)/∂θ
    moved = update([ANY], [50.0], rate=0.1, span=90.0, scale=0.25)
    assert moved.apply(np.array([1e-3])) == {0: Target(pytest.approx(50.0 - 0.1 * 90.0**2 * 1e-3 / 0.25))}


def test_down_the_gradient():
    moved = update([ANY, ANY], [50.0, 50.0])
    moved.apply(np.array([1.0, -2.0]))
    np.testing.assert_allclose(moved.shadow, [49.0, 52.0])
    np.testing.assert_allclose(moved.conductances, moved.shadow)


def test_linear_decay_reaches_zero_at_the_last_step():
    moved = update([ANY], [50.0], steps=4)
    found = []
    for _ in range(6):
        before = moved.shadow[0]
        moved.apply(np.array([1.0]))
        found.append(before - moved.shadow[0])
    np.testing.assert_allclose(found, [1.0, 0.75, 0.5, 0.25, 0.0, 0.0])


def test_without_decay_every_step_is_the_same():
    moved = update([ANY], [50.0])
    for _ in range(10):
        moved.apply(np.array([1.0]))
    np.testing.assert_allclose(moved.shadow, [40.0])


@given(st.floats(10.0, 100.0))
def test_the_first_level_is_the_nearest(value):
    chosen = update(initial=[value]).conductances[0]
    assert abs(chosen - value) == np.abs(TABLE.siemens - value).min()


@given(st.lists(st.floats(-60.0, 60.0), min_size=1, max_size=12))
def test_without_hysteresis_the_board_is_always_at_the_nearest_level(steps):
    moved = update(hysteresis=0.0)
    for step in steps:
        moved.apply(np.array([step]))
        distance = np.abs(TABLE.siemens - moved.shadow[0])
        assert abs(moved.conductances[0] - moved.shadow[0]) == pytest.approx(distance.min())


@given(st.lists(st.floats(-60.0, 60.0), min_size=1, max_size=12))
def test_settings_are_told_exactly_when_they_change(steps):
    moved = update()
    codes = {0: moved.settings()[0]}
    for step in steps:
        changed = moved.apply(np.array([step]))
        codes |= changed
        assert codes == moved.settings()
        (position,) = np.flatnonzero(TABLE.siemens == moved.conductances[0])
        assert codes[0] == Level(int(TABLE.codes[position]))


def test_hysteresis_holds_at_the_midpoint():
    moved = update(initial=[40.0], hysteresis=0.05)
    assert moved.apply(np.array([-5.2])) == {}  # 45.2: the next level, 50, is nearer by 0.4 of a distance of 10
    assert moved.apply(np.array([0.4])) == {}  # and back across the midpoint
    assert moved.apply(np.array([-0.6])) == {0: Level(3)}  # 45.4 is nearer by 0.8
    assert moved.apply(np.array([0.6])) == {}  # 44.8 does not bring it back
    assert moved.apply(np.array([0.2])) == {0: Level(5)}


def test_small_steps_add_up_in_the_shadow():
    moved = update(initial=[40.0])
    changed = [moved.apply(np.array([-0.3])) for _ in range(18)]
    assert changed[:17] == [{}] * 17
    assert changed[17] == {0: Level(3)}
    np.testing.assert_allclose(moved.shadow, [45.4])


def test_the_shadow_stops_at_the_ends_of_the_range():
    moved = update(initial=[40.0])
    assert moved.apply(np.array([-1e6])) == {0: Level(1)}
    assert moved.shadow[0] == 100.0
    assert moved.apply(np.array([5.0])) == {}
    assert moved.shadow[0] == 95.0
    assert moved.apply(np.array([1e6])) == {0: Level(9)}
    assert moved.shadow[0] == 10.0


def test_an_initial_value_outside_the_range_is_brought_to_its_end():
    np.testing.assert_array_equal(update(initial=[500.0]).shadow, [100.0])


def test_tables_of_different_length():
    short = LevelTable(np.array([2, 1]), np.array([30.0, 60.0]))
    single = LevelTable(np.array([4]), np.array([25.0]))
    moved = update([short, TABLE, single], [40.0, 40.0, 40.0])
    np.testing.assert_array_equal(moved.conductances, [30.0, 40.0, 25.0])
    assert moved.apply(np.full(3, -1e6)) == {0: Level(1), 1: Level(1)}
    np.testing.assert_array_equal(moved.conductances, [60.0, 100.0, 25.0])
    assert moved.apply(np.full(3, 1e6)) == {0: Level(2), 1: Level(9)}
    assert moved.settings()[2] == Level(4)


def test_levels_and_continuous_channels_do_not_mix():
    with pytest.raises(ValueError, match="cannot be mixed"):
        update([TABLE, ANY], [40.0, 40.0])


def test_within_keeps_what_lies_in_the_range():
    kept = within(TABLE, 20.0, 50.0)
    np.testing.assert_array_equal(kept.codes, [7, 5, 3])
    np.testing.assert_array_equal(kept.siemens, [20.0, 40.0, 50.0])
    assert within(ANY, 20.0, 500.0) == Continuous(20.0, 100.0)
