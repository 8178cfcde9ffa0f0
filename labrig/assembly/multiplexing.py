"""The ghost of a multiplexed digitizer: the fraction of one node's voltage in the reading of the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.assembly.board import Board
from labrig.assembly.recommended import rounded_down, rounded_up
from labrig.instruments.data import AcquisitionPlan
from labrig.instruments.drivers import DigitizerCapabilities
from labrig.instruments.multiplexer import SMALL_GHOST, ghost, settling_needed_s, switching_s
from labrig.network.physics import SeenFromNodes
from labrig.quantities import format_quantity


@dataclass(frozen=True)
class Ghost:
    """The node whose reading contains the largest part of the previous node's voltage, at the lowest conductances.

    Attributes
    ----------
    node, previous : str
        The node, and the node scanned before it.
    fraction : float
        Fraction of the previous node's voltage that the reading contains.
    ohm, farad : float
        Source resistance of the node or buffer (Ω), and capacitance of node and cable (F).
    settling_s : float
        Time from switching to conversion (s).
    remedy : str
        Remedy that brings every node below `SMALL_GHOST`; empty if all nodes are below it.
    """

    node: str
    previous: str
    fraction: float
    ohm: float
    farad: float
    settling_s: float
    remedy: str

    @property
    def small(self) -> bool:
        """Whether the fraction is too small for a warning."""
        return self.fraction <= SMALL_GHOST

    def __str__(self) -> str:
        """The ghost in one sentence, with the remedy if one is needed."""
        sees = f"{format_quantity(self.ohm, 'resistance')} and {format_quantity(self.farad, 'capacitance')}"
        after = format_quantity(self.settling_s, "time")
        percent = f"up to {100 * self.fraction:.2g} %" if self.fraction > 1e-8 else "less than 1e-6 %"
        text = (
            f"{self.node} reads {percent} of {self.previous}, which is scanned before it: the "
            f"input sees {sees}, and is converted {after} after switching"
        )
        return text if self.small else f"{text}; for less than {100 * SMALL_GHOST:g} %, {self.remedy}"


def worst_ghost(board: Board, able: DigitizerCapabilities, plan: AcquisitionPlan, lowest_s: float) -> Ghost | None:
    """Return the largest ghost of a board; None if nothing is multiplexed, or the physics has no resistances.

    The resistance of a node falls as any conductance rises, so it is largest with all edges at `lowest_s` (S). Diodes
    are evaluated at 0 V.
    """
    senses, rate_hz = board.hookup.senses, plan.sample_rate_hz
    skew_s = able.skew_s(len(senses), rate_hz)
    ohm = source_ohm(board, lowest_s) if any(skew_s) else None
    if ohm is None:
        return None
    farad = np.array([wire.lead.farad for wire in senses])
    settling_s = switching_s(skew_s, rate_hz)
    fractions = ghost(able.sampling_f, farad, ohm, settling_s)
    worst = int(np.argmax(fractions >= fractions.max() * (1 - 1e-6)))  # the first if several are equal but for rounding
    needed_s = float(settling_needed_s(able.sampling_f, farad, ohm, SMALL_GHOST).max())
    node = senses[worst].node
    return Ghost(
        node=node,
        previous=senses[worst - 1].node,
        fraction=float(fractions[worst]),
        ohm=float(ohm[worst]),
        farad=float(farad[worst]),
        settling_s=float(settling_s[worst]),
        remedy="" if fractions[worst] <= SMALL_GHOST else _remedy(able, rate_hz, len(senses), needed_s, node),
    )


def source_ohm(board: Board, lowest_s: float) -> NDArray[np.float64] | None:
    """Return the (C,) source resistance of each input, i.e. of its node or buffer (Ω).

    None if the physics has no resistances.

    Parameters
    ----------
    board : Board
        The board.
    lowest_s : float
        Conductance of every edge (S). Diodes are evaluated at 0 V.
    """
    solver = board.network.equilibrium()
    if not isinstance(solver, SeenFromNodes):
        return None
    nodes, senses = list(board.network.nodes), board.hookup.senses
    solver.set_parameters(np.full(len(board.network.edges), lowest_s))
    seen = solver.resistances(np.zeros(len(nodes)), [nodes.index(wire.node) for wire in senses])
    return np.array([r if w.lead.buffer_ohm is None else w.lead.buffer_ohm for r, w in zip(seen, senses, strict=True)])


def _remedy(able: DigitizerCapabilities, rate_hz: float, channels: int, needed_s: float, node: str) -> str:
    most_hz = rounded_down(1 / (channels * needed_s))
    slower = f"sample at {format_quantity(most_hz, 'sample_rate')} at most"
    if not able.spread_step_s:
        apart = f"{format_quantity(rounded_up(needed_s), 'time')} or more between conversions"
        slower = f"leave {apart}" if rate_hz <= most_hz else f"{slower} with {apart}"
    return (
        f"{slower}, or put a buffer between node and cable (wiring.{node}.buffer); or scan it after a node with nearly "
        "the same voltage (a grounded channel between them turns the ghost into a gain error)"
    )
