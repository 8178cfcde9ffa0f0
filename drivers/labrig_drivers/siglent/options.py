"""Options of a Siglent SDG generator and the capabilities of its models."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field

from labrig.instruments.addresses import check_visa
from labrig.instruments.drivers import InstrumentOptions, SourceCapabilities
from labrig.quantities import NonNegativeTime, PositiveTime, PositiveVoltage, Ratio, Voltage
from labrig_drivers.siglent.dialect import LEAST_VPP
from labrig_drivers.siglent.models import interface, model_of

CHANNELS = ("1", "2")
MODELS = (
    *("SDG1032X", "SDG1062X", "SDG2042X", "SDG2082X", "SDG2122X"),
    *("SDG6022X", "SDG6032X", "SDG6052X"),
)
PEAK_V = 10.0


class SdgOptions(InstrumentOptions):
    """Options of `siglent.sdg`.

    Attributes
    ----------
    resource
        VISA resource name. Programs of two or more tones are uploaded, which does not work over every interface.
    load
        Load set on the instrument. Programs are in open-circuit volts in either case.
    full_scale
        Largest open-circuit peak voltage (V).
    settle
        Settling time of the output (s).
    clock
        `external` needs 10 MHz at the clock input.
    trigger
        `external` starts at the signal edge at the trigger input, `manual` by a command.
    burst
        `infinite`, or `counted` if an infinite burst does not start at the trigger: then a million cycles are played.
    gain_error, tone_error
        Largest errors of an amplitude, from the data sheet or a calibration: the relative part, and the absolute part
        (peak V on the panel). The defaults are the data sheet's ± (1 % + 1 mVpp).
    deadline
        Deadline of every call (s).
    """

    resource: str
    load: Literal["high_z", "50ohm"] = "high_z"
    full_scale: Annotated[PositiveVoltage, Field(le=PEAK_V)] = PEAK_V
    settle: NonNegativeTime = 1e-3
    clock: Literal["external", "internal"] = "external"
    trigger: Literal["external", "manual"] = "external"
    burst: Literal["infinite", "counted"] = "infinite"
    gain_error: Annotated[Ratio, Field(ge=0)] = 0.01
    tone_error: Annotated[Voltage, Field(ge=0)] = 0.5e-3
    deadline: PositiveTime = 2.0


def capabilities(options: SdgOptions) -> SourceCapabilities:
    """Capabilities of the generator: two channels, with the resolution and the upload interfaces of the model."""
    try:
        check_visa(options.resource)
    except ValueError as error:
        raise ValueError(f"resource: {error}") from error
    model = model_of(options.model)
    return SourceCapabilities(
        CHANNELS,
        model.bits,
        options.full_scale,
        50.0,
        options.settle,
        own_clock=True,
        external_clock=options.clock == "external",
        triggered=options.trigger == "external",
        most_tones=64 if model.uploads(options.resource) else 1,
        tones_remedy=f"several tones cannot be uploaded over {interface(options.resource)}; {model.upload_advice}",
        least_v=LEAST_VPP / 2 if options.load == "high_z" else LEAST_VPP,
        # The same generator, whether it is reached by VXI-11 or at its raw socket.
        not_promised=(
            "has no watchdog: if the computer loses power or stops, or the connection fails, its outputs stay on",
            *(
                ("over USB has no second connection while labrig holds it: if labrig hangs, it must be killed first",)
                if options.resource.upper().startswith("USB")
                else ()
            ),
        ),
        address=re.sub(r"(?i)::5025::SOCKET$", "::INSTR", options.resource),
    )
