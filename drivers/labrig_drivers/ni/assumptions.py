"""Assumptions of the NI drivers that have not been verified on a card."""

from labrig.instruments.drivers import Assumption

INPUT = (
    Assumption(
        "the start trigger that the card exports comes with the first sample, within one sample period",
        "pytest --rig CONFIG --pyargs labrig.testing -k an_error_tone_has_its_sign_and_size",
        "the test passes; with a wrong phase it fails",
    ),
    Assumption(
        "a multiplexed card converts channel n at n times the convert interval it reports",
        "labrig measure CONFIG --drive NODE=0.5V, with one generator wired to a low and a high channel",
        "both channels show the same phase to 0.1°",
    ),
    Assumption(
        "with a 10 MHz reference the sample clock follows the generator's, without drift",
        "pytest --rig CONFIG --pyargs labrig.testing -k the_rate_is_what_it_says",
        "the test passes; a card on its own oscillator is off by some 50 ppm",
    ),
)
INPUT += (
    Assumption(
        "channels, rates and ranges of each model are those in labrig_drivers/ni/models.py, mostly from data sheets",
        "labrig doctor CONFIG",
        "the card answers; otherwise the error names both values and the `card:` line that corrects them",
    ),
    Assumption(
        "errors of gain and zero are as in the data sheet (622x) or in `card:`; for other models none are stated",
        "labrig plan CONFIG, and a voltmeter on one input",
        "the difference is within the line `accuracy`, once `card: {gain_error: …, zero_error: …}` states the errors",
    ),
    Assumption(
        "DAQmx reports the convert rate of a scanned CompactDAQ module (NI-9205, NI-9201) without active devices",
        "labrig measure CONFIG --drive NODE=0.5V, with such a module",
        "the command measures; otherwise the error names the property",
    ),
)
OUTPUT = (
    Assumption(
        "writing the levels again shows whether the card was reset and no longer plays them",
        "labrig run CONFIG, and reset the card in NI MAX during the run",
        "the run ends with an error that names the card, and no step after the reset is recorded",
    ),
    Assumption(
        "two PCI cards on an RTSI cable share clock and start by /Dev1/10MHzRefClock and /Dev1/ai/StartTrigger alone",
        "pytest --rig CONFIG --pyargs labrig.testing -k an_error_tone_has_its_sign_and_size",
        "the test passes; otherwise DAQmx finds no route, and the cable must be registered in NI MAX",
    ),
    Assumption(
        "static levels remain after the task that wrote them is done",
        "labrig measure CONFIG --drive NODE=0.5V, with a voltmeter on the output",
        "the voltmeter shows 0.5 V times the divider until the command ends",
    ),
    Assumption(
        "the outputs go to 0 V when the task is unreserved and the device is reset",
        "labrig measure CONFIG --drive NODE=0.5V, then Ctrl-C, with a voltmeter on the output",
        "the voltmeter shows 0 V afterwards",
    ),
)
