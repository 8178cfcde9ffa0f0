"""Options of a Keysight Trueform generator and the capabilities of its models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from labrig.instruments.addresses import check_visa
from labrig.instruments.data import plain_model
from labrig.instruments.drivers import InstrumentOptions, SourceCapabilities
from labrig.quantities import NonNegativeTime, PositiveTime, PositiveVoltage, Ratio, Voltage

LEAST_VPP = 2e-3
"""Smallest amplitude at the open output (V peak to peak); half of it into 50 Ω."""

PEAK_V = 10.0
"""Largest voltage at the open output (V)."""

MODELS: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(("33509B", "33511B", "33519B", "33521A", "33521B"), (1, 16)),
    **dict.fromkeys(("33510B", "33512B", "33520B", "33522A", "33522B"), (2, 16)),
    **dict.fromkeys(("33611A", "33621A"), (1, 14)),
    **dict.fromkeys(("33612A", "33622A"), (2, 14)),
}
"""Channels and bits of each model. Sources: data sheets 5992-2572EN (33500B) and 5991-3272EN (33600A)."""

WITHOUT_TABLES = ("33509B", "33510B", "33519B", "33520B")
"""Models that play no arbitrary waveforms unless an option is installed."""


class TrueformOptions(InstrumentOptions):
    """Options of `keysight.trueform`.

    Attributes
    ----------
    resource
        VISA resource name.
    load
        Load set on the instrument. Programs are in open-circuit volts in either case.
    full_scale
        Largest open-circuit peak voltage (V).
    settle
        Settling time of the output (s).
    clock
        `external` needs 10 MHz at the reference input.
    trigger
        `external` starts at the signal edge at the trigger input, `manual` by a command, on both channels at once.
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
    gain_error: Annotated[Ratio, Field(ge=0)] = 0.01
    tone_error: Annotated[Voltage, Field(ge=0)] = 0.5e-3
    deadline: PositiveTime = 2.0


def channels_of(model: str | None) -> tuple[str, ...]:
    """Channels of a model; two if it is not known."""
    count, _ = MODELS.get(plain_model(model or ""), (2, 16))
    return tuple(str(number) for number in range(1, count + 1))


def capabilities(options: TrueformOptions) -> SourceCapabilities:
    """Capabilities of the generator, with the channels and the resolution of the model."""
    try:
        check_visa(options.resource)
    except ValueError as error:
        raise ValueError(f"resource: {error}") from error
    model = plain_model(options.model or "")
    _, bits = MODELS.get(model, (2, 16))
    return SourceCapabilities(
        channels_of(options.model),
        bits,
        options.full_scale,
        50.0,
        options.settle,
        own_clock=True,
        external_clock=options.clock == "external",
        triggered=options.trigger == "external",
        most_tones=1 if model in WITHOUT_TABLES else 64,
        tones_remedy=f"a {model} plays arbitrary waveforms only with an option; let another source play the pilot",
        least_v=LEAST_VPP / 2,
        not_promised=(
            "has no watchdog: if the computer loses power or stops, or the connection fails, its outputs stay on",
            *(
                ("over USB has no second connection while labrig holds it: if labrig hangs, it must be killed first",)
                if options.resource.upper().startswith("USB")
                else ()
            ),
        ),
        # The same generator, whether it is reached by VXI-11 or at its raw socket.
        address=re.sub(r"(?i)::5025::SOCKET$", "::INSTR", options.resource),
    )
