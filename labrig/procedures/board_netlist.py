"""The board of a run at one of its steps, as a SPICE netlist."""

from __future__ import annotations

import numpy as np

from labrig.assembly import assemble
from labrig.errors import ConfigError, UsageError
from labrig.network.resistive.graph import Graph
from labrig.network.resistive.netlist.writer import netlist_text
from labrig.runs.folder import RunFolder
from labrig.runs.integrity import configuration_of
from labrig.runs.journal import read_journal
from labrig.runs.units import counted


def board_netlist(folder: RunFolder, step: int | None = None) -> str:
    """Return the netlist of the nominal board after a step; its sources play the first example of that step.

    Parameters
    ----------
    folder : RunFolder
    step : int, optional
        By default the last step; 0 is the board before training, with the first training example.

    Raises
    ------
    UsageError
        If the run has no such step.
    ConfigError
        If the network of the run is not made of resistors and diodes.
    StorageError
        If the configuration of the run is missing.
    """
    assembly = assemble(configuration_of(folder))
    network, hookup = assembly.board.network, assembly.board.hookup
    if not isinstance(network, Graph):
        raise ConfigError(
            f"a network of {assembly.network.physics.medium.state}s is not a circuit of resistors and diodes",
            remedy="export the run instead: labrig export RUN --csv",
        )
    record = read_journal(folder.journal)
    last = len(record.steps["step"])
    chosen = last if step is None else step
    if chosen > last:
        raise UsageError(f"--step {chosen}: the run has only {counted(last, 'step')}")
    if chosen == 0:
        siemens, example = assembly.initial, int(assembly.task.trial[0])
    else:
        siemens, example = record.steps["conductances"][chosen - 1], int(record.steps["examples"][chosen - 1][0])
    volts = np.zeros(len(network.sources))
    place = {source.node: row for row, source in enumerate(network.sources)}
    levels = assembly.task.activation[example] * hookup.volts_per_drive
    volts[[place[wire.node] for wire in hookup.inputs]] = levels
    when = "before training" if chosen == 0 else f"after step {chosen} of {last}"
    comments = [f"{when}, nominal parts; the sources play example {example}, without error and pilot"]
    return netlist_text(network, np.asarray(siemens, dtype=float), volts, f"{folder.path.name}: {when}", comments)
