"""Generic instruments: capabilities without a manufacturer, for designs and for the simulated bench."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from labrig.instruments.drivers import (
    DigitizerCapabilities,
    DriverInfo,
    InstrumentOptions,
    ProgrammerCapabilities,
    SourceCapabilities,
)
from labrig.instruments.parts import check_supply, find_part
from labrig.instruments.pulse_programmer import PulseOptions, PulseProgrammerCapabilities, memristor, ramp
from labrig.quantities import (
    Count,
    NonNegativeCount,
    NonNegativeTime,
    PositiveFrequency,
    PositiveResistance,
    PositiveSampleRate,
    PositiveVoltage,
    Voltage,
    format_quantity,
)

Bits = Annotated[Count, Field(ge=6, le=32)]
Channels = Annotated[Count, Field(le=100_000)]


class SourceOptions(InstrumentOptions):
    """Options of a generic source: synchronous channels, each a DC level plus tones."""

    channels: Channels
    bits: Bits = 16
    full_scale: PositiveVoltage
    output_resistance: PositiveResistance = 50.0
    settle: NonNegativeTime = 400e-6


class DigitizerOptions(InstrumentOptions):
    """Options of a generic digitizer, sampling simultaneously or, with a convert interval, channel by channel."""

    channels: Channels
    bits: Bits = 16
    full_scale: PositiveVoltage
    max_sample_rate: PositiveSampleRate
    convert_interval: NonNegativeTime = 0.0


class CameraOptions(InstrumentOptions):
    """Options of a camera whose software tracks points.

    Attributes
    ----------
    markers : int
        Number of points; point k has the channels xk and yk.
    distances : int
        Number of distances between points that the software returns as well: d0, d1, …
    frame_rate : float
        Frames per second.
    exposure : float
        Exposure of a frame (s), over which positions are averaged.
    pixels : int
        Pixels along the longer side of a frame. Positions and distances are relative to the state at rest; 1 px is 1 V.
    resolution : float
        Smallest step of a position (px).
    """

    markers: Channels
    distances: NonNegativeCount = 0
    frame_rate: PositiveFrequency
    exposure: NonNegativeTime = 0.0
    pixels: Annotated[Count, Field(le=65_536)] = 2048
    resolution: Annotated[float, Field(gt=0, le=1)] = 0.01


class ProgrammerOptions(InstrumentOptions):
    """Options of a generic bank of programmable parts such as digital potentiometers, one per channel."""

    channels: Channels
    part: str
    supply: tuple[Voltage, Voltage]
    write: NonNegativeTime = 2e-3


class PulseProgrammerOptions(PulseOptions):
    """Options of a generic programmer with one memristor per channel. read: duration of one reading."""

    channels: Channels
    read: NonNegativeTime = 1e-3


def _names(count: int) -> tuple[str, ...]:
    return tuple(str(index) for index in range(count))


def _source(options: SourceOptions) -> SourceCapabilities:
    return SourceCapabilities(
        _names(options.channels),
        options.bits,
        options.full_scale,
        options.output_resistance,
        options.settle,
        holds_levels=True,
    )


def _digitizer(options: DigitizerOptions) -> DigitizerCapabilities:
    return DigitizerCapabilities(
        _names(options.channels),
        options.bits,
        options.full_scale,
        options.max_sample_rate,
        options.convert_interval,
    )


def _camera(options: CameraOptions) -> DigitizerCapabilities:
    if options.exposure > 1 / options.frame_rate:
        raise ValueError(
            f"exposure: an exposure of {format_quantity(options.exposure, 'time')} is longer than a frame, "
            f"{format_quantity(1 / options.frame_rate, 'time')}"
        )
    points = range(options.markers)
    names = (*(f"x{k}" for k in points), *(f"y{k}" for k in points), *(f"d{k}" for k in range(options.distances)))
    return DigitizerCapabilities(
        names,
        max(6, math.ceil(math.log2(options.pixels / options.resolution))),
        options.pixels / 2,
        options.frame_rate,
        convert_interval_s=0.0,
        aperture_s=options.exposure,
    )


def _programmer(options: ProgrammerOptions) -> ProgrammerCapabilities:
    try:
        part = find_part(options.part)
    except ValueError as error:
        raise ValueError(f"part: {error}") from error
    check_supply(part, options.supply)
    return ProgrammerCapabilities(
        _names(options.channels), part, options.supply, options.write, on_chips=True, stays_connected=True
    )


def _pulse_programmer(options: PulseProgrammerOptions) -> PulseProgrammerCapabilities:
    part = memristor(options)
    pulses = ramp(options, part)
    return PulseProgrammerCapabilities(
        _names(options.channels),
        part,
        (-pulses.stop_v, pulses.stop_v),
        options.read,
        stays_connected=True,
        ramp=pulses,
        tolerance=options.tolerance,
        read_v=options.read_voltage,
    )


DRIVERS = (
    DriverInfo("generic.source", "source", SourceOptions, _source, models={"generic": "simulated only"}),
    DriverInfo("generic.digitizer", "digitizer", DigitizerOptions, _digitizer, models={"generic": "simulated only"}),
    DriverInfo("generic.camera", "digitizer", CameraOptions, _camera, models={"generic": "simulated only"}),
    DriverInfo(
        "generic.programmer", "programmer", ProgrammerOptions, _programmer, models={"generic": "simulated only"}
    ),
    DriverInfo(
        "generic.pulse_programmer",
        "programmer",
        PulseProgrammerOptions,
        _pulse_programmer,
        models={"generic": "simulated only"},
    ),
)
