"""Options and capabilities of Analog Discovery devices.

Where the values come from: tests/wire/README.md, "Claims about the Analog Discovery".
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from labrig.instruments.drivers import ClockSource, DigitizerCapabilities, InstrumentOptions, SourceCapabilities
from labrig.quantities import PositiveRatio, PositiveResistance, PositiveVoltage

MODEL = "Analog Discovery 3"

CHANNELS = 2
"""Number of outputs, and of inputs, of one device."""

BITS = 14
OUTPUT_V = 5.0
"""Largest output voltage (± V)."""

RANGES_V = {"5 Vpp": 2.5, "50 Vpp": 25.0}
"""Full scale (± V) of the two ranges of an input, by their names."""

MOST_RATE_HZ = 1e6
"""Highest sample rate of a recording that USB can still transfer (S/s)."""

TONE_PERIOD = 1024
"""Samples after which all tones repeat: the length of the waveform."""

POINTS = 4096
"""Points of a waveform: four per sample."""

SETTLE_S = 100e-6
"""Settling time of an output (s), much longer than that of its amplifier."""

NOT_PROMISED = (
    "keeps playing if its computer stops, and for some seconds if its program is killed, until the watchdog has opened "
    "it",
    "accepts no second connection: if labrig hangs, it must be killed first",
)

Serial = Annotated[str, Field(pattern="^[0-9A-Fa-f]{12}$")]


class DiscoveryOptions(InstrumentOptions):
    """Options of inputs and outputs.

    Attributes
    ----------
    devices
        Serial numbers of the devices, 12 hexadecimal digits each, the same for inputs and outputs. The first provides
        clock and start for the others: their pins Trigger 1 are connected, and their pins Trigger 2.
    gain_error
        Largest error of an amplitude.
    """

    devices: Annotated[list[Serial], Field(min_length=1, max_length=8)]
    gain_error: PositiveRatio = 0.005


class DiscoverySourceOptions(DiscoveryOptions):
    """Options of `analog_discovery.source`.

    Attributes
    ----------
    output_resistance
        Output resistance of each channel (Ω).
    """

    output_resistance: PositiveResistance = 1.0


class DiscoveryDigitizerOptions(DiscoveryOptions):
    """Options of `analog_discovery.digitizer`.

    Attributes
    ----------
    range
        Range of all inputs, peak to peak.
    zero_error
        Largest error of the zero (V).
    """

    range: Literal["5 Vpp", "50 Vpp"] = "5 Vpp"
    zero_error: PositiveVoltage = 0.01


def source_capabilities(options: DiscoverySourceOptions) -> SourceCapabilities:
    """Capabilities of the outputs."""
    return SourceCapabilities(
        channels=_names(options),
        bits=BITS,
        full_scale_v=OUTPUT_V,
        output_resistance_ohm=options.output_resistance,
        settle_s=SETTLE_S,
        least_v=2 * OUTPUT_V / 2**BITS,
        tone_period=TONE_PERIOD,
        clock_source=_clock(options),
        clock_source_remedy="let the inputs of the same devices take the samples",
        address=_address(options),
        not_promised=NOT_PROMISED,
    )


def digitizer_capabilities(options: DiscoveryDigitizerOptions) -> DigitizerCapabilities:
    """Capabilities of the inputs, which are sampled at the same time."""
    return DigitizerCapabilities(
        channels=_names(options),
        bits=BITS,
        full_scale_v=RANGES_V[options.range],
        max_sample_rate_hz=MOST_RATE_HZ,
        convert_interval_s=0.0,
        clock_output=None,
        clock_remedy="use the outputs of the same devices",
        start_remedy="use the outputs of the same devices",
        clock_terminals=(),
        start_terminals=(),
        clock_source=_clock(options),
        address=_address(options),
    )


def place(channel: str) -> tuple[int, int]:
    """Number of the device that a channel belongs to, and the index of the channel on that device, both from 0."""
    return divmod(int(channel) - 1, CHANNELS)


def _names(options: DiscoveryOptions) -> tuple[str, ...]:
    return tuple(str(number + 1) for number in range(CHANNELS * len(options.devices)))


def _address(options: DiscoveryOptions) -> str:
    serials = [serial.upper() for serial in options.devices]
    if len(set(serials)) < len(serials):
        raise ValueError("devices: a serial number is listed twice; remove one")
    return serials[0]


def _clock(options: DiscoveryOptions) -> ClockSource:
    return ClockSource(f"the clock of the devices {', '.join(options.devices)}", "Analog Discovery", _address(options))
