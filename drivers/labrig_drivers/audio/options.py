"""Options and capabilities of the inputs and outputs of an audio interface."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from labrig.instruments.drivers import ClockSource, DigitizerCapabilities, InstrumentOptions, SourceCapabilities
from labrig.quantities import (
    Count,
    PositiveFrequency,
    PositiveRatio,
    PositiveResistance,
    PositiveSampleRate,
    PositiveTime,
    PositiveVoltage,
)

SAMPLE_RATES_HZ = (44_100.0, 48_000.0, 88_200.0, 96_000.0, 176_400.0, 192_000.0)
"""The usual sample rates of audio interfaces; each interface has some of them."""

SETTLE_PERIODS = 1.0
"""Settling time of the coupling capacitors, in periods of the lowest frequency: enough to settle to e⁻⁶ if their corner
is at that frequency. If it is lower, as usual, the transient is slower but also smaller."""

NOT_PROMISED = (
    "falls silent only when the stream ends: if labrig hangs and cannot end its stream, it must be killed",
    "also plays the sound of other programs, unless its driver grants exclusive access (ASIO, ALSA hw:)",
)


class AudioOptions(InstrumentOptions):
    """Options of the inputs and outputs of an interface.

    Attributes
    ----------
    resource
        Name of the interface or a part of it, as `python -m sounddevice` lists it; the same for inputs and outputs.
    channels
        Number of channels in use, from the first one.
    full_scale
        Peak voltage of the largest sample (V), as measured: for outputs at the open connector.
    bits
        Resolution of the converters.
    lowest
        Lowest frequency at which the amplitude is flat (Hz), from the data sheet.
    gain_error
        Largest error of `full_scale`.
    """

    resource: Annotated[str, Field(min_length=1)]
    channels: Annotated[Count, Field(le=128)]
    full_scale: PositiveVoltage
    bits: Literal[16, 24] = 24
    lowest: PositiveFrequency = 20.0
    gain_error: PositiveRatio = 0.01


class AudioOutputOptions(AudioOptions):
    """Options of `audio.output`.

    Attributes
    ----------
    output_resistance
        Output resistance of each channel (Ω), from the data sheet.
    latency
        Longest time from a sample that is played until it is read (s), if output and input are connected.
    """

    output_resistance: PositiveResistance = 100.0
    latency: PositiveTime = 0.1


class AudioInputOptions(AudioOptions):
    """Options of `audio.input`.

    Attributes
    ----------
    max_sample_rate
        Highest sample rate of the interface (S/s).
    """

    max_sample_rate: PositiveSampleRate = 48_000.0


def output_capabilities(options: AudioOutputOptions) -> SourceCapabilities:
    """Capabilities of the outputs. Their settling time includes the latency, which delays the signal at the inputs."""
    return SourceCapabilities(
        channels=_names(options.channels),
        bits=options.bits,
        full_scale_v=options.full_scale,
        output_resistance_ohm=options.output_resistance,
        settle_s=options.latency + SETTLE_PERIODS / options.lowest,
        clock_source=_clock(options),
        clock_source_remedy="let the inputs of the same interface take the samples",
        lowest_hz=options.lowest,
        address=options.resource,
        not_promised=NOT_PROMISED,
    )


def input_capabilities(options: AudioInputOptions) -> DigitizerCapabilities:
    """Capabilities of the inputs."""
    return DigitizerCapabilities(
        channels=_names(options.channels),
        bits=options.bits,
        full_scale_v=options.full_scale,
        max_sample_rate_hz=options.max_sample_rate,
        convert_interval_s=0.0,
        clock_output=None,
        clock_remedy="use the outputs of the same interface",
        start_remedy="use the outputs of the same interface",
        clock_terminals=(),
        start_terminals=(),
        clock_source=_clock(options),
        lowest_hz=options.lowest,
        address=options.resource,
    )


def _names(count: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(1, count + 1))


def _clock(options: AudioOptions) -> ClockSource:
    return ClockSource(f"the clock of {options.resource}", "audio interface", options.resource)
