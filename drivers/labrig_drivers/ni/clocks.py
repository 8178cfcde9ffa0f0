"""Terminals of NI devices, and the clocks that samples and tones follow.

DAQmx does not distinguish upper and lower case in names, so they are compared casefolded. The default name of a PXI
device, PXI1Slot4, contains the number of its chassis.
"""

from __future__ import annotations

import re

from labrig.instruments.addresses import canonical
from labrig.instruments.drivers import ClockSource

ONBOARD = "onboard"
"""Value of `reference_clock` for a device on its own oscillator."""

_OF_BUS = {"PXIE": "PXIe_Clk100", "PXI": "PXI_Clk10"}
_RATES_HZ = {"pxie_clk100": 100e6, "pxi_clk10": 10e6}
_OUTSIDE = re.compile(r"a?pfi\d+|pxi_trig\d|rtsi\d|pxi_star.*|pxie_dstar.*|port\d+/line\d+")


def split_terminal(text: str, own: str) -> tuple[str, str]:
    """Device and signal of a terminal, casefolded; a name without a device is a terminal of the device `own`."""
    if not text.startswith("/"):
        return own.casefold(), text.casefold()
    device, _, signal = text[1:].partition("/")
    return device.casefold(), signal.casefold()


def chassis_number(device: str) -> str | None:
    """Number of the PXI chassis in the default name of a device; None for another name."""
    match = re.fullmatch(r"pxi(\d+)slot\d+", device.casefold())
    return match[1] if match else None


def cdaq_chassis(module: str) -> str | None:
    """Name of the CompactDAQ chassis in the default name of a module (`cDAQ1Mod2`); None for another name."""
    match = re.fullmatch(r"(.+)mod\d+", module, re.IGNORECASE)
    return match[1] if match else None


def chassis_clock(model: str | None) -> str | None:
    """Terminal of the chassis' clock for a model on the PXI bus; None for other buses."""
    match = re.match(r"(?:NI[\s-]*)?(PXIe?)[\s-]", model or "", re.IGNORECASE)
    return _OF_BUS[match[1].upper()] if match else None


def is_chassis_clock(terminal: str | None) -> bool:
    """Whether a terminal is the clock of a PXI chassis."""
    return terminal is not None and terminal.casefold().rpartition("/")[2] in _RATES_HZ


def reference_rate_hz(terminal: str) -> float:
    """Rate of a reference clock (Hz)."""
    return _RATES_HZ.get(terminal.casefold().rpartition("/")[2], 10e6)


def is_onboard(terminal: str | None) -> bool:
    """Whether a value of `reference_clock` means the device's own oscillator."""
    return terminal is not None and terminal.casefold() in (ONBOARD, "onboardclock")


def clock_of(place: str, device: str, locked_to: str | None) -> ClockSource | None:
    """The clock of a device that is locked to a terminal, or runs on its own oscillator; None if it is not known.

    Parameters
    ----------
    place
        The gRPC server of the device, followed by a slash; "" for this machine.
    device
        Name of the device.
    locked_to
        Terminal of its reference clock; None if it runs on its own oscillator.
    """
    if locked_to is None:
        return _oscillator(place, device)
    owner, signal = split_terminal(locked_to, device)
    if is_chassis_clock(signal):
        number = chassis_number(owner)
        name = f"{place}PXI chassis {number}" if number else f"{place or 'the '}PXI chassis"
        return ClockSource(f"the clock of {name}", _kind(place, "PXI chassis"), number)
    if signal == "10mhzrefclock":
        return _oscillator(place, locked_to[1:].partition("/")[0] if locked_to.startswith("/") else device)
    return None


def _oscillator(place: str, device: str) -> ClockSource:
    return ClockSource(f"the oscillator of {place}{device}", _kind(place, "oscillator"), device.casefold())


def _kind(place: str, what: str) -> str:
    return canonical(place, look_up=False) + what


def clock_of_chassis(place: str, module: str) -> ClockSource | None:
    """The clock of a CompactDAQ module; None if its chassis is not known."""
    chassis = cdaq_chassis(module)
    if chassis is None:
        return None
    return ClockSource(f"the clock of {place}{chassis}", _kind(place, "cDAQ"), chassis.casefold())


def is_external(terminal: str | None, device: str) -> bool:
    """Return whether a sample clock comes from outside the device, through one of its terminals or the backplane."""
    return terminal is not None and _OUTSIDE.fullmatch(split_terminal(terminal, device)[1]) is not None


def clock_at(place: str, terminal: str, device: str) -> ClockSource:
    """Return the clock source of an external sample clock at this terminal."""
    where = "/".join(split_terminal(terminal, device))
    return ClockSource(f"the clock at {place}{terminal.removeprefix('/')}", _kind(place, "terminal"), where)
