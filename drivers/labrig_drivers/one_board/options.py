"""Options of the three instruments of a one-board bench, and their capabilities."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from labrig.instruments.addresses import check_serial
from labrig.instruments.drivers import (
    ClockSource,
    DigitizerCapabilities,
    InstrumentOptions,
    ProgrammerCapabilities,
    SourceCapabilities,
)
from labrig.quantities import Count, PositiveRatio, PositiveVoltage
from labrig_drivers.digipot_bank import DigipotBankOptions
from labrig_drivers.digipot_bank import capabilities as bank_capabilities
from labrig_drivers.one_board.frames import BITS, CLOCK_HZ, INPUT_CYCLES, PARTIALS, SHORTEST_PERIOD
from labrig_drivers.one_board.outputs import STEPS

MODEL = "labrig one-board bench"

PARTS = ("MCP4251-104", "MCP4251-103")
"""Potentiometers that a board can have. Others need a faster bus, other voltages or a bus of their own."""

MOST_CHIPS = 32
"""Largest number of MCP4251 chips, which the board addresses by four select lines."""

OUTPUT_OHM = 1.0
"""Output resistance of the MCP4922 (Ω)."""

OUTPUT_SETTLES_S = 4.5e-6
"""Settling time of an output to half a code (s): MCP4922, DS21897B."""

SETTLE_S = 24e-6
"""Time after LDAC until an output and the network behind it have settled (s): with tones, the first input is read
then."""

SAMPLING_F = 20e-12
"""Sampling capacitance of the MCP3208 (F)."""


NOT_PROMISED = (
    "accepts no second connection while labrig holds its port: if labrig hangs, it must be killed first, unless the "
    "watchdog of its potentiometers is armed, which then brings the outputs to the mid-rail",
    "is reset when its port is opened, if it is an Arduino: after a killed run its outputs go to the mid-rail "
    "within 3 s",
    "keeps its outputs as they are if the computer loses power or stops, unless the watchdog of its potentiometers is "
    "armed, which then brings them to the mid-rail",
)
"""Cases in which the outputs may keep their levels at the end of a run."""


class OneBoardOptions(InstrumentOptions):
    """Options that all instruments of a board share.

    Attributes
    ----------
    resource
        The serial port, the same for all instruments of the board.
    baud
        Baud rate, as built into the firmware.
    """

    resource: Annotated[str, Field(min_length=1)]
    baud: Annotated[Count, Field(le=2_000_000)] = 1_000_000


class SourceOptions(OneBoardOptions):
    """Options of `labrig.board.source`.

    Attributes
    ----------
    sources
        Number of outputs, two per chip.
    reference
        Reference voltage of the converters (V). Outputs span ± half of it around the mid-rail, which is 0 V for labrig.
    gain_error
        Largest error of an amplitude.
    """

    sources: Annotated[Count, Field(le=16)] = 12
    reference: PositiveVoltage = 2.048
    gain_error: PositiveRatio = 0.01


class DigitizerOptions(OneBoardOptions):
    """Options of `labrig.board.digitizer`.

    Attributes
    ----------
    inputs
        Number of inputs, eight per chip.
    reference
        Reference voltage of the converters (V). Inputs span ± half of it around the mid-rail, which is 0 V for labrig.
    gain_error, zero_error
        Largest errors of the gain, and of the zero relative to the reference.
    """

    inputs: Annotated[Count, Field(le=16)] = 16
    reference: PositiveVoltage = 2.048
    gain_error: PositiveRatio = 0.002
    zero_error: PositiveRatio = 0.00075


class ProgrammerOptions(DigipotBankOptions):
    """Options of `labrig.board.programmer`: those of a bank of potentiometers, at the baud rate of the board."""

    baud: Annotated[Count, Field(le=2_000_000)] = 1_000_000


def source_capabilities(options: SourceOptions) -> SourceCapabilities:
    """Capabilities of the outputs."""
    full_scale_v = options.reference / 2
    return SourceCapabilities(
        channels=_names(options.sources),
        bits=BITS,
        full_scale_v=full_scale_v,
        output_resistance_ohm=OUTPUT_OHM,
        settle_s=SETTLE_S,
        least_v=2 * full_scale_v / 2**BITS,
        most_tones=4,
        most_tones_together=PARTIALS,
        tone_period=STEPS,
        clock_source=_clock(options),
        clock_source_remedy="let the digitizer of the same board take the samples",
        address=_checked(options.resource),
        not_promised=NOT_PROMISED,
    )


def digitizer_capabilities(options: DigitizerOptions) -> DigitizerCapabilities:
    """Capabilities of the inputs.

    One converter reads them one after another, but all outputs are constant meanwhile: the interval limits the scan
    rate, and causes no skew.
    """
    return DigitizerCapabilities(
        channels=_names(options.inputs),
        bits=BITS,
        full_scale_v=options.reference / 2,
        max_sample_rate_hz=CLOCK_HZ / SHORTEST_PERIOD,
        convert_interval_s=INPUT_CYCLES / CLOCK_HZ,
        sampling_f=SAMPLING_F,
        held_s=SETTLE_S - OUTPUT_SETTLES_S,
        clock_output=None,
        clock_remedy="use the outputs of the same board",
        start_remedy="use the outputs of the same board",
        start_terminals=(),
        clock_terminals=(),
        clock_source=_clock(options),
        address=_checked(options.resource),
    )


def programmer_capabilities(options: ProgrammerOptions) -> ProgrammerCapabilities:
    """Capabilities of the potentiometers."""
    able = bank_capabilities(options)
    if able.part.chip_name not in PARTS:
        raise ValueError(f"chips: use {' or '.join(PARTS)}; a board cannot have {able.part.chip_name}")
    chips = sum(entry.count for entry in options.chips)
    if chips > MOST_CHIPS:
        raise ValueError(f"chips: a board has select lines for {MOST_CHIPS} chips, not {chips}")
    return able


def _names(count: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(count))


def _clock(options: OneBoardOptions) -> ClockSource:
    return ClockSource(f"the clock of the board at {options.resource}", "one-board bench", options.resource)


def _checked(resource: str) -> str:
    try:
        check_serial(resource)
    except ValueError as error:
        raise ValueError(f"resource: {error}") from error
    return resource
