"""The clock that the samples of a digitizer follow, and the terminals that connect it to other instruments."""

from __future__ import annotations

from labrig.instruments.drivers import ClockSource
from labrig_drivers.ni.clocks import clock_at, is_external, split_terminal
from labrig_drivers.ni.device import NiOptions
from labrig_drivers.ni.models import Model


def clock_terminals(options: NiOptions, sample_clock: str | None, model: Model) -> tuple[str, ...] | None:
    """Terminals that can output the clock of the samples; None if DAQmx decides.

    Empty for a card in a PXI chassis, whose terminals would output the card's own oscillator, and for an external
    sample clock.
    """
    return () if options.in_chassis or is_external(sample_clock, options.resource) else model.clock_outputs


def clock_source(options: NiOptions, sample_clock: str | None, model: Model) -> ClockSource | None:
    """The clock that the samples follow: an external sample clock, or the clock of the device."""
    if sample_clock is None:
        return options.clock_source(model)
    if is_external(sample_clock, options.resource):
        return clock_at(options.place, sample_clock, options.resource)
    own = split_terminal(sample_clock, options.resource)[0] == options.resource.casefold()
    return options.clock_source(model) if own else None


def clock_output(options: NiOptions, sample_clock: str | None) -> str | None:
    """Name of the 10 MHz output. None for a device on its own oscillator, whose output terminal `line:` must name."""
    if is_external(sample_clock, options.resource):
        return f"10 MHz output of the instrument that clocks {{name}} at {sample_clock}"
    if options.in_chassis:
        return "10 MHz output of {name}'s chassis"
    return "{name} clock output" if options.locked_to else None


def clock_remedy(options: NiOptions, sample_clock: str | None, terminals: tuple[str, ...] | None) -> str:
    """How to connect the clock of the samples to other instruments, for error messages."""
    if is_external(sample_clock, options.resource):
        return (
            f"its samples follow the clock at {sample_clock}: connect the 10 MHz output of the instrument that "
            "provides that clock and remove `line`, or remove sample_clock"
        )
    if options.in_chassis:
        return (
            "its terminals would output the card's own oscillator; connect the 10 MHz output of the chassis and remove "
            "`line`, or write 'reference_clock: onboard' in the entry of the card"
        )
    if terminals is None or terminals:
        line = terminals[0] if terminals else "PFI1"
        return (
            f"name the terminal of its 10 MHz output (line: {'PFI1' if line == 'PFI0' else line}), or the clock to "
            "which it is locked (reference_clock)"
        )
    return "use its own outputs as sources, or a digitizer that can share its clock, such as a PCIe-6363"
