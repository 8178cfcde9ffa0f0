"""Assumptions of the drivers of the one-board bench that have not been verified on a board."""

from labrig.instruments.drivers import Assumption
from labrig_drivers.digipot_bank.assumptions import ASSUMPTIONS as PROGRAMMER

__all__ = ["DIGITIZER", "PROGRAMMER", "SOURCE"]

SOURCE = (
    Assumption(
        "outputs settle to half a code, and the network with them, before the first input is read, 24 µs after LDAC",
        "labrig measure CONFIG --drive in0=0.5V at two sample rates",
        "both readings agree within their ±",
    ),
    Assumption(
        "code 2048 of every output is the mid-rail, to the offset of the converters",
        "labrig measure CONFIG",
        "every node reads 0 V within 5 mV",
    ),
)

DIGITIZER = (
    Assumption(
        "the USB adapter and its driver pass 1 Mbaud without losing bytes",
        "labrig measure CONFIG --drive in0=0.5V, repeated; if scans are lost, rebuild with BAUD=500000",
        "no acquisition ends with lost scans",
    ),
    Assumption(
        "an MCP3208 at 2 MHz and 5 V reads a node behind an amplifier to one code",
        "labrig measure CONFIG with one input driven, the others at 0 V",
        "channels beside the driven one read 0 V within their ±",
    ),
)
