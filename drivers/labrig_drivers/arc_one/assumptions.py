"""Assumptions of the ArC ONE driver that have not been verified on hardware."""

from labrig.instruments.drivers import Assumption

ASSUMPTIONS = (
    Assumption(
        "a command that was cut off waits for its missing numbers and accepts zeros, and a pulse of zero width does "
        "nothing",
        "labrig doctor CONFIG, after kill -9 of a run that wrote cells, with an oscilloscope at a cell",
        "the programmer is ok, and no pulse appears",
    ),
    Assumption(
        "the board acknowledges initialization by eight zeros with 1",
        "labrig doctor CONFIG",
        "the programmer is ok",
    ),
    Assumption(
        "the board is ready 2 s after the reset command 00",
        "labrig doctor CONFIG, twice",
        "the programmer is ok both times",
    ),
    Assumption(
        "the relay is an LCUS-1 module (A0 01 01 A2 closes it, A0 01 00 A1 opens it); when closed, it connects the "
        "network",
        "labrig doctor CONFIG, then an ohmmeter from a cell to its node",
        "the ohmmeter shows an open circuit, because the network is connected only while labrig measures",
    ),
)
