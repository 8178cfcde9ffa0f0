"""Springs: equilibrium and gradient against finite differences, small displacements against finite ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labrig.network.elastic.lattice import diluted, far_springs, triangular
from labrig.network.elastic.network import ElasticLayout, ElasticNetwork
from labrig.network.elastic.options import Elastic, Options
from labrig.network.elastic.springs import Adjusted
from labrig.network.physics import NetworkError, Source


def lattice(
    seed: int,
    *,
    finite: bool,
    pinned: tuple[int, ...] = (),
    background: float = 0.1,
    adjusted: Adjusted | None = None,
) -> ElasticNetwork:
    geometry = diluted(triangular(4, 4, 0.01, 0.15, seed), 4.6, seed)
    source, (target,) = far_springs(geometry, 1, seed)
    pairs = {"source": geometry.springs[source], "target0": geometry.springs[target]}
    layout = ElasticLayout(
        geometry,
        tuple(f"n{k}" for k in range(len(geometry.positions))),
        pinned,
        tuple((name, int(a), int(b)) for name, (a, b) in pairs.items()),
        background,
        adjusted,
        finite=finite,
    )
    free = next(node for node in layout.nodes)
    sources = [Source("source", 1 / 5e3, 5.0), Source("target0", np.inf, 0.02), Source(free, np.inf, 0.01)]
    return layout.with_sources(sources, ("pilot",))


def stiffness(network: ElasticNetwork, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(30, 150, len(network.edges))


@pytest.mark.parametrize("finite", [False, True])
@given(seed=st.integers(0, 50))
@settings(max_examples=8, deadline=None)
def test_the_gradient_is_that_of_differences(finite: bool, seed: int) -> None:
    network = lattice(seed, finite=finite, pinned=(0,))
    k, played = stiffness(network, seed), np.array([1.5, 0.3, -0.4])
    weights = np.random.default_rng(seed + 1).standard_normal(len(network.nodes))
    weights[-1] = 0.0
    solver = network.equilibrium()

    def value(values: np.ndarray) -> float:
        solver.set_parameters(values)
        return float(solver.states(played) @ weights)

    differences = np.zeros(len(k))
    for edge in range(len(k)):
        step = np.zeros(len(k))
        step[edge] = 1e-4 * k[edge]
        differences[edge] = (value(k + step) - value(k - step)) / (2 * step[edge])
    solver.set_parameters(k)
    found = solver.gradient(solver.states(played), weights)
    np.testing.assert_allclose(found, differences, rtol=1e-4, atol=1e-5 * np.abs(differences).max())


def test_small_and_finite_displacements_agree_where_they_are_small() -> None:
    small, finite = lattice(3, finite=False), lattice(3, finite=True)
    played = np.array([1.0, 0.1, 0.0])
    states = []
    for network in (small, finite):
        solver = network.equilibrium()
        solver.set_parameters(stiffness(network, 3))
        states.append(solver.states(1e-5 * played) / 1e-5)
    np.testing.assert_allclose(states[0], states[1], rtol=1e-3, atol=1e-4 * np.abs(states[0]).max())


def test_at_finite_displacements_forces_balance_for_every_sample() -> None:
    network = lattice(4, finite=True)
    solver = network.equilibrium()
    solver.set_parameters(stiffness(network, 4))
    played = np.array([1.0, 0.0, 0.0]) + np.random.default_rng(0).uniform(-0.5, 0.5, (20, 3))
    together = solver.states(played)
    each = []
    for row in played:
        alone = network.equilibrium()
        alone.set_parameters(stiffness(network, 4))
        each.append(alone.states(row))
    np.testing.assert_allclose(together, each, atol=1e-12)


def test_actual_extensions_and_their_slopes() -> None:
    curve = lattice(2, finite=True).layout.curve
    assert curve is not None
    ends = np.random.default_rng(1).uniform(-2e-3, 2e-3, (4, len(curve.apart)))
    value, slopes = curve(ends)
    np.testing.assert_allclose(curve.values(ends[:, np.newaxis])[0], value, rtol=1e-12)
    for node in range(4):
        step = np.zeros_like(ends)
        step[node] = 1e-8
        differences = (curve(ends + step)[0] - curve(ends - step)[0]) / 2e-8
        np.testing.assert_allclose(slopes[node], differences, atol=1e-6)


def test_what_no_spring_resists_is_refused() -> None:
    network = lattice(1, finite=False, background=0.0)
    with pytest.raises(NetworkError, match="no spring resists"):
        ElasticNetwork(network.layout, (Source("target0", np.inf, 0.02),)).check()


def test_a_dilution_keeps_as_many_springs_for_every_seed() -> None:
    counts = {len(diluted(triangular(5, 5, 0.01, 0.15, seed), 4.6, seed).springs) for seed in range(6)}
    assert len(counts) <= 3
    for seed in range(6):
        kept = diluted(triangular(5, 5, 0.01, 0.15, seed), 4.6, seed)
        apart = kept.positions[kept.springs[:, 0]] - kept.positions[kept.springs[:, 1]]
        assert np.linalg.norm(apart, axis=1).max() < 0.0135 + 1e-9


@pytest.mark.parametrize("finite", [False, True])
@given(seed=st.integers(0, 50))
@settings(max_examples=8, deadline=None)
def test_the_gradient_by_rest_lengths_is_that_of_differences(finite: bool, seed: int) -> None:
    network = lattice(seed, finite=finite, adjusted=Adjusted(100.0, 0.5e-3))
    draw = np.random.default_rng(seed)
    theta, played = draw.uniform(0.3e-3, 0.7e-3, len(network.edges)), np.array([1.5, 0.3, -0.4])
    weights = draw.standard_normal(len(network.nodes))
    weights[-1] = 0.0
    solver = network.equilibrium()

    def loss(values: np.ndarray) -> float:
        solver.set_parameters(values)
        return float(weights @ solver.states(played))

    direction = draw.standard_normal(len(theta))
    step = 1e-7 * direction
    difference = (loss(theta + step) - loss(theta - step)) / 2
    solver.set_parameters(theta)
    assert solver.gradient(solver.states(played), weights) @ step == pytest.approx(difference, rel=1e-5)
    assert not network.linear
    assert {edge.slope for edge in network.edges} == {-100.0}


@pytest.mark.parametrize("finite", [False, True])
def test_an_adjuster_at_its_slack_leaves_the_network_at_rest(finite: bool) -> None:
    network = lattice(3, finite=finite, adjusted=Adjusted(100.0, 0.5e-3))
    solver = network.equilibrium()
    solver.set_parameters(np.full(len(network.edges), 0.5e-3))
    np.testing.assert_allclose(solver.states(np.zeros(3)), 0.0, atol=1e-15)
    longer = np.full(len(network.edges), 0.5e-3)
    longer[0] += 0.1e-3
    solver.set_parameters(longer)
    assert solver.local(solver.states(np.zeros(3)))[0] > 0  # a spring that is held shorter than at rest pushes


@pytest.mark.parametrize(
    ("springs", "ports", "place", "says"),
    [
        ([("a", "d")], {}, ("springs", 0), "there is no point 'd'"),
        ([("a", "a")], {}, ("springs", 0), "a spring needs two different points"),
        ([("a", "b"), ("b", "c")], {}, ("springs", 1), "'b' and 'c' are at the same place"),
        ([("a", "b")], {"p": ("b", "c")}, ("ports", "p"), "'b' and 'c' are at the same place"),
    ],
)
def test_ends_without_a_direction_are_refused(springs, ports, place, says):
    points = {"a": (0.0, 0.0), "b": (1e-3, 0.0), "c": (1e-3, 1e-200)}  # closer than squares can tell
    reported = []
    options = Options.model_construct(points=points, springs=springs, ports=ports)
    assert Elastic.build(options, lambda path, what: reported.append((path, what))) is None
    assert [path for path, _ in reported] == [place]
    assert says in reported[0][1]
