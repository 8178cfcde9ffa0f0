"""Options of a Siglent SDG generator and the capabilities of its models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from labrig.instruments.addresses import check_visa
from labrig.instruments.drivers import InstrumentOptions, SourceCapabilities
from labrig.quantities import NonNegativeTime, PositiveTime, PositiveVoltage
from labrig_drivers.siglent.dialect import LEAST_VPP
from labrig_drivers.visa import is_raw_socket

CHANNELS = ("1", "2")
MODELS = (
    *("SDG1032X", "SDG1062X", "SDG2042X", "SDG2082X", "SDG2122X"),
    *("SDG6022X", "SDG6032X", "SDG6052X"),
)
_BITS = {"SDG1": 14}
PEAK_V = 10.0


class SdgOptions(InstrumentOptions):
    """Options of `siglent.sdg`.

    Attributes
    ----------
    resource
        VISA resource name. Programs of two or more tones need VXI-11 or USB for the upload.
    load
        Load set on the instrument. Programs are in open-circuit volts in either case.
    full_scale
        Largest open-circuit peak voltage (V).
    settle
        Settling time of the output (s).
    clock
        `external` needs 10 MHz at the clock input.
    trigger
        `external` starts at the edge at the trigger input, `manual` by a command.
    deadline
        Deadline of every call (s).
    """

    resource: str
    load: Literal["high_z", "50ohm"] = "high_z"
    full_scale: Annotated[PositiveVoltage, Field(le=PEAK_V)] = PEAK_V
    settle: NonNegativeTime = 1e-3
    clock: Literal["external", "internal"] = "external"
    trigger: Literal["external", "manual"] = "external"
    deadline: PositiveTime = 2.0


def capabilities(options: SdgOptions) -> SourceCapabilities:
    """Two channels, with 14 bits on an SDG1000X and 16 on the others."""
    try:
        check_visa(options.resource)
    except ValueError as error:
        raise ValueError(f"resource: {error}") from error
    bits = _BITS.get((options.model or "")[:4], 16)
    return SourceCapabilities(
        CHANNELS,
        bits,
        options.full_scale,
        50.0,
        options.settle,
        own_clock=True,
        external_clock=options.clock == "external",
        triggered=options.trigger == "external",
        most_tones=1 if is_raw_socket(options.resource) else 64,
        tones_remedy="several tones cannot be uploaded over a raw socket; use its VXI-11 or USB resource "
        "(TCPIP::<address>::INSTR)",
        least_v=LEAST_VPP / 2 if options.load == "high_z" else LEAST_VPP,
        address=options.resource,
    )
