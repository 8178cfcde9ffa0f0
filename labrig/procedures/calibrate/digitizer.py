"""Calibrates a digitizer: offset and noise with shorted inputs, response with a common drive, gain with a reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labrig.calibration.fixture import REFERENCE, Fixture
from labrig.calibration.record import DigitizerCalibration
from labrig.lockin.demodulated import Demodulated
from labrig.procedures.calibrate.guide import TONES, Guide, noise_of_tones, rounding_of_tones, u_of_dc, u_of_tones

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

REPEATS = 3
IDLE_REPEATS = 6
"""Number of acquisitions with the pilot alone. Its crosstalk matters most, as it always plays the error's tones."""

CROSSTALK_TONES = 3
CROSSTALK_DRIVE = 0.9
"""Amplitude of a source while its crosstalk is measured, as a fraction of its full scale."""


@dataclass(frozen=True, eq=False)
class Shorted:
    """Readings of the inputs while they are shorted.

    Attributes
    ----------
    offset_v, u_offset_v : (C,) arrays
        Offset and its standard uncertainty (V).
    noise_density : (C,) array
        Noise (V/√Hz).
    share : (2, S, C) complex array
        Coefficients κ₀ and κ₁ of the crosstalk κ₀ + κ₁ f of each source channel, the pilot last: volts read at an input
        per volt requested from the source. In the result of `calibrate_digitizer`, they are true volts at the input.
    u_share : (S, C) array
        Standard uncertainty of the crosstalk.
    """

    offset_v: Array
    u_offset_v: Array
    noise_density: Array
    share: Complex
    u_share: Array


def with_inputs_shorted(guide: Guide) -> Shorted:
    """Short all inputs but the pilot's, with all sources open; return offsets, noise and the sources' crosstalk."""
    others = ", ".join(guide.other_inputs)
    fixture = Fixture(
        "inputs shorted",
        (
            f"Short {others} to ground at the ends of their cables.",
            "Disconnect the cables of all sources from the board, and leave their ends open, in their usual places.",
            f"Connect {guide.pilot.label} to {guide.pilot_input}.",
        ),
        senses={**dict.fromkeys(guide.other_inputs, "short"), guide.pilot_input: "pilot"},
        drives={guide.pilot.label: "pilot", **{label: f"end of {label}" for label in guide.outputs}},
        grounded=("short",),
    )
    tones = guide.tones_throughout(CROSSTALK_TONES)
    hz = np.asarray(tones.frequencies_hz)
    with guide.fixture(fixture) as station, station.rig(tones, guide.drive_v) as bay:
        quiet = [bay.measure() for _ in range(IDLE_REPEATS)]
        noise = _noise_density(bay.rig.window(), bay.rig.plan.sample_rate_hz, (hz.min(), hz.max()))
        idle = np.mean([each.channel_phasor for each in quiet], axis=0)
        shares, errors = [], []
        for wire in bay.rig.hookup.outputs:
            most = min(CROSSTALK_DRIVE * wire.full_scale_v, guide.assembly.limits.node_v)
            amplitude = most / len(hz)
            read = bay.measure({wire.node: [amplitude] * len(hz)})
            shares.append((read.channel_phasor - idle) / amplitude)
            errors.append(np.hypot(_of_line([read]), _of_line(quiet)) / amplitude)
        last = bay.measure()
        shares.append(idle / bay.pilot_v)
        errors.append(_of_line(quiet) / bay.pilot_v)
    share = np.array([_line(hz, each) for each in shares]).transpose(1, 0, 2)
    u_share = np.array(errors)
    pilot = guide.inputs.index(guide.pilot_input)
    noise[pilot] = np.nan
    share[:, :, pilot], u_share[:, pilot] = 0.0, 0.0  # its own signal hides crosstalk
    offsets = np.array([each.dc for each in quiet])
    moved = np.abs(last.dc - offsets.mean(axis=0))
    u_offset = np.hypot(u_of_dc([last]), np.sqrt(np.mean(moved**2)))
    return Shorted(offsets.mean(axis=0), u_offset, noise, share, u_share)


def with_a_common_drive(guide: Guide, shorted: Shorted) -> tuple[Array, Complex, Array, Array, Array, Array, float]:
    """Drive all inputs with the pilot's source.

    Returns
    -------
    frequencies (F,), response (F, C) relative to `gain`, its uncertainty, gain (C,) relative to the pilot's channel,
    delay (C,) beyond the stated delay (s), its uncertainty, and the largest change of a delay with the scan order (s).
    """
    fixture = Fixture(
        "common drive",
        (f"Connect {guide.pilot.label} to all inputs at once: {', '.join(guide.inputs)}.",),
        senses=dict.fromkeys(guide.inputs, "common"),
        drives={guide.pilot.label: "common"},
    )
    tones = guide.tones(TONES)
    hz = np.asarray(tones.frequencies_hz)
    with guide.fixture(fixture) as station:
        with station.rig(tones, guide.drive_v) as bay:
            reads = [bay.measure() for _ in range(REPEATS)]
            multiplexed = any(bay.rig.plan.skew_s)
        response, u = _relative(guide, reads, bay.pilot_v, shorted, hz)
        by_order = 0.0
        if multiplexed:
            backwards = guide.inputs[::-1]
            with station.rig(tones, guide.drive_v, backwards) as bay:
                turned = [bay.measure() for _ in range(REPEATS)]
            back, _ = _relative(guide, turned, bay.pilot_v, shorted, hz, backwards)
            by_order = float(np.abs(delay_of(hz, response, u)[0] - delay_of(hz, back, u)[0]).max())
    delay_s, u_delay_s = delay_of(hz, response, u)
    gain = np.abs(response).mean(axis=0)
    left = response / gain * np.exp(-2j * np.pi * np.multiply.outer(hz, delay_s))
    return hz, left, u / gain, gain, delay_s, u_delay_s, by_order


def with_a_reference(guide: Guide, volts: float) -> tuple[Array, Array]:
    """Connect a reference to all inputs but the pilot's; return readings (C,) and their standard errors (V)."""
    sign = "" if volts > 0 else ", reversed"
    fixture = Fixture(
        f"reference{sign}",
        (
            f"Connect the reference of {abs(volts):.6g} V{sign} to {', '.join(guide.other_inputs)}.",
            f"Connect {guide.pilot.label} to {guide.pilot_input}.",
        ),
        senses={**dict.fromkeys(guide.other_inputs, "common"), guide.pilot_input: "pilot"},
        drives={guide.pilot.label: "pilot", REFERENCE: "common"},
        reference_v=volts,
        u_reference=guide.standards.u_volts,
    )
    with guide.fixture(fixture) as station, station.rig(guide.tones(1), guide.drive_v) as bay:
        reads = [bay.measure() for _ in range(REPEATS)]
    return np.mean([each.dc for each in reads], axis=0), u_of_dc(reads)


def calibrate_digitizer(guide: Guide, findings: list[str]) -> tuple[DigitizerCalibration, Shorted]:
    """Calibrate the inputs; problems are added to `findings`."""
    shorted = with_inputs_shorted(guide)
    hz, response, u_response, relative, delay_s, u_delay_s, by_order = with_a_common_drive(guide, shorted)
    volts = guide.standards.volts
    (high, u_high), (low, u_low) = with_a_reference(guide, volts), with_a_reference(guide, -volts)
    gain = (high - low) / (2 * volts)
    moved = np.abs((high + low) / 2 - shorted.offset_v)
    pilot = guide.inputs.index(guide.pilot_input)
    rest = [k for k in range(len(gain)) if k != pilot]
    # The pilot's input is not connected to the reference; the common drive compares its gain with the others'.
    gain[pilot] = np.mean(gain[rest] / relative[rest])
    offset, u_offset = shorted.offset_v.copy(), shorted.u_offset_v.copy()
    offset[pilot], u_offset[pilot] = 0.0, u_offset[rest].max(initial=0.0)
    drift = float(np.sqrt(np.mean(moved[rest] ** 2)))
    u_offset = np.hypot(u_offset, drift)
    noise = np.hypot(u_high, u_low) / (2 * volts)
    u_gain = np.sqrt(noise**2 + guide.standards.u_volts**2 + (drift / (2 * volts)) ** 2)
    # Crosstalk of the pilot's source to its own input cannot be told from its signal: assume that of the other inputs.
    u_gain[pilot] = math.hypot(u_gain[pilot], float(np.sqrt(np.mean(np.abs(shorted.share[0, -1, rest]) ** 2))))
    for k, label in enumerate(guide.inputs):
        if abs(gain[k] - 1) > 0.1:
            findings.append(f"{label} has a gain of {gain[k]:.3g}: is it connected, and in the right range?")
    if by_order > 5 * float(u_delay_s.max()) + 10e-9:
        findings.append(f"delays change by {1e9 * by_order:.0f} ns with the order of the scan")
    return DigitizerCalibration(
        gain, u_gain, offset, u_offset, delay_s, u_delay_s, hz, response, u_response, shorted.noise_density
    ), replace(shorted, share=shorted.share / gain, u_share=shorted.u_share / gain)


def _relative(
    guide: Guide,
    reads: Sequence[Demodulated],
    pilot_v: float,
    shorted: Shorted,
    hz: Array,
    order: Sequence[str] = (),
) -> tuple[Complex, Array]:
    """Return the (F, C) phasors relative to the pilot's channel, corrected for crosstalk, and their standard errors."""
    labels = tuple(order) or guide.inputs
    pilot = labels.index(guide.pilot_input)
    ratios = [each.channel_phasor / np.abs(each.channel_phasor[:, [pilot]]) for each in reads]
    at = [labels.index(label) for label in guide.inputs]
    mean = np.mean(ratios, axis=0)[:, at]
    level = np.abs(reads[0].channel_phasor[:, [pilot]])
    u_volts = u_of_tones(reads)
    u = np.hypot(u_volts[:, at], u_volts[:, [pilot]]) / level
    stray = shorted.share[0, -1] + np.multiply.outer(hz, shorted.share[1, -1])
    return mean - stray * (pilot_v / level), u


def delay_of(hz: Array, response: Complex, u: Array) -> tuple[Array, Array]:
    """Return the (C,) delays from the slope of the phase, and their standard uncertainties (s)."""
    turn = 2 * np.pi * hz
    weight = (turn**2).sum()
    delay = turn @ np.angle(response) / weight
    return delay, np.sqrt(turn**2 @ u**2) / weight


def _line(hz: Array, share: Complex) -> Complex:
    """Return the (2, C) coefficients of the least-squares line through crosstalk (F, C) over frequency."""
    return np.linalg.pinv(np.column_stack([np.ones_like(hz), hz])) @ share


def _of_line(reads: Sequence[Demodulated]) -> Array:
    """Return the (C,) standard uncertainty of a straight line fitted to the phasors over frequency (V).

    Each tone has noise of its own, but rounding misreads all tones of a channel alike if they are smaller than a step.
    """
    noise, rounding = noise_of_tones(reads), rounding_of_tones(reads)
    return np.sqrt(np.mean(2 / len(noise) * noise**2 + rounding**2, axis=0))


def _noise_density(volts: Array, rate_hz: float, band_hz: tuple[float, float]) -> Array:
    """Return the (C,) noise density of a window (N, C) in a band, from the median of its spectrum (V/√Hz)."""
    spectrum = np.abs(np.fft.rfft(volts - volts.mean(axis=0), axis=0)) ** 2 * (2 / (rate_hz * len(volts)))
    hz = np.fft.rfftfreq(len(volts), 1 / rate_hz)
    within = (hz >= band_hz[0]) & (hz <= band_hz[1])
    return np.sqrt(np.median(spectrum[within], axis=0) / np.log(2))
