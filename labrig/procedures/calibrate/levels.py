"""Measures the levels of programmable parts by an analog sweep: every code, against a standard resistor.

A part and a standard R form a divider of a tone. With the voltages V₀ across both and V across the part, the part has
the admittance Y = (V₀ − V)/(R V); its real part is the conductance, whatever the capacitance of the node.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labrig.calibration.fixture import Fixture, Standard
from labrig.calibration.record import DigitizerCalibration, SourceCalibration
from labrig.instruments.data import Continuous, Level, LevelTable
from labrig.instruments.multiplexer import ghost, switching_s
from labrig.lockin.demodulated import Demodulated
from labrig.procedures.calibrate.guide import Bay, Guide, u_of_tones

Array = NDArray[np.float64]

SURE = 5.0
"""Number of standard errors from which a difference between conductances is significant."""

OPEN_SHARE = 0.1
"""A part is open if it conducts less than this fraction of its lowest nominal level at every code."""

SMALL_SWEEP = 0.01
"""A part is stuck if its conductance changes by less than this fraction over all codes."""

COVERAGE = 2.0
"""Tolerance of a measured table, in standard uncertainties of its levels in the configured range."""


@dataclass
class Sweep:
    """Measured levels by label ("pots/3"), and the defect of every part that cannot be used."""

    levels: dict[str, LevelTable] = field(default_factory=dict[str, LevelTable])
    unusable: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class SweptCodes:
    """The (L,) conductances of a part in the order of its codes, and their standard uncertainties (S).

    `u` is the uncertainty of single readings. `u_ghost` is due to the multiplexer, and nearly the same at neighbouring
    codes.
    """

    siemens: Array
    u: Array
    u_ghost: Array


def sweep_levels(guide: Guide, inputs: DigitizerCalibration, outputs: SourceCalibration, findings: list[str]) -> Sweep:
    """Sweep every wired channel of every programmer with levels; problems are added to `findings`."""
    swept = Sweep()
    wired = [f"{edge.device}/{edge.channel}" for edge in guide.hookup.edges]
    nominal = {name: able.part.levels() for name, able in guide.programmers.items()}
    findings += [
        f"{name}: not swept, because its parts have no levels"
        for name, levels in nominal.items()
        if isinstance(levels, Continuous)
    ]
    labels = [label for label in wired if isinstance(nominal[label.partition("/")[0]], LevelTable)]
    inputs_free = guide.other_inputs[1:]
    spare = inputs_free[:1] if guide.is_multiplexed and len(inputs_free) > 1 else ()
    size = len(inputs_free) - len(spare)
    columns = [guide.inputs.index(label) for label in guide.other_inputs]
    for first in range(0, len(labels), size):
        group = labels[first : first + size]
        fixture = _fixture(guide, group, spare)
        tones, scanned = guide.tone_of_long_period(guide.assembly.acquisition.window), tuple(fixture.senses)
        u_response = inputs.u_response_at(np.asarray(tones.frequencies_hz))[0, columns]
        u_gain = float(np.hypot(inputs.u_gain[columns], u_response).max())
        with guide.fixture(fixture) as station, station.rig(tones, 0.5 * guide.drive_v, scanned) as bay:
            programmed = [each if isinstance(each, LevelTable) else None for each in bay.rig.levels]
            if not any(programmed):
                continue  # a simulated bench with parts of any conductance
            measured = _sweep(guide, bay, programmed, inputs, outputs)
        for label, table, swept_codes in zip(group, programmed, measured, strict=True):
            if table is not None:
                _judge(guide, label, table, swept_codes, u_gain, swept, findings)
    return swept


def _fixture(guide: Guide, group: Sequence[str], spare: Sequence[str]) -> Fixture:
    """Return the fixture for a group of parts; its inputs are in the order of the scan.

    A spare input reads the first part before that part's own input does, so that a multiplexer carries over the voltage
    of the same part instead of the drive's.
    """
    drive, *senses = (label for label in guide.other_inputs if label not in spare)
    source, standards = guide.outputs[0], guide.standards
    pairs = dict(zip(group, senses, strict=False))
    also = tuple(f"Connect {label} to {senses[0]} as well." for label in spare)
    return Fixture(
        f"levels of {group[0]} to {group[-1]}",
        (
            f"Connect {source} to {drive}, and {guide.pilot.label} to {guide.pilot_input}.",
            *(
                f"Connect {label} between {sense} and ground, and a standard of {standards.ohm:g} Ω from {sense} to "
                f"{drive}."
                for label, sense in pairs.items()
            ),
            *also,
        ),
        senses={
            guide.pilot_input: "pilot",
            drive: "drive",
            **dict.fromkeys(spare, f"at {senses[0]}"),
            **{sense: f"at {sense}" for sense in pairs.values()},
        },
        drives={source: "drive", guide.pilot.label: "pilot"},
        parts={label: f"at {sense}" for label, sense in pairs.items()},
        standards=tuple(Standard("drive", f"at {sense}", standards.ohm, standards.u_ohm) for sense in pairs.values()),
    )


def _sweep(
    guide: Guide,
    bay: Bay,
    tables: Sequence[LevelTable | None],
    inputs: DigitizerCalibration,
    outputs: SourceCalibration,
) -> list[SweptCodes]:
    """Return the conductances of each part, in the order of the codes of its table."""
    count = max(len(table.codes) for table in tables if table is not None)
    found = np.zeros((len(tables), count))
    u_found, u_ghost = np.zeros_like(found), np.zeros_like(found)
    for number in range(count):
        settings = {
            edge: Level(int(table.codes[number]))
            for edge, table in enumerate(tables)
            if table is not None and number < len(table.codes)
        }
        bay.rig.program(settings)
        read = bay.measure({guide.outputs[0]: [0.7 * guide.drive_v]})
        volts, u = _volts(guide, bay, read, inputs, outputs)
        drive, parts = volts[0], volts[1:]
        found[:, number] = ((drive - parts) / (guide.standards.ohm * parts)).real
        relative = np.hypot(u[1:] / np.abs(parts), u[0] / np.abs(drive))
        per_share = np.abs(drive / parts) / guide.standards.ohm
        u_found[:, number] = relative * per_share
        u_ghost[:, number] = _ghost(guide, bay, read, found[:, number]) * per_share
    ends = [count if table is None else len(table.codes) for table in tables]
    return [SweptCodes(found[k, :end], u_found[k, :end], u_ghost[k, :end]) for k, end in enumerate(ends)]


def _ghost(guide: Guide, bay: Bay, read: Demodulated, siemens: Array) -> Array:
    """Return by which fraction each part's reading (P,) may be off because of the channel that is scanned before it.

    The multiplexer carries over a fraction of the difference to that channel's voltage, which was sampled earlier. Of
    this difference, only the component in phase counts to first order, because conductances are real.
    """
    if not guide.is_multiplexed:
        return np.zeros(len(siemens))
    plan = bay.rig.plan
    switched_s = guide.able.skew_s(len(plan.channels), plan.sample_rate_hz)
    at = [bay.labels.index(wire.a) for wire in bay.rig.hookup.edges]
    ohm = 1 / (1 / guide.standards.ohm + np.maximum(siemens, 0.0))
    farad = np.array([wire.lead.farad for wire in bay.rig.hookup.senses])[at]
    left = ghost(guide.able.sampling_f, farad, ohm, switching_s(switched_s, plan.sample_rate_hz)[at])
    phasor = read.channel_phasor[0]
    earlier_s = np.diff(plan.skew_s, prepend=plan.skew_s[0])[at]  # 0 where voltages are held while they are read
    turned = np.exp(-2j * np.pi * bay.rig.tones.frequencies_hz[0] * earlier_s)
    carried = left * (np.roll(phasor, 1)[at] * turned / phasor[at] - 1)
    return np.abs(carried.real) + carried.imag**2


def _volts(
    guide: Guide, bay: Bay, read: Demodulated, inputs: DigitizerCalibration, outputs: SourceCalibration
) -> tuple[NDArray[np.complex128], Array]:
    """Return the true phasors of the driven node and of each part (1 + P,), and their standard errors (V)."""
    labels = [guide.other_inputs[0], *(wire.a for wire in bay.rig.hookup.edges)]
    at, columns = [bay.labels.index(each) for each in labels], [guide.inputs.index(each) for each in labels]
    hz = np.asarray(bay.rig.tones.frequencies_hz)
    volts = read.channel_phasor[0, at] / inputs.gain[columns]
    share = outputs.crosstalk[0] + hz[0] * outputs.crosstalk[1]
    played = 0.7 * guide.drive_v * outputs.tone_gain[0], bay.pilot_v * outputs.tone_gain[-1]
    volts = volts - played[0] * share[0, columns] - played[1] * share[-1, columns]
    volts = volts * np.exp(-2j * np.pi * hz[0] * inputs.delay_s[columns])
    u_share = np.hypot(*(v * u for v, u in zip(played, outputs.u_crosstalk[[0, -1]][:, columns], strict=True)))
    u = np.hypot(u_of_tones([read])[0, at] / inputs.gain[columns], u_share)
    return volts / inputs.response_at(hz)[0, columns], u


def _judge(
    guide: Guide,
    label: str,
    table: LevelTable,
    measured: SweptCodes,
    u_gain: float,
    swept: Sweep,
    findings: list[str],
) -> None:
    """Store the levels of a part, or the reason why it cannot be used.

    Errors of the gains of both inputs (relative uncertainty `u_gain`) and of the standard are the same at every code.
    """
    siemens, u = measured.siemens, measured.u
    spread = float(siemens.max() - siemens.min())
    if siemens.max() < OPEN_SHARE * table.siemens[0]:
        swept.unusable[label] = "is open"
    elif spread < SMALL_SWEEP * float(np.abs(siemens).max()):
        swept.unusable[label] = f"is stuck at {1e6 * float(np.median(siemens)):.4g} µS"
    if label in swept.unusable:
        findings.append(f"{label} {swept.unusable[label]}")
        return
    drops = np.flatnonzero(np.diff(siemens) < -SURE * np.hypot(u[1:], u[:-1]))
    if len(drops):
        codes = ", ".join(str(int(table.codes[k])) for k in drops[:4])
        more = "" if len(drops) <= 4 else f" and {len(drops) - 4} more"
        findings.append(f"{label} is not monotonic at code {codes}{more}; its levels are used in measured order")
    order = np.argsort(siemens, kind="stable")
    increasing, codes = siemens[order], table.codes[order]
    kept = np.concatenate(([True], np.diff(increasing) > 0)) & (increasing > 0)
    low, high = guide.assembly.network.programmable.range
    within = kept & (increasing >= low) & (increasing <= high)
    of = within if within.any() else kept
    of_gains = math.sqrt(2) * u_gain * (1 + 1 / (guide.standards.ohm * increasing[of]))
    of_readings = np.hypot(u, measured.u_ghost)[order][of] / increasing[of]
    of_levels = float(np.max(np.hypot(of_readings, of_gains)))
    relative = math.hypot(of_levels, guide.standards.u_ohm)
    swept.levels[label] = LevelTable(codes[kept], increasing[kept], COVERAGE * relative)
