"""Instruments to begin with: generic ones for a simulated bench, or the instruments that are plugged in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from json import dumps

from labrig.errors import LabrigError, UsageError
from labrig.extensions import UnknownExtension
from labrig.instruments.data import LevelTable
from labrig.instruments.drivers import installed_drivers
from labrig.instruments.findings import Finding
from labrig.instruments.parts import Part, find_part
from labrig.instruments.parts.memristor import Memristor

DRIVE_OHM, WIDEST = 50.0, 10.0
"""Series resistance of a drive (Ω), and the largest ratio of the largest to the smallest conductance in use."""


@dataclass(frozen=True)
class InstrumentPlan:
    """The three instruments of a first configuration, their channels, and further sections that they need.

    Attributes
    ----------
    bench : str
        Bench of the configuration: "simulated" or "hardware".
    entries : tuple of str
        Lines of the section `instruments`.
    source, digitizer, programmer : tuple of str
        Channels as written in the wiring.
    through : bool
        Whether every drive has a series resistor.
    low_s, high_s : float
        Limits of the programmable range (S).
    sections : tuple of str
        Lines of further sections.
    sample_rate : str
        Sample rate as written in the configuration.
    """

    bench: str
    entries: tuple[str, ...]
    source: tuple[str, ...]
    digitizer: tuple[str, ...]
    programmer: tuple[str, ...]
    through: bool
    low_s: float
    high_s: float
    sections: tuple[str, ...]
    sample_rate: str


def generic(part: str, bits: int, sources: int, senses: int, edges: int) -> InstrumentPlan:
    """Return generic instruments with as many channels as a board needs, for a simulated bench.

    Raises
    ------
    UsageError
        If the part is unknown.
    """
    try:
        found = find_part(part)
    except UnknownExtension as error:
        raise UsageError(f"--part: {error}") from error
    if isinstance(found, Memristor):
        bank = f"{{driver: generic.pulse_programmer, part: {part}, channels: {edges}}}"
    else:
        half = _supply_v(found) / 2
        bank = f"{{driver: generic.programmer, part: {part}, channels: {edges}, supply: [-{half:g} V, {half:g} V]}}"
    entries = (
        f"awg:  {{driver: generic.source, channels: {sources}, bits: {bits}, full_scale: 5 V}}",
        f"daq:  {{driver: generic.digitizer, channels: {senses}, bits: {bits}, full_scale: 2 V,",
        "        max_sample_rate: 250 kS/s}",
        f"pots: {bank}",
    )
    low_s, high_s = _range_s(found)
    awg, daq, pots = (
        tuple(f"{name}/{k}" for k in range(count))
        for name, count in (("awg", sources), ("daq", senses), ("pots", edges))
    )
    simulation = ("simulation: {preset: typical}   # or ideal, harsh: imperfections of the simulated instruments",)
    return InstrumentPlan("simulated", entries, awg, daq, pots, True, low_s, high_s, simulation, "50 kS/s")


def plugged_in(findings: Sequence[Finding], part: str, chips: int) -> InstrumentPlan:
    """Return the instruments that `labrig doctor` found: NI cards and the bank of potentiometers at a serial port.

    Raises
    ------
    UsageError
        If an input card, an output card or a serial port is missing; the message lists what was found.
    """
    there = [each for each in findings if each.state == "ok"]
    cards = [each.detail.partition(": ") for each in there if each.what == "NI-DAQmx"]
    ports = [each.detail.partition(": ")[0] for each in there if each.what == "serial port"]
    inputs = [(name, model, found) for name, _, model in cards if (found := _channels("ni.ai", name, model))]
    outputs = [(name, model, found) for name, _, model in cards if (found := _channels("ni.ao", name, model))]
    missing = [what for what, found in (
        ("an NI card with analog inputs", inputs), ("an NI card with analog outputs", outputs),
        ("a serial port with a bank of potentiometers", ports),
    ) if not found]  # fmt: skip
    if missing:
        seen = "; ".join(f"{each.what} {each.detail}" for each in there if each.what in KINDS) or "no instrument"
        raise UsageError(
            f"missing: {' and '.join(missing)}; labrig doctor finds: {seen}",
            remedy="plug it in, or begin with a simulated rig: labrig init --rig layered",
        )
    daq = max(inputs, key=lambda each: len(each[2]))
    # Outputs on the card of the digitizer share its clock; another card must be locked to it by a chassis or a cable.
    own = [each for each in outputs if each[0] == daq[0]]
    awg = max(outputs if len(own) == 0 or _chassis(daq[0]) else own, key=lambda each: len(each[2]))
    trigger = "" if awg[0] == daq[0] else f", start_trigger: /{daq[0]}/ai/StartTrigger"
    trigger = trigger or ", start_trigger: ai/StartTrigger"
    found = find_part(part)
    half = _supply_v(found) / 2
    entries = (
        f"awg:  {{driver: ni.ao, model: {awg[1]}, resource: {awg[0]}{trigger}}}",
        f"daq:  {{driver: ni.ai, model: {daq[1]}, resource: {daq[0]}, full_scale: 2 V}}",
        f"pots: {{driver: labrig.digipot_bank, resource: {ports[0]}, chips: [{{part: {part}, count: {chips}}}],",
        f"       supply: [-{half:g} V, {half:g} V], watchdog: 10 s}}",
    )
    bank = _bank(part, chips, ports[0], half)
    low_s, high_s = _range_s(found)
    source, digitizer = (tuple(f"{name}/{c}" for c in each[2]) for name, each in (("awg", awg), ("daq", daq)))
    return InstrumentPlan("hardware", entries, source, digitizer, bank, False, low_s, high_s, (), "10 kS/s")


KINDS = ("NI-DAQmx", "VISA", "serial port")


def _channels(driver: str, resource: str, model: str) -> tuple[str, ...]:
    """Return the input or output channels of a card, depending on the driver; empty if the model is unknown."""
    info = installed_drivers().get(driver)
    if info is None or info.known_model(model) is None:
        return ()
    try:
        options = info.options.model_validate(
            {"driver": driver, "model": info.known_model(model), "resource": resource}
        )
        return info.capabilities(options).channels
    except (ValueError, LabrigError):
        return ()


def _bank(part: str, chips: int, port: str, half_v: float) -> tuple[str, ...]:
    info = installed_drivers()["labrig.digipot_bank"]
    given = {"driver": info.name, "resource": port, "chips": [{"part": part, "count": chips}]}
    supply = {"supply": [f"-{half_v:g} V", f"{half_v:g} V"]}
    options = info.options.model_validate_json(dumps(given | supply))
    return tuple(f"pots/{channel}" for channel in info.capabilities(options).channels)


def _chassis(name: str) -> bool:
    """Return whether the name of a device is that of a chassis slot; cards in a chassis share a clock."""
    return name.startswith(("PXI", "cDAQ")) and ("Slot" in name or "Mod" in name)


def _supply_v(part: Part) -> float:
    """Return the voltage between the rails: 5 V if the part allows it."""
    least, greatest = part.supply_span_v
    return min(max(5.0, least), greatest)


def _range_s(part: Part) -> tuple[float, float]:
    """Return a conductance range: from the smallest of the part to at most ten times that, rounded to two digits."""
    levels = part.levels()
    if isinstance(levels, LevelTable):
        low, high = float(levels.siemens.min()), float(levels.siemens.max())
    else:
        low, high = levels.minimum, levels.maximum
    high = min(high, WIDEST * low)
    unit = 10.0 ** (math.floor(math.log10(low)) - 1)
    inside = math.ceil(low / unit - 1e-9) * unit
    unit = 10.0 ** (math.floor(math.log10(high)) - 1)
    return inside, math.floor(high / unit + 1e-9) * unit
