"""Assumptions of the driver of the potentiometer bank that have not been verified on a board."""

from labrig.instruments.drivers import Assumption

ASSUMPTIONS = (
    Assumption(
        "the chips answer at the SPI clock the firmware was built for",
        "labrig doctor CONFIG",
        "the bank is ok with all of its channels; if chips do not answer, rebuild with a larger SPI_DIVIDER",
    ),
    Assumption(
        "an open terminal (TCON) disconnects a rheostat from the network",
        "labrig doctor CONFIG, then an ohmmeter across an edge",
        "several megohms: the terminals are open unless a run is in progress",
    ),
    Assumption(
        "opening the port resets the board once, and its bootloader has finished within 3 s",
        "labrig doctor CONFIG, twice",
        "the bank is ok both times",
    ),
    Assumption(
        "the wipers follow 1/(R_W + R_AB·k/N) within the tolerance of the part",
        "pytest --rig CONFIG --pyargs labrig.testing -k levels_increase, and an ohmmeter at three codes",
        "it passes, and the three values lie on one line after the end resistance is subtracted",
    ),
    Assumption(
        "an AD5293 releases the shared line SDO after the words 0x8001 and 0x0000",
        "labrig doctor CONFIG, with two chips",
        "the bank is ok; if one chip disturbs the answers of the other, doctor reports that they do not answer",
    ),
    Assumption(
        "128 pulses bring an AD5220 to the end where its rheostat has the highest resistance",
        "labrig safe CONFIG, then an ohmmeter between A and W",
        "100 kΩ within 30 %",
    ),
)
