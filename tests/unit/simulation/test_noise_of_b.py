"""How far b scatters: the Cramér–Rao bound of a lock-in, 2σ²/N, through the whole rig."""

from __future__ import annotations

import numpy as np
import pytest
from unit.rig.benches import assembled

from labrig.learning.measurement import Excitation

ACQUISITIONS, SAMPLES = 1000, 1000


@pytest.mark.parametrize(
    ("overrides", "sigma_v"),
    [
        (("simulation.noise=100uV",), 100e-6),
        # A 16-bit converter over ± 2 V adds lsb²/12.
        (("simulation.preset=typical",), np.hypot(100e-6, 4 / 2**16 / np.sqrt(12))),
    ],
    ids=["noise alone", "typical"],
)
def test_variance_of_b(overrides, sigma_v):
    assembly = assembled("divider", *overrides)
    with assembly.setup().rig as rig:
        assert rig.plan.window_samples == SAMPLES
        excitation = Excitation(np.array([0.4]))
        read = [rig.measure(excitation) for _ in range(ACQUISITIONS)]
    b = np.array([response.demodulated.channel_in_phase[0] for response in read])
    out = rig.hookup.sense_column["out0"]
    assert b[:, out].var() == pytest.approx(2 * sigma_v**2 / SAMPLES, rel=0.1)
    told = np.array([response.demodulated.u_channel[0, out] for response in read])
    assert np.mean(told**2) == pytest.approx(b[:, out].var(), rel=0.1)
    # The edge's drop has the noise of both its nodes.
    drop = np.array([response.b[0, 0] for response in read])
    assert drop.var() == pytest.approx(4 * sigma_v**2 / SAMPLES, rel=0.1)


def test_neighbouring_periods_of_one_window_differ():
    assembly = assembled("divider", "simulation.noise=100uV")
    with assembly.setup().rig as rig:
        rig.measure(Excitation(np.array([0.4])))
        volts = rig.window()
        period = round(rig.plan.sample_rate_hz / np.gcd.reduce([round(f) for f in rig.tones.frequencies_hz]))
    assert 2 * period <= len(volts)
    difference = volts[period:] - volts[:-period]
    assert (difference != 0).all()
    np.testing.assert_allclose(difference.std(axis=0), np.sqrt(2) * 100e-6, rtol=0.1)
