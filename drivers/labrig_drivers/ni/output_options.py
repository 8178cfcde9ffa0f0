"""Options and capabilities of `ni.ao`."""

from __future__ import annotations

from labrig.instruments.drivers import SourceCapabilities
from labrig.quantities import NonNegativeTime, PositiveResistance, PositiveSampleRate
from labrig_drivers.ni.device import NiOptions
from labrig_drivers.ni.facts import OutputFacts, output_model


class NiAnalogOutputOptions(NiOptions):
    """Options of `ni.ao`.

    Attributes
    ----------
    settle, output_resistance
        Settling time and output resistance, if they differ from those of the model (s, Ω).
    update_rate
        Update rate for tones (S/s), by default 100 kS/s or the model's highest. The nearest rate that divides the
        timebase is used.
    start_trigger
        Terminal that starts the tones, with its device (`/PXI1Slot4/ai/StartTrigger`). Without it `start` plays them
        immediately, at a random phase relative to the samples. That is sufficient for a source that plays all tones,
        because phases are relative to the pilot.
    card
        Facts about a model that is not in the table, or corrections of the table.
    """

    settle: NonNegativeTime | None = None
    output_resistance: PositiveResistance | None = None
    update_rate: PositiveSampleRate | None = None
    start_trigger: str | None = None
    card: OutputFacts | None = None


def capabilities(options: NiAnalogOutputOptions) -> SourceCapabilities:
    """Capabilities of the configured model; raises ValueError if an option does not suit it."""
    model, outputs = output_model("ni.ao", options.model, options.card)
    options.check(model)
    if options.update_rate is not None and options.update_rate > outputs.all_hz:
        raise ValueError(f"update_rate: {options.model} plays up to {outputs.all_hz:g} S/s on all channels; lower it")
    resistance = outputs.output_ohm if options.output_resistance is None else options.output_resistance
    settle = outputs.settle_s if options.settle is None else options.settle
    for key, value in (("settle", settle), ("output_resistance", resistance)):
        if value is None:
            raise ValueError(f"{key}: labrig has no value for {options.model}; set it from the data sheet")
    assert resistance is not None
    assert settle is not None
    return SourceCapabilities(
        tuple(f"ao{k}" for k in range(outputs.channels)),
        outputs.bits,
        outputs.full_scale_v,
        resistance,
        settle,
        triggered=options.start_trigger is not None,
        trigger_setting=("start_trigger", "<the terminal it is on>"),
        clock_source=options.clock_source(model),
        clock_input="the 10 MHz input of {name}'s chassis" if options.in_chassis else "",
        clock_source_remedy="lock it to the digitizer's clock (reference_clock: /<digitizer>/10MHzRefClock), or use it "
        "for levels only"
        if model.reference
        else "use outputs of the digitizer's device or chassis for the tones; it can play levels",
        address=options.address,
        holds_levels=True,
        not_promised=(
            "has no output relay: off is 0 V behind its output resistance",
            "has no watchdog: if the computer loses power or stops while the card or its chassis stays on, the outputs "
            "keep their last values",
        ),
    )
