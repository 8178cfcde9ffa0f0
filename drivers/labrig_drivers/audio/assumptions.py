"""Assumptions of the drivers of audio interfaces that have not been verified on hardware."""

from labrig.instruments.drivers import Assumption

__all__ = ["INPUT", "OUTPUT"]

OUTPUT = (
    Assumption(
        "the round trip through converters, buffers and the sound system takes less than `latency`",
        "labrig measure CONFIG, then again with `latency` twice as long",
        "the pilot and every node read the same amplitudes, within their ±",
    ),
    Assumption(
        "the sound system changes no sample: it neither resamples, mixes, limits nor adjusts the volume",
        "labrig measure CONFIG, repeated with half the pilot; use devices of ASIO, ALSA hw: or Core Audio",
        "the pilot reads half as much, to 0.1 %",
    ),
    Assumption(
        "the outputs are silent within 1 s after the program that played has been killed",
        "labrig run CONFIG, ended by kill -9, with a scope at an output",
        "the tones end",
    ),
)

INPUT = (
    Assumption(
        "all inputs are sampled at the same time",
        "labrig measure CONFIG, with the output of the pilot at all inputs",
        "the phases of all inputs agree to 1 mrad at 1 kHz",
    ),
    Assumption(
        "PortAudio flags every gap in the stream",
        "labrig measure CONFIG in a loop, while the computer is busy",
        "an acquisition either ends with an error, or reads the same amplitudes",
    ),
)
