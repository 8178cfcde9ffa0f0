"""The World against the same board evaluated sample by sample."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.simulation.worlds import NODES, by_hand, world

from labrig.signals.tones import SILENT, Tone, ToneProgram
from labrig.simulation.world import World

TONES = st.builds(
    Tone,
    st.sampled_from([250.0, 1000.0, 1350.0, 333.3, 1000.0 / 3, 4321.0987]),
    st.floats(0.0, 1.0),
    st.floats(-np.pi, np.pi),
)
PROGRAMS = st.builds(ToneProgram, st.floats(-1.0, 1.0), st.lists(TONES, max_size=2).map(tuple))
CHANNELS = st.sampled_from(["awg/0", "awg/1"])
SIEMENS = st.dictionaries(st.sampled_from(["a-b", "b-c"]), st.floats(1e-5, 1e-4), min_size=1)
# Sample positions that are clear of the tolerance within which an event counts as at the sample, or exactly on one.
POSITIONS = st.one_of(
    st.integers(-50, 250).map(float),
    st.tuples(st.integers(-50, 250), st.sampled_from([1e-5, 4e-4, 1e-3, 0.3, 0.5, 0.9999])).map(sum),
)


@given(
    st.sampled_from([10e3, 50e3, 44.1e3, 1e4 / 3]),
    st.floats(0.01, 20.0),
    st.integers(1, 200),
    st.lists(st.tuples(POSITIONS, CHANNELS, st.one_of(st.none(), PROGRAMS)), max_size=5),
    st.lists(st.tuples(POSITIONS, SIEMENS), max_size=3),
)
def test_segments_and_tiling_are_exact(rate, t0, n, drives, changes):
    board = world()
    t0 += 300 / rate
    drives = [(0.0, "awg/0", ToneProgram(0.5)), (0.0, "awg/1", ToneProgram(0.0, (Tone(250.0, 0.3),)))] + [
        (t0 + position / rate, channel, program) for position, channel, program in sorted(drives, key=lambda d: d[0])
    ]
    changes = [(t0 + position / rate, values) for position, values in sorted(changes, key=lambda c: c[0])]
    for t, channel, program in drives:
        board.drive(t, channel, program)
    for t, values in changes:
        board.set(t, values)
    expected = by_hand(drives, changes, t0 + (np.arange(n) + 2e-6) / rate)
    # The oracle looks a little late, so that an event at a sample shows in it; that shifts its phases by as little.
    np.testing.assert_allclose(board.voltages(NODES, t0, rate, n), expected, atol=5e-5)


@given(st.sampled_from([10e3, 50e3, 44.1e3]), st.floats(0.0, 1e3), st.integers(1, 400), PROGRAMS, PROGRAMS)
def test_a_quiet_stretch_is_exact_to_rounding(rate, t0, n, one, other):
    board = world()
    board.drive(0.0, "awg/0", one)
    board.drive(0.0, "awg/1", other)
    expected = by_hand([(0.0, "awg/0", one), (0.0, "awg/1", other)], [], t0 + np.arange(n) / rate)
    np.testing.assert_allclose(board.voltages(NODES, t0, rate, n), expected, atol=1e-8)


def test_an_event_shows_from_the_first_sample_at_or_after_it():
    for position, first in ((10.0, 10), (10.0 + 1e-4, 11), (9.9, 10), (0.0, 0), (1e-4, 1), (3e-4, 1), (99.5, 100)):
        board = world()
        board.drive(0.0, "awg/0", ToneProgram(1.0))
        board.drive(1.0 + position / 1e3, "awg/0", ToneProgram(-1.0))
        (a,) = board.voltages(["a"], 1.0, 1e3, 100).T
        assert (np.flatnonzero(a < 0).tolist() or [100])[0] == first


def test_a_change_of_conductance_in_the_middle_of_a_window():
    board = world()
    board.drive(0.0, "awg/0", ToneProgram(1.0))
    board.drive(0.0, "awg/1", SILENT)
    board.set(1.05, {"a-b": 100e-6})
    b = board.voltages(["b"], 1.0, 1e3, 100)[:, 0]
    assert len(set(b[:50])) == len(set(b[50:])) == 1
    assert b[60] > b[40]


def test_the_past_is_settled():
    board = world()
    board.drive(1.0, "awg/0", ToneProgram(1.0))
    with pytest.raises(ValueError, match="before its latest event"):
        board.drive(0.5, "awg/0", ToneProgram(2.0))
    board.set(1.0, {"a-b": 5e-5})
    with pytest.raises(ValueError, match="before its latest event"):
        board.set(0.999, {"a-b": 5e-5})


def test_the_same_question_has_the_same_answer_in_any_order():
    board = world()
    board.drive(0.0, "awg/0", ToneProgram(0.2, (Tone(1000.0, 1.0, 0.3),)))
    board.set(0.5, {"a-b": 1e-5})
    early = board.voltages(NODES, 0.1, 50e3, 200)
    board.voltages(NODES, 0.6, 44.1e3, 100)
    np.testing.assert_array_equal(board.voltages(NODES, 0.1, 50e3, 200), early)
    np.testing.assert_array_equal(board.voltages(["c", "a"], 0.1, 50e3, 200), early[:, [2, 0]])


def test_what_stands_on_a_source_channel_that_leads_nowhere_changes_nothing():
    board = world()
    board.drive(0.0, "awg/7", ToneProgram(1.0))
    assert board.playing(1.0) == {"awg/0": None, "awg/1": None}


def test_the_output_stage_rounds_and_then_scales():
    board = world(gains=(1.01, 1.0), step_v=0.25)
    board.drive(0.0, "awg/0", ToneProgram(0.3))
    board.drive(0.0, "awg/1", SILENT)
    expected = by_hand([(0.0, "awg/0", ToneProgram(0.25 * 1.01)), (0.0, "awg/1", SILENT)], [], np.array([1.0]))
    np.testing.assert_allclose(board.voltages(NODES, 1.0, 1e3, 1), expected, rtol=1e-12)


def test_a_norton_source_is_its_thevenin_equal_and_stays_on_its_node_when_its_channel_opens():
    """0.2 mA/V beside 100 kΩ is 20 V per volt behind 100 kΩ."""
    norton, plain = world(transconductance_s=0.2e-3), world()
    for board, volts in ((norton, 0.1), (plain, 2.0)):
        board.drive(0.0, "awg/0", ToneProgram(1.0))
        board.drive(0.0, "awg/1", ToneProgram(0.0, (Tone(250.0, volts),)))
        for t, program in ((1.0, SILENT), (2.0, None)):
            board.drive(t, "awg/1", program)
    driven, silent, opened = (norton.voltages(NODES, t, 1e4, 40) for t in (0.5, 1.5, 2.5))
    np.testing.assert_allclose(driven, plain.voltages(NODES, 0.5, 1e4, 40), rtol=1e-12)
    np.testing.assert_array_equal(opened, silent)
    assert (plain.voltages(NODES, 2.5, 1e4, 40)[:, 2] > opened[:, 2]).all()  # no load is left on c


def test_long_timelines_forget_only_the_far_past():
    board = world()
    board.drive(0.0, "awg/1", SILENT)
    for k in range(10_000):
        board.drive(float(k), "awg/0", ToneProgram(0.0 if k % 2 else 1.0))
    a = board.voltages(["a"], 9_990.0, 1.0, 10)[:, 0]
    np.testing.assert_array_equal(a > 0.5, [True, False] * 5)


class Unread:
    """An acquisition that nobody reads."""

    def __init__(self, since_s: float) -> None:
        self.unread_since_s = since_s


def kept(board: World) -> list[int]:
    """How many states of a channel, of the edges, and how many events a board remembers."""
    timeline = board.timeline
    return [len(timeline._played["awg/0"]._times), len(timeline._siemens._times), len(timeline._events)]


def step(board: World, k: int) -> None:
    """An acquisition with one state of everything before it and one that begins in its middle."""
    for t, volts in ((k, 1.0), (k + 0.5, -1.0)):
        board.drive(t, "awg/0", ToneProgram(volts))
        board.set(t, {"a-b": 1e-5 + 1e-7 * (k % 7)})


def test_what_nobody_can_sample_any_more_is_forgotten():
    board, sizes = world(), []
    for k in range(1000):
        step(board, k)
        board.begin_acquisition(float(k))
        a = board.voltages(["a"], float(k), 10.0, 10)[:, 0]
        assert np.array_equal(a > 0, [True] * 5 + [False] * 5)
        sizes.append(kept(board))
    assert np.max(sizes) < 120


def test_what_an_acquisition_has_not_read_is_kept_as_long_as_it_exists():
    board = world()
    step(board, 0)
    late = Unread(0.0)
    board.begin_acquisition(0.0, late)
    for k in range(1, 200):
        step(board, k)
        board.begin_acquisition(float(k), Unread(float(k)))
    a = board.voltages(["a"], 0.0, 2.0, 400)[:, 0]
    assert np.array_equal(a > 0, [True, False] * 200)
    del late
    for k in range(200, 216):
        board.begin_acquisition(float(k))
    assert max(kept(board)) < 64


def test_long_windows_of_tones_that_do_not_repeat_do_not_fill_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labrig.simulation.world.response._REMEMBERED_PHASORS", 3000)
    board = world()
    for k in range(20):
        board.drive(float(k), "awg/0", ToneProgram(0.0, (Tone(100 * np.sqrt(k + 2), 1.0),)))
        board.voltages(["b"], float(k), 10_007.0, 1000)
    assert 1000 <= sum(each.size for each in board.response._turned.values()) <= 4000
