"""Assumptions of the Rigol driver that have not been verified on a generator."""

from labrig.instruments.drivers import Assumption

ASSUMPTIONS = (
    Assumption(
        "BURS OFF and BURS ON end an infinite burst, and the channel then waits for the next trigger",
        "labrig measure CONFIG --error NODE=1uA, five times, with a scope on the output",
        "the sine stops before every measurement, and the phases at that node agree to 1°",
    ),
    Assumption(
        "a waiting burst stays at its first point, and settings that change meanwhile do not start it",
        "labrig measure CONFIG --error NODE=1uA, with a scope on the output and on the trigger line",
        "the output is at 0 V before the edge, and the sine begins at the edge at zero",
    ),
    Assumption(
        "a sine and an arbitrary waveform start equally late after the trigger edge, on both channels",
        "labrig certify CONFIG, with one source that plays several tones",
        "the slope is 1.00, and no edge has the wrong sign",
    ),
    Assumption(
        "0.1 s after a setting the output has changed, and the next message does no harm (option pause)",
        "labrig measure CONFIG --error NODE=1uA, ten times, NODE driven by channel 1",
        "the amplitudes at that node agree to 1 %; if one is that of the measurement before, set a longer pause",
    ),
    Assumption(
        "the start pulse exported by the digitizer is long enough for the trigger inputs of both channels",
        "labrig measure CONFIG --error NODE=1uA, ten times, with a scope on the trigger line",
        "every call ends with a reading; an unseen pulse ends with an error that names the generator",
    ),
    Assumption(
        "the clock setting reads INT within 2 s if there is no 10 MHz at the clock input",
        "labrig doctor CONFIG, with and without the 10 MHz cable",
        "with the cable the generator is ok; without it, doctor reports the generator",
    ),
)
