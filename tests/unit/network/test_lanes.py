"""The compiled lanes against the same source as plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import wrightomega
from unit.network.networks import conductances
from unit.network.test_regimes import NETWORKS, sources
from unit.plain_python import as_plain_python

from labrig.network.resistive.solve import lanes, newton
from labrig.network.resistive.solve.solver import Solver


@pytest.mark.parametrize("spread", [0.05, 3.0])
@pytest.mark.parametrize("name", ["xor board", "two hidden layers", "bare and broken"])
def test_compiled_lanes_do_what_their_source_says(name, spread, monkeypatch):
    calls = []

    def walk(*arguments):
        found = compiled_walk(*arguments)
        calls.append((arguments, found))
        return found

    compiled_walk = lanes.walk
    monkeypatch.setattr(lanes, "walk", walk)
    monkeypatch.setattr(newton, "near", lambda *arguments: False)
    monkeypatch.setattr(newton, "samples_for_compiled", lambda *arguments: 0)
    graph = NETWORKS[name]
    solver = Solver(graph)
    solver.set_parameters(conductances(graph, 11))
    solver.states(sources(graph, spread))
    plain = as_plain_python(lanes)
    assert calls
    for arguments, (v, solved) in calls:
        with np.errstate(all="ignore"):
            plain_v, plain_solved = plain.walk(*arguments)
        assert solved.all()
        np.testing.assert_array_equal(plain_solved, solved)
        np.testing.assert_allclose(plain_v, v, rtol=0, atol=1e-12)


def test_the_wright_omega_is_that_of_scipy():
    plain = as_plain_python(lanes)
    for x in [-50.0, *np.linspace(-39.9, 40, 400), -2.0, 3.5, 700.0]:
        expected = wrightomega(x)
        assert plain._omega(x) == pytest.approx(expected, rel=1e-11, abs=0)
        assert lanes._omega(x) == pytest.approx(expected, rel=1e-11, abs=0)
