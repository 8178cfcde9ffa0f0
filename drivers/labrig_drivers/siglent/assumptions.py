"""Assumptions of the Siglent driver that have not been verified on a generator."""

from labrig.instruments.drivers import Assumption

ASSUMPTIONS = (
    Assumption(
        "a burst with TRSR,EXT and TIME,INF starts at a signal edge at the trigger input and plays until it is stopped",
        "labrig measure CONFIG --drive NODE=0.5V, with a scope on the output",
        "the scope shows a continuing sine; if the output stays at 0 V, set `burst: counted`",
    ),
    Assumption(
        "every phase is counted from the trigger edge, so a repeated measurement reads the same phase",
        "labrig measure CONFIG --error NODE=1uA, five times",
        "the phases at that node agree to 1°",
    ),
    Assumption(
        "the start pulse exported by the digitizer is long enough for the trigger input",
        "labrig measure CONFIG --error NODE=1uA, ten times, with a scope on the trigger line",
        "every call ends with a reading; an unseen pulse ends with an error that names the generator",
    ),
    Assumption(
        "ROSC EXT locks before the reply to the next query",
        "labrig doctor CONFIG, right after the 10 MHz cable is plugged in",
        "the generator is ok at the first attempt",
    ),
    Assumption(
        "an arbitrary waveform of several tones is played without gap from its last sample to its first",
        "labrig measure CONFIG with a sine activation, with a scope on the output",
        "the trace has no step, and `labrig certify CONFIG` finds the null test below the noise",
    ),
)
