"""One number at a place: uniform, and the same whatever was drawn before."""

from __future__ import annotations

import numpy as np
from unit.plain_python import as_plain_python

from labrig import compiled_normals
from labrig.random_streams import COMPILED_FROM, RandomStream


def test_uniform_numbers_of_many_places_are_uniform_and_unrelated() -> None:
    stream = RandomStream(3, "phases")
    drawn = np.array([stream.uniform(place) for place in range(20_000)])
    assert 0 <= drawn.min() < 1e-3
    assert 1 - 1e-3 < drawn.max() < 1
    counts, _ = np.histogram(drawn, bins=20, range=(0, 1))
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(1000)
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 5 / np.sqrt(len(drawn))


def test_a_place_has_its_number_by_seed_name_and_place_alone() -> None:
    stream = RandomStream(3, "phases")
    stream.at(7).normal(size=5)
    assert stream.uniform(4, 5) == RandomStream(3, "phases").uniform(4, 5)
    others = (RandomStream(4, "phases").uniform(4, 5), RandomStream(3, "noise").uniform(4, 5), stream.uniform(5, 4))
    assert stream.uniform(4, 5) not in others


def test_compiled_noise_is_the_noise_that_numpy_draws() -> None:
    stream, shape = RandomStream(3, "noise/daq"), (1024, 3000)  # 3 million: hundreds lie in the tail of the ziggurat
    assert shape[0] * shape[1] > COMPILED_FROM
    expected = stream.at(5, 2).standard_normal(shape, dtype=np.float32)
    drawn = stream.noise(shape, 1e-4, 5, 2)
    np.testing.assert_allclose(drawn, 1e-4 * expected.astype(float), rtol=1e-6)
    assert (np.abs(expected) > 3.66).sum() > 100
    small = stream.noise((2, 3), 1e-4, 5, 2)
    np.testing.assert_array_equal(small.ravel(), drawn.ravel()[:6])
    assert (stream.noise(shape, 1e-4, 5, 3) != drawn).mean() > 0.999


def test_compiled_noise_is_what_its_source_says(monkeypatch) -> None:
    plain = as_plain_python(compiled_normals)
    monkeypatch.setattr(plain, "_high", lambda a, b: np.uint64(int(a) * int(b) >> 64))
    key, position, rms = np.array([3, 7], np.uint64), (5, 2), 1e-4
    drawn, compiled = np.empty(20_000), np.empty(20_000)
    with np.errstate(over="ignore"):  # products of unsigned integers wrap, as they should
        plain.fill_normals(drawn, rms, key, position)
    compiled_normals.fill_normals(compiled, rms, key, position)
    np.testing.assert_allclose(drawn, compiled, rtol=1e-12)
    assert np.abs(drawn).max() > 3.66 * rms, "none lies in the tail of the ziggurat"
