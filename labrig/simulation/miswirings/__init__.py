"""Miswirings of a board: one file each, found by their key in `simulation.miswired`."""

from labrig.extensions import Extensions
from labrig.simulation.miswirings.miswiring import Miswiring, Places, Wired

MISWIRINGS = Extensions(
    noun="miswiring",
    package="labrig.simulation.miswirings",
    own={
        "swap": "Swap",
        "swap_drive": "SwapDrive",
        "swap_edges": "SwapEdges",
        "open": "Open",
        "short": "Short",
        "inverted": "Inverted",
        "stuck": "Stuck",
        "dead": "Dead",
        "wrong_resistor": "WrongResistor",
        "wrong_part": "WrongPart",
    },
    kind=Miswiring,
)

__all__ = ["MISWIRINGS", "Miswiring", "Places", "Wired"]
