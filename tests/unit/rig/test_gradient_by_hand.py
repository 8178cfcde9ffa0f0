"""The sign and the size of a gradient on one edge, by arithmetic from what is really soldered to the board."""

from __future__ import annotations

import numpy as np
import pytest
from unit.rig.benches import assembled


@pytest.mark.parametrize("target", ["800 mV", "100 mV"], ids=["output too low", "output too high"])
@pytest.mark.parametrize("theta_us", [12.0, 30.0, 95.0])
def test_divider(target: str, theta_us: float):
    assembly = assembled(
        "divider", f"task.divider.target={target}", f"network.programmable.initial=[{theta_us} µS, {theta_us} µS]"
    )
    setup = assembly.setup()
    with setup.rig as rig:
        rig.program(assembly.update(rig).settings())
        learned = assembly.probe(rig, assembly.update(rig)).gradient(0)
        world = setup.bench.world
        (siemens,) = world.conductances(setup.bench.clock.now())
        gain = dict(zip(world._channels, world.response._stages.gain, strict=True))
    source_ohm, load_ohm = 50.0, 100e3
    x = 1.0 * gain["awg/0"]
    y = float(target.split()[0]) * 1e-3
    total = source_ohm + 1 / siemens + load_ohm
    v = x * load_ohm / total
    by_hand = 2 * (v - y) * x * load_ohm / (total**2 * siemens**2)
    assert siemens == pytest.approx(theta_us * 1e-6, rel=1e-12)
    assert learned.gradient is not None
    assert np.sign(learned.gradient.value[0]) == np.sign(v - y)
    assert learned.gradient.value[0] == pytest.approx(by_hand, rel=1e-6)
    assert learned.loss == pytest.approx((v - y) ** 2, rel=1e-6)


def test_the_error_current_is_what_was_asked_for_and_gamma_follows():
    assembly = assembled("divider")
    with assembly.setup().rig as rig:
        rig.program(assembly.update(rig).settings())
        probe = assembly.probe(rig, assembly.update(rig))
        v, learned = probe.measure_free(0).outputs[0], probe.gradient(0)
        assert learned.gradient.gamma * abs(2 * (v - 0.8)) == pytest.approx(1e-6, rel=1e-9)
