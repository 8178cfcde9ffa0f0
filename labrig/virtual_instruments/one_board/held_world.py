"""The World as seen by inputs that are read while all outputs are constant.

A one-board bench changes its outputs at the start of each scan, and reads its inputs when the network has settled. A
scan is therefore the static state for the codes of the outputs, without lag or skew. This holds for nodes with a time
constant of up to 2 µs (10 kΩ and 200 pF): nine time constants pass from the settling of the outputs to the first input.
`check` warns of slower nodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.simulation.world import Stretch, World

Array = NDArray[np.float64]


class HeldWorld:
    """The World for one piece of an acquisition, with the members that `FrontEnd.sample` uses.

    Parameters
    ----------
    world : World
        The World.
    held : mapping
        (n,) voltages of each source channel of the board in the n scans of this piece (V), open circuit, relative to
        the mid-rail. The sources of other instruments hold their levels.
    """

    def __init__(self, world: World, held: Mapping[str, Array]) -> None:
        self._world = world
        self._held = held

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world, name)

    def stretches(
        self,
        nodes: Sequence[str],
        t0: float,
        rate: float,
        n: int,
        skew_s: Sequence[float] = (),
        coupling: Array | None = None,
    ) -> list[Stretch]:
        """Return the (n, len(nodes)) voltages of all scans in one stretch; `rate` and `skew_s` are ignored."""
        sources = self._world.sources
        playing = self._world.playing(t0)
        levels = np.array([0.0 if program is None else program.dc for program in map(playing.get, sources)])
        wanted = np.tile(levels, (n, 1))
        for column, channel in enumerate(sources):
            if channel in self._held:
                wanted[:, column] = self._held[channel]
        codes, scan = np.unique(wanted, axis=0, return_inverse=True)
        _, states = self._world.static(dict(zip(sources, codes.T, strict=True)), t0)
        every = self._world.network.nodes
        volts = states[scan.reshape(-1)][:, [every.index(node) for node in nodes]]
        if coupling is not None:  # only tones are picked up
            volts = volts + (wanted - levels) @ coupling
        return [Stretch(0, n, volts)]
