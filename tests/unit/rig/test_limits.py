"""Limits and ranges: what the rig refuses to play, and a measurement that it refuses to use."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from unit.rig.benches import assembled, off, setup_with
from unit.rig.saboteurs import Disconnected, Loud

from labrig.config.section import NoOptions
from labrig.errors import LimitExceeded, Overrange, SyncLost
from labrig.learning.carriers.amplitude_modulation import AmplitudeModulation
from labrig.learning.carriers.carrier import Carrier
from labrig.learning.carriers.chemical import Chemical
from labrig.learning.carriers.shared_tone import SharedTone
from labrig.learning.measurement import Excitation
from labrig.rig.limits import Limits
from labrig.signals.tones import SILENT

XOR = assembled("xor", "simulation.preset=ideal")
DIVIDER = assembled("divider")


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(0.5, 5e-3, 2.0), "the source of node in0 would play 1 V"),
        (Limits(5.0, 1e-9, 2.0), "edge in. takes|edge in.-hid. takes"),
    ],
    ids=["node", "edge power"],
)
def test_limits_of_the_rig(limits: Limits, message: str):
    setup = replace(XOR, limits=limits).setup()
    with setup.rig as rig:
        rig.program(XOR.update(rig).settings())
        with pytest.raises(LimitExceeded, match=message) as caught:
            rig.measure(Excitation(XOR.task.activation[0]))
    assert caught.value.exit_code == 5
    assert off(setup)


@pytest.mark.parametrize("carrier", [SharedTone, AmplitudeModulation, Chemical])
def test_the_largest_error_current_that_check_allows_can_be_played(carrier: type[Carrier]):
    rng = np.random.default_rng(0)
    for largest_a in (50e-6, 51.38e-6, 7e-6):
        for slope in rng.standard_normal((300, 3)):
            asked = carrier(NoOptions(), largest_a, 0.0, 3).excitation(np.zeros(2), slope)
            tones = asked.constant if asked.error is None else asked.error
            assert tones is not None
            largest = np.abs(np.atleast_2d(tones)).sum(axis=0).max()
            assert 100e3 * largest <= 100e3 * largest_a
            assert largest == pytest.approx(largest_a, rel=1e-12)


def test_a_drive_beyond_the_limit_is_never_played():
    setup = replace(XOR, limits=Limits(0.5, 5e-3, 2.0)).setup()
    with setup.rig as rig:
        with pytest.raises(LimitExceeded):
            rig.measure(Excitation(XOR.task.activation[0]))
        assert set(setup.bench.world.playing(np.inf).values()) == {SILENT}
        assert setup.bench.world.acquisitions == rig.acquisitions == 0


def test_a_node_outside_the_supply_of_the_parts_on_it():
    hookup = XOR.board.hookup
    senses = tuple(replace(wire, high_v=0.05) if wire.node == "hid0" else wire for wire in hookup.senses)
    narrow = replace(XOR, board=replace(XOR.board, hookup=replace(hookup, senses=senses)))
    with narrow.setup().rig as rig:
        rig.program(XOR.update(rig).settings())
        rig.measure(Excitation(np.zeros(6)))
        with pytest.raises(LimitExceeded, match="node hid0 is at"):
            rig.measure(Excitation(np.ones(6)))


@pytest.mark.parametrize("preset", ["ideal", "typical"])
def test_a_channel_that_clips_is_named(preset: str):
    assembly = assembled("divider", f"simulation.preset={preset}")
    with (
        setup_with(assembly, awg=lambda source: Loud(source, "2", 2.1)).rig as rig,
        pytest.raises(Overrange, match="clipped at pilot") as caught,
    ):
        rig.measure(Excitation(np.array([1.0])))
    assert caught.value.exit_code == 5


def test_a_missing_pilot_gives_no_signs():
    with (
        setup_with(DIVIDER, awg=lambda source: Disconnected(source, {"2"})).rig as rig,
        pytest.raises(SyncLost, match="reference weak") as caught,
    ):
        rig.measure(Excitation(np.array([1.0])))
    assert caught.value.exit_code == 5
