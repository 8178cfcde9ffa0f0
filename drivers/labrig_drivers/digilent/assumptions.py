"""Assumptions of the drivers of the Analog Discovery that have not been verified on hardware."""

from labrig.instruments.drivers import Assumption

__all__ = ["DIGITIZER", "SOURCE"]

SOURCE = (
    Assumption(
        "an output that waits for the trigger or has been stopped holds its offset, and one that is disabled is at 0 V",
        "labrig measure CONFIG --drive in0=0.5V, with a scope at the output",
        "0.5 V before, during and after the acquisition, and 0 V once the command has ended",
    ),
    Assumption(
        "a waveform of 4096 points is held between points, and begins with its first point at the trigger",
        "labrig measure CONFIG",
        "the pilot reads its amplitude to 0.5 %, and the same phase in every repetition",
    ),
    Assumption(
        "the output resistance is 1 Ω or less",
        "labrig measure CONFIG --drive in0=0.5V, with and without 100 Ω from the output to ground",
        "the readings differ by less than 1 %",
    ),
)

DIGITIZER = (
    Assumption(
        "devices whose pins Trigger 1 and Trigger 2 are connected share their clock and start within 100 ns",
        "labrig measure CONFIG, with the output of the pilot at one input of each device",
        "the phases of these inputs agree to 1 mrad at 1 kHz in repeated measurements",
    ),
    Assumption(
        "the first sample of a recording is taken at the trigger, and a late read is reported as lost samples",
        "labrig measure CONFIG, while the computer is busy",
        "an acquisition either ends with an error, or reads the same amplitudes",
    ),
)
