"""A board as KiCad exports it: it is trained, and what it is at a step is written back and solved by ngspice."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from common import ROOT, Figure, at_least, at_most, seeds

sys.path.append(str(ROOT / "tests"))

from physics.random_netlists import by_ngspice

from labrig.assembly import assemble
from labrig.procedures.board_netlist import board_netlist
from labrig.procedures.train import train
from labrig.runs.folder import RunFolder
from labrig.runs.journal import read_journal

BOARD = Path(__file__).parent / "kicad" / "board.yaml"
"""Three constant inputs, three hidden nodes with diodes, two outputs; board.cir is written as KiCad exports one."""
STEPS = (1, 20, -1)
"""Steps that are written back; -1 is the last."""


def trained_and_written_back(config: Path, seed: int) -> tuple[float, float]:
    """Loss before over loss after training, and the largest deviation of ngspice at three steps, of full scale."""
    with tempfile.TemporaryDirectory() as name:
        run = RunFolder(Path(name) / "run")
        metrics = train(assemble(config, [f"seed={seed}"]), run_dir=run.path, plots=False).metrics
        count = len(read_journal(run.journal).steps["step"])
        deviations = [_deviation(run, step % (count + 1), Path(name)) for step in STEPS]
        return metrics["initial_loss"] / metrics["loss"], max(deviations)


def _deviation(run: RunFolder, step: int, folder: Path) -> float:
    """Deviation between ngspice, which reads the netlist of a step, and the network with that step's conductances."""
    path = folder / "back.cir"
    path.write_text(board_netlist(run, step), encoding="utf-8")
    names, table = by_ngspice(path)
    assembly = assemble(run.path / "config.resolved.yaml")
    network, steps = assembly.board.network, read_journal(run.journal).steps
    solver = network.equilibrium()
    solver.set_parameters(steps["conductances"][step - 1])
    activation = assembly.task.activation[int(steps["examples"][step - 1][0])]
    played = dict(zip((wire.node for wire in assembly.board.hookup.inputs), activation, strict=True))
    states = solver.states([played.get(source.node, 0.0) for source in network.sources])
    columns = [names.index(f"v({node})") for node in network.nodes]
    return float(np.abs(table[0, columns] - states).max() / np.abs(states).max())


def measure(short: bool) -> list[Figure]:
    (seed,) = seeds("KiCad board", 1)
    improved, deviation = trained_and_written_back(BOARD, seed)
    return [
        at_least("loss before training over loss after it", improved, 100, ".3g"),
        at_most("ngspice on the netlists of three steps: largest deviation, of full scale", deviation, 1e-8),
    ]
