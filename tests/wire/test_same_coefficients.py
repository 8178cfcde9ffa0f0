"""The settings of one run, replayed on both benches: every coefficient of every edge is the same, to rounding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from trials import trials
from wire.both_benches import apart, on_both_benches, recorded

STEPS = trials(6, 15, 15)


HOWLAND = "{howland: 10 µA/V, output_resistance: 5 MΩ, compliance: 3 V}"


@pytest.mark.more
@pytest.mark.parametrize("through", ["100 kΩ", pytest.param(HOWLAND, marks=pytest.mark.long)])
def test_both_benches_read_the_same_coefficients_from_the_same_board(through: str, tmp_path: Path):
    """Same code width, no noise. Tones meet the first scan at other phases on the simulated bench, so their samples are
    others and round differently."""
    wiring = f"wiring.out2.through={through}"
    here, there = on_both_benches(recorded(tmp_path, STEPS, wiring), wiring)
    assert len(here) == len(there) == 2 * STEPS
    assert np.abs(apart(here, there, "a")).max() < 1
    assert np.abs(apart(here, there, "b")).max() < 1
    for one, two in zip(here, there, strict=True):
        np.testing.assert_allclose(two.error, one.error, rtol=0, atol=1e-20)
