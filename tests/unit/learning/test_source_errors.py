"""What sources of the error add to a gradient, on plain linear algebra."""

import numpy as np
import pytest

from labrig.learning.gradient import Gradient, mean_gradient
from labrig.learning.source_errors import combined, source_errors

OUTPUTS, EDGES, U = 3, 400, 2e-3
RNG = np.random.default_rng(4)
ANSWERS = RNG.normal(size=(OUTPUTS, EDGES))
A = RNG.normal(size=EDGES)
E = np.array([0.7, -0.5, -0.2])


def stated(played: np.ndarray, error: np.ndarray = E):
    """The errors as stated, and the exact modes: each output's contribution times U."""
    read = A * (played @ ANSWERS)
    return source_errors(read, A, played, U * np.abs(played), error), -U * error[:, np.newaxis] * A * ANSWERS


def test_a_tone_for_each_output_tells_what_each_contributes():
    found, exact = stated(-1e-6 * np.eye(OUTPUTS))
    assert found is not None
    np.testing.assert_allclose(found.u_error, U * np.abs(E))
    np.testing.assert_allclose(found.modes, exact)


def test_one_output_scales_the_whole_gradient():
    found = source_errors(A * ANSWERS[:1], A, np.array([[2e-6]]), np.array([[2e-6 * U]]), np.array([0.3]))
    assert found is not None
    gradient = -0.3 / 2e-6 * A * ANSWERS[0]
    np.testing.assert_allclose(found.modes[0], U * gradient)


def test_one_tone_for_all_outputs_states_the_right_size():
    # Only the sum over the outputs is read of each edge; the rest is stated as large as answers are.
    found, exact = stated(-1e-6 * E[np.newaxis])
    assert found is not None
    np.testing.assert_allclose(found.u_error, U * np.abs(E))
    rms = [np.sqrt(np.sum(modes**2) / EDGES) for modes in (found.modes, exact)]
    assert rms[0] == pytest.approx(rms[1], rel=0.1)


def test_sources_that_are_exact_add_nothing():
    assert source_errors(A[np.newaxis], A, np.eye(1), None, np.ones(1)) is None
    assert source_errors(A[np.newaxis], A, np.zeros((1, 1)), np.zeros((1, 1)), np.ones(1)) is None
    assert combined([(1.0, None)]) is None


def test_examples_share_the_errors_of_the_sources():
    played = -1e-6 * np.eye(OUTPUTS)
    zero = np.zeros(EDGES)
    errors = [stated(played, sign * E)[0] for sign in (1, -1, 3)]
    found = mean_gradient([Gradient(zero, zero, zero, sources=each) for each in errors], EDGES)
    np.testing.assert_allclose(found.modes, stated(played)[1])
    np.testing.assert_allclose(found.uncertainty, np.linalg.norm(stated(played)[1], axis=0))
