"""Programs that a timeline returns for a time, whatever was asked before, against a plain search."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from labrig.signals.tones import ToneProgram
from labrig.simulation.world.timeline import Timeline

CHANNELS = ("a", "b")
times = st.integers(0, 12).map(float)
actions = st.lists(st.one_of(st.tuples(st.sampled_from(CHANNELS), times), st.tuples(st.just("asked"), times)))


@given(actions)
def test_programs_are_those_that_play(actions: list[tuple[str, float]]) -> None:
    timeline = Timeline(CHANNELS, ("edge",), np.ones(1))
    played: dict[str, list[tuple[float, ToneProgram | None]]] = {name: [(-np.inf, None)] for name in CHANNELS}
    for number, (what, t) in enumerate(actions):
        if what == "asked":
            wanted = [[each for each in played[name] if each[0] <= t][-1] for name in CHANNELS]
            assert list(timeline.programs(t)) == wanted
        elif t >= played[what][-1][0]:  # a channel cannot be changed before its latest change
            program = ToneProgram(float(number))
            timeline.drive(t, what, program)
            played[what].append((t, program))
