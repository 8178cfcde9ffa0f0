"""Assumptions of the ArC TWO driver that have not been verified on hardware."""

from labrig.instruments.drivers import Assumption
from labrig_drivers.relay import RELAY

ASSUMPTIONS = (
    Assumption(
        "a positive voltage of pulse_one and read_one makes the high channel positive against the low one",
        "labrig run CONFIG, with an oscilloscope at both terminals of a cell",
        "the high terminal is positive during positive pulses",
    ),
    Assumption(
        "after a reading or a pulse the board leaves every channel at 0 V or disconnected",
        "labrig run CONFIG, with an oscilloscope at a terminal",
        "no voltage remains between commands",
    ),
    Assumption(
        "a width of 1 ns to 1 ms is played as requested; the board's own shortest pulse depends on its output stage",
        "labrig run CONFIG, with an oscilloscope at a terminal",
        "the width of the pulse is pulse_width",
    ),
    RELAY,
)
