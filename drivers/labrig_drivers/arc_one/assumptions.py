"""Assumptions of the ArC ONE driver that have not been verified on hardware."""

from labrig.instruments.drivers import Assumption
from labrig_drivers.relay import RELAY

ASSUMPTIONS = (
    Assumption(
        "a command that was cut off waits for its missing numbers and accepts zeros, and a pulse of zero width does "
        "nothing",
        "labrig doctor CONFIG, after kill -9 of a run that wrote cells, with an oscilloscope at a cell",
        "the programmer is ok, and no pulse appears",
    ),
    Assumption(
        "eight zeros initialize the board, which acknowledges this with a 1",
        "labrig doctor CONFIG",
        "the programmer is ok",
    ),
    Assumption(
        "the board is ready 2 s after the reset command 00",
        "labrig doctor CONFIG, twice",
        "the programmer is ok both times",
    ),
    RELAY,
)
