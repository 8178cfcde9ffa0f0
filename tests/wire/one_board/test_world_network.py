"""What the inputs of a virtual board read in a World in which another instrument plays, too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from labrig_drivers.one_board.options import (
    DigitizerOptions,
    SourceOptions,
    digitizer_capabilities,
    source_capabilities,
)
from unit.simulation.worlds import by_hand, world

from labrig.signals.tones import ToneProgram
from labrig.simulation.imperfections import imperfections
from labrig.virtual_instruments.counterpart import Entry
from labrig.virtual_instruments.one_board.sampler import MIDDLE, Acquisition, Codes, Partial, Program
from labrig.virtual_instruments.one_board.world_network import WorldNetwork
from labrig.virtual_instruments.virtual_bench import VirtualBench

SCANS = 128
STEP_V = 0.5e-3
PROGRAM = Program((MIDDLE + 600,), (Partial(0, 37, 11, 2000),))


def scans(wrong: dict[str, Any], at_once: int, program: Program = PROGRAM) -> Codes:
    """All scans of an acquisition in pieces; the board's only output is awg/0, while awg/1 plays 0.5 V."""
    source = source_capabilities(SourceOptions(driver="labrig.board.source", resource="/dev/ttyUSB0", sources=1))
    inputs = digitizer_capabilities(
        DigitizerOptions(driver="labrig.board.digitizer", resource="/dev/ttyUSB0", inputs=3)
    )
    bench = VirtualBench(world(), imperfections(wrong, 3), 3, lambda: 1.0)
    bench.world.drive(0.5, "awg/1", ToneProgram(0.5))
    network = WorldNetwork(bench, Entry("awg", "", source, {}), Entry("daq", "", inputs, {}))
    network.hold(program)
    acquisition = Acquisition(2500, SCANS, (0, 1, 2), program, b"")
    network.begin(acquisition)
    pieces = (network.digitize(acquisition, k, min(k + at_once, SCANS)) for k in range(0, SCANS, at_once))
    return np.concatenate(list(pieces))


@pytest.mark.parametrize("at_once", [1, 5, 31])
def test_it_does_not_matter_in_which_pieces_scans_are_taken(at_once):
    wrong = {"pickup": 0.05, "multiplexer": 1e-9, "noise": 1e-3}
    assert np.array_equal(scans(wrong, at_once), scans(wrong, SCANS))


def test_other_sources_keep_their_levels():
    levels = Program(PROGRAM.levels)
    playing = [(0.0, "awg/0", ToneProgram(600 * STEP_V)), (0.0, "awg/1", ToneProgram(0.5))]
    expected_v = by_hand(playing, [], np.array([1.0]))[0]
    read_v = (scans({}, SCANS, levels) - MIDDLE) * STEP_V
    assert read_v == pytest.approx(np.tile(expected_v, (SCANS, 1)), abs=0.51 * STEP_V)


def test_only_tones_are_picked_up():
    still, moving = Program(PROGRAM.levels), {"pickup": 0.05}
    assert np.array_equal(scans(moving, SCANS, still), scans({}, SCANS, still))
    picked_up = scans(moving, SCANS) - scans({}, SCANS)
    played = PROGRAM.codes(0, SCANS)[:, 0] - PROGRAM.levels[0]
    shares = np.linalg.lstsq(played[:, np.newaxis].astype(float), picked_up, rcond=None)[0][0]
    assert np.abs(shares).max() > 0.01
    assert np.abs(picked_up - np.outer(played, shares)).max() <= 1


def test_the_multiplexer_carries_a_node_over_to_the_next():
    """A ghost of Cs/(Cs + 1 nF) · exp(−t/τ); inputs follow one another after 500 cycles of 16 MHz."""
    clean, read = scans({}, SCANS), scans({"multiplexer": 1e-9}, SCANS)
    ohm = 1 / (1e-4 + 1 / (1 / 30e-6 + 50) + 1 / (1 / 70e-6 + 1e5))
    fraction = 0.5 * np.exp(-(500 / 16e6) / (2e-9 * ohm))
    assert fraction > 0.01
    carried = fraction * (read[:, 0] - clean[:, 1])
    assert np.abs(read[:, 1] - clean[:, 1] - carried).max() <= 1.1
    assert np.abs(carried).max() > 5
