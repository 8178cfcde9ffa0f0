"""Options and capabilities that all pulse programmers share: the memristors, the pulses, and the tolerance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from labrig.instruments.data import Continuous
from labrig.instruments.drivers import InstrumentOptions, ProgrammerCapabilities
from labrig.instruments.parts import find_part
from labrig.instruments.parts.memristor import Memristor
from labrig.instruments.write_verify import Ramp
from labrig.quantities import Count, PositiveRatio, PositiveTime, PositiveVoltage


class PulseOptions(InstrumentOptions):
    """Options of a pulse programmer; the part supplies the defaults.

    Attributes
    ----------
    part
        The memristor in every channel.
    tolerance
        Relative tolerance to which cells are written.
    pulses
        Largest number of pulses for one cell in one write.
    first_pulse, last_pulse, pulse_step
        Amplitudes of a ramp of pulses: the first, the strongest, and the step between two (V).
    pulse_width
        Width of every pulse (s).
    read_voltage
        Voltage of a reading (V).
    """

    part: str
    tolerance: PositiveRatio = 0.02
    pulses: Annotated[Count, Field(le=100_000)] | None = None
    first_pulse: PositiveVoltage | None = None
    last_pulse: PositiveVoltage | None = None
    pulse_step: PositiveVoltage | None = None
    pulse_width: PositiveTime | None = None
    read_voltage: PositiveVoltage = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class PulseProgrammerCapabilities(ProgrammerCapabilities):
    """Capabilities of a pulse programmer; `write_s` is the duration of one reading.

    Attributes
    ----------
    ramp : Ramp
        The pulses.
    tolerance : float
        Relative tolerance to which cells are written.
    read_v : float
        Voltage of a reading (V).
    """

    ramp: Ramp
    tolerance: float
    read_v: float

    @property
    def levels(self) -> Continuous:
        """Range and tolerance of every cell."""
        able = self.part.levels()
        assert isinstance(able, Continuous)
        return Continuous(able.minimum, able.maximum, self.tolerance)


def memristor(options: PulseOptions) -> Memristor:
    """Return the part. Raises ValueError, with a message that starts with 'part: ', if it is not a memristor."""
    try:
        part = find_part(options.part)
    except ValueError as error:
        raise ValueError(f"part: {error}") from error
    if not isinstance(part, Memristor):
        raise ValueError(f"part: {part.name} is not written by pulses: use a memristor such as TIO2, RERAM or PCM")
    return part


def ramp(options: PulseOptions, part: Memristor) -> Ramp:
    """Return the pulses. Raises ValueError, with a message that starts with the key, if they cannot work."""
    given = {
        "start_v": options.first_pulse,
        "stop_v": options.last_pulse,
        "step_v": options.pulse_step,
        "width_s": options.pulse_width,
        "budget": options.pulses,
    }
    pulses = replace(part.ramp, **{name: value for name, value in given.items() if value is not None})
    if pulses.start_v > pulses.stop_v:
        raise ValueError(f"first_pulse: {pulses.start_v:g} V is above the last pulse, {pulses.stop_v:g} V; lower it")
    if pulses.start_v <= part.quiet_v:
        raise ValueError(f"first_pulse: must be above {part.quiet_v:g} V; weaker pulses do not change {part.name}")
    if options.tolerance < pulses.least_tolerance:
        raise ValueError(
            f"tolerance: must be at least {100 * pulses.least_tolerance:.2f} %, which readings can resolve"
        )
    if options.read_voltage > part.quiet_v:
        raise ValueError(f"read_voltage: must be at most {part.quiet_v:g} V; a stronger reading changes {part.name}")
    return pulses
