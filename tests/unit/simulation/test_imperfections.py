"""Imperfections: presets, what each draws, and that one never changes what another draws."""

from __future__ import annotations

import numpy as np
import pytest
from unit.rig.benches import assembled

from labrig.config.problems import ConfigProblems
from labrig.instruments.multiplexer import Lead
from labrig.instruments.parts import find_part
from labrig.simulation.imperfections import IMPERFECTIONS, Scans, imperfections
from labrig.simulation.presets import preset_names
from labrig.simulation.section import preset_values

COLUMNS = np.arange(5)


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_says_what_every_imperfection_is(name):
    assert preset_values(name).keys() == IMPERFECTIONS.own.keys()


def test_an_unknown_preset_is_one_error():
    with pytest.raises(ConfigProblems) as raised:
        assembled("divider", "simulation.preset=typicl")
    (problem,) = raised.value.problems
    assert problem.message == "'typicl' is not one of 'harsh', 'ideal', 'typical'; did you mean 'typical'?"


def test_ideal_changes_nothing():
    ideal = imperfections(preset_values("ideal"), seed=3)
    part = find_part("MCP4251-104")
    assert (ideal.convert, ideal.u_gain, ideal.u_offset_v, ideal.source_gain("awg/0")) == (False, 0.0, 0.0, 1.0)
    assert ideal.specimens("pots", part, 4) == [part] * 4
    assert ideal.transfers("daq", 5) == ideal.additions("daq", 5) == ideal.memories("daq") == []
    assert ideal.outputs("awg/0", 5.0) == ideal.players("awg/0") == []
    assert ideal.scan_delay_s("daq", 5) is ideal.coupling("daq", 5, ["awg/0"]) is None
    assert ideal.node_farad(Lead()) == 0.0
    network = assembled("xor").board.network
    assert ideal.network(network) is network


def test_what_one_draws_does_not_depend_on_the_others_nor_on_their_order():
    volts = np.linspace(-1.0, 1.0, 10).reshape(2, 5)

    def read(values):
        result = volts
        for transfer in imperfections(values, seed=1).transfers("daq", 5):
            result = transfer(result, COLUMNS)
        return result

    gain, offset = {"digitizer_gain": 1e-2}, {"digitizer_offset": 1e-2}
    both = read(gain | offset)
    np.testing.assert_allclose(both, read(gain) + read(offset) - volts, atol=1e-15)
    np.testing.assert_array_equal(both, read(offset | gain))
    assert np.std(both - volts) > 1e-3


def test_uncertainties_are_those_of_the_draws():
    typical = imperfections(preset_values("typical"), seed=0)
    assert (typical.u_gain, typical.u_offset_v) == (0.5e-3, 100e-6)
    (gain, offset) = typical.transfers("daq", 4000)
    columns = np.arange(4000)
    assert np.std(gain(np.ones((1, 4000)), columns)) == pytest.approx(0.5e-3, rel=0.05)
    assert np.std(offset(np.zeros((1, 4000)), columns)) == pytest.approx(100e-6, rel=0.05)
    gains = [typical.source_gain(f"awg/{k}") for k in range(2000)]
    assert np.std(gains) == pytest.approx(1e-3, rel=0.06)


def test_noise_of_a_piece_is_the_piece_of_the_noise():
    (noise,) = imperfections({"noise": 1e-3}, seed=0).additions("daq", 5)

    def piece(first, last):
        return noise(Scans(2, first, last, 0.0, 1e4, COLUMNS))

    whole = piece(0, 3000)
    for first, last in ((0, 1), (1000, 1025), (1024, 3000)):
        np.testing.assert_array_equal(piece(first, last), whole[first:last])
