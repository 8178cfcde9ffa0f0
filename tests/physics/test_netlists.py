"""Netlists against ngspice at tight tolerance, and what labrig writes read by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from physics.random_netlists import BOUNDS, NGSPICE, NgspiceFailed, by_ngspice, deviation
from trials import trials
from unit.network.networks import XOR_INPUT, conductances, xor_board

from labrig.network.resistive.netlist.writer import netlist_text
from labrig.network.resistive.solve.solver import Solver

pytestmark = pytest.mark.skipif(NGSPICE is None, reason="ngspice is not installed")


@pytest.mark.parametrize("kind", BOUNDS)
def test_random_netlists(kind: str, tmp_path: Path) -> None:
    agreed, count = 0, trials(1, 10, 200)
    for seed in range(100, 100 + count):
        try:
            found = deviation(seed, kind, tmp_path)
        except NgspiceFailed:
            continue
        assert found < BOUNDS[kind], seed
        agreed += 1
    assert agreed >= 0.9 * count  # ngspice rarely gives up


def test_a_board_as_it_is_written(tmp_path: Path) -> None:
    board = xor_board()
    siemens = conductances(board, 3)
    solver = Solver(board)
    solver.set_parameters(siemens)
    path = tmp_path / "board.cir"
    path.write_text(netlist_text(board, siemens, np.asarray(XOR_INPUT, dtype=float), "xor"))
    names, table = by_ngspice(path)
    found = [
        table[0, names.index(f"v({node})") if f"v({node})" in names else names.index(node)] for node in board.nodes
    ]
    np.testing.assert_allclose(found, solver.states(XOR_INPUT), rtol=0, atol=1e-8)
