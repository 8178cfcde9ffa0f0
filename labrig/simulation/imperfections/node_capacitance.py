"""Capacitance of the nodes of the board, which delays and attenuates tones."""

from __future__ import annotations

from typing_extensions import override

from labrig.instruments.multiplexer import Lead
from labrig.simulation.imperfections.imperfection import Imperfection


class NodeCapacitance(Imperfection):
    """`value` says whether a node has the capacitance of its cable, which the configuration states.

    A cable behind a buffer does not load its node.
    """

    Options = bool

    @override
    def node_farad(self, lead: Lead) -> float:
        return lead.farad if self.value and lead.buffer_ohm is None else 0.0
