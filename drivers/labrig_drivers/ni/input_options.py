"""Options and capabilities of `ni.ai`."""

from __future__ import annotations

from labrig.instruments.drivers import DigitizerCapabilities
from labrig.quantities import PositiveSampleRate, PositiveVoltage
from labrig_drivers.ni.clocks import split_terminal
from labrig_drivers.ni.device import NiOptions
from labrig_drivers.ni.facts import InputFacts, input_model
from labrig_drivers.ni.input_clock import clock_output, clock_remedy, clock_source, clock_terminals
from labrig_drivers.ni.models import CHASSIS, Inputs, Model, Terminal


class NiAnalogInputOptions(NiOptions):
    """Options of `ni.ai`.

    Attributes
    ----------
    terminal
        Input wiring; by default single-ended against ground, if the model can do that.
    full_scale
        Largest voltage to be measured (V). The narrowest input range that covers it is used.
    max_sample_rate
        Limit of the sample rate, lower than the limit of the model (S/s).
    export_start
        Terminal that outputs the start trigger for other instruments (`PFI0`).
    export_clock
        Terminal that outputs 10 MHz for other instruments.
    start_trigger
        Start trigger terminal, if another instrument is the trigger master.
    sample_clock
        Terminal of an external sample clock.
    card
        Facts about a model that is not in the table, or corrections of the table.
    """

    terminal: Terminal | None = None
    full_scale: PositiveVoltage = 10.0
    max_sample_rate: PositiveSampleRate | None = None
    export_start: str | None = None
    export_clock: str | None = None
    start_trigger: str | None = None
    sample_clock: str | None = None
    card: InputFacts | None = None


def capabilities(options: NiAnalogInputOptions) -> DigitizerCapabilities:
    """Capabilities of the configured model; raises ValueError if an option does not suit it."""
    model, inputs = input_model("ni.ai", options.model, options.card)
    options.check(model)
    fitting = [full_scale for full_scale in inputs.ranges_v if full_scale >= options.full_scale]
    if not fitting:
        raise ValueError(f"full_scale: {options.model} measures up to ±{max(inputs.ranges_v):g} V; lower it")
    most = options.max_sample_rate or inputs.single_hz
    if most > inputs.single_hz:
        raise ValueError(f"max_sample_rate: {options.model} samples at up to {inputs.single_hz:g} S/s; lower it")
    starts, clocks = _start_terminals(model, options), clock_terminals(options, options.sample_clock, model)
    for key, line, terminals in (
        ("export_start", options.export_start, starts),
        ("export_clock", options.export_clock, clocks),
    ):
        device, name = split_terminal(line or "", options.resource)
        known = {each.casefold() for each in terminals or ()}
        if name and terminals is not None and name not in known and device == options.resource.casefold():
            can = f"can output this signal only at {', '.join(terminals)}"
            cannot = "has no terminal that outputs this signal"
            raise ValueError(f"{key}: {options.model} {can if terminals else cannot}")
    return DigitizerCapabilities(
        _channels(inputs, wiring_of(options, inputs)),
        inputs.bits,
        min(fitting),
        most,
        0.0 if inputs.simultaneous else 1 / inputs.multi_hz,
        # The convert rate of a module cannot be set through nidaqmx, which does not name active devices.
        spread_step_s=0.0 if options.sample_clock or inputs.simultaneous or model.module else 1 / model.timebase_hz,
        exports=("start", "clock"),
        example_terminal=starts[0] if starts else "PFI0",
        clock_output=clock_output(options, options.sample_clock),
        clock_remedy=clock_remedy(options, options.sample_clock, clocks),
        start_remedy="use sources on the same device or in the same chassis"
        + (", or a chassis with trigger terminals (cDAQ-9178)" if model.module else ""),
        clock_terminals=clocks,
        start_terminals=starts,
        clock_source=clock_source(options, options.sample_clock, model),
        address=options.address,
    )


def wiring_of(options: NiAnalogInputOptions, inputs: Inputs) -> Terminal:
    """The wiring of the inputs. Raises ValueError for a wiring that the model does not have."""
    if options.terminal is not None and options.terminal not in inputs.terminals:
        raise ValueError(f"terminal: the inputs of {options.model} can only be {' or '.join(inputs.terminals)}")
    return options.terminal or inputs.terminals[0]


def _start_terminals(model: Model, options: NiAnalogInputOptions) -> tuple[str, ...] | None:
    """Return the terminals that can output the start trigger; for a module, those of its chassis, if that is known."""
    return CHASSIS[options.chassis] if options.chassis is not None else model.start_outputs


def _channels(inputs: Inputs, wiring: Terminal) -> tuple[str, ...]:
    """Names of the channels. A differential pair is ai(k) and ai(k + 8) in each bank of 16, named ai(k)."""
    paired = wiring == "differential" and inputs.terminals != ("differential",)
    return tuple(f"ai{k}" for k in range(inputs.channels) if not paired or k % 16 < 8)
