"""Assumptions of the Keysight drivers that have not been verified on an instrument."""

from labrig.instruments.drivers import Assumption

ASSUMPTIONS = (
    Assumption(
        "ABOR ends an infinite burst, and the generator then waits for the next trigger",
        "labrig measure CONFIG --error NODE=1uA, five times, with a scope on the output",
        "the sine stops before every measurement, and the phases at that node agree to 1°",
    ),
    Assumption(
        "a waiting burst stays at its offset plus the level of its start phase",
        "labrig measure CONFIG --drive NODE=0.5V, with a scope on the output",
        "the output stays at 0.5 V, and shows no sine of 1 mV",
    ),
    Assumption(
        "a sine and an arbitrary waveform start equally late after the trigger edge, on both channels",
        "labrig certify CONFIG, with one source that plays several tones",
        "the slope is 1.00, and no edge has the wrong sign",
    ),
    Assumption(
        "ROSC:SOUR EXT locks before the reply to the next query, and reads INT where there is no 10 MHz",
        "labrig doctor CONFIG, with and without the 10 MHz cable",
        "with the cable the generator is ok; without it, doctor reports the generator",
    ),
)

OF_MULTIMETERS = (
    Assumption(
        "DATA:POIN? is answered while readings are taken, and counts those in memory",
        "labrig run CONFIG with a judge, and the multimeter's display in view",
        "the run ends with a judgement; a query that waited would miss its deadline",
    ),
    Assumption(
        "a reading takes twice its aperture, with the zero measured after it",
        "labrig run CONFIG with a judge, aperture: 200 ms at 50 Hz",
        "the judgement does not miss its deadline",
    ),
)
"""Assumptions about multimeters."""
