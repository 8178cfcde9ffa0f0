"""An audio interface as source and digitizer: `audio.output` and `audio.input`.

One full-duplex stream plays the outputs and records the inputs of the interface, so they share one clock.
Inputs and outputs are AC-coupled: they carry tones, but no levels. How to measure the full scales: drivers/README.md.

Source of the calls: sounddevice 0.5 (`sounddevice.py`, MIT), which the extra `audio` installs, on PortAudio. There is
no virtual counterpart, because PortAudio reaches the interface through the sound system of the computer only.
"""

from __future__ import annotations

from labrig.instruments.drivers import DriverInfo
from labrig_drivers.audio import assumptions
from labrig_drivers.audio.input import AudioInput
from labrig_drivers.audio.options import (
    AudioInputOptions,
    AudioOutputOptions,
    input_capabilities,
    output_capabilities,
)
from labrig_drivers.audio.output import AudioOutput

__all__ = ["DRIVERS", "AudioInput", "AudioInputOptions", "AudioOutput", "AudioOutputOptions"]

MODELS = {"an audio interface": "stand-in for sounddevice; never run on hardware"}
PACKAGES = ("sounddevice",)

DRIVERS = (
    DriverInfo(
        "audio.output",
        "source",
        AudioOutputOptions,
        output_capabilities,
        AudioOutput,
        models=MODELS,
        packages=PACKAGES,
        assumptions=assumptions.OUTPUT,
        other_models=True,
    ),
    DriverInfo(
        "audio.input",
        "digitizer",
        AudioInputOptions,
        input_capabilities,
        AudioInput,
        models=MODELS,
        packages=PACKAGES,
        assumptions=assumptions.INPUT,
        other_models=True,
    ),
)
