"""Calibrates sources: each one drives an input of the calibrated digitizer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labrig.calibration.fixture import Fixture
from labrig.calibration.record import DigitizerCalibration, SourceCalibration
from labrig.instruments.drivers import SourceCapabilities
from labrig.procedures.calibrate.digitizer import REPEATS, Shorted, delay_of
from labrig.procedures.calibrate.guide import TONES, Guide, u_of_dc, u_of_tones

Array = NDArray[np.float64]

TONE_DRIVE = 0.3
"""Sum of the amplitudes of a source's tones, as a fraction of the largest drive. Distortion grows with its square."""


def calibrate_sources(
    guide: Guide, inputs: DigitizerCalibration, shorted: Shorted, findings: list[str]
) -> SourceCalibration:
    """Calibrate every source channel; the pilot's is the last. Problems are added to `findings`."""
    count = len(guide.outputs) + 1
    gain, tone_gain, offset, delay = np.ones(count), np.ones(count), np.zeros(count), np.zeros(count)
    u_gain, u_tone, u_offset, u_delay = np.zeros(count), np.zeros(count), np.zeros(count), np.zeros(count)
    width = len(guide.other_inputs)
    u_scale = float(inputs.u_gain[[guide.inputs.index(label) for label in guide.other_inputs]].max())
    for labels in _batches(guide, width):
        read = _driven(guide, labels, inputs, shorted)
        part = [guide.outputs.index(label) for label in labels]
        gain[part], offset[part], tone_gain[part], delay[part] = read[0], read[1], read[2], read[3]
        u_gain[part], u_offset[part] = np.hypot(read[4], u_scale), np.hypot(read[5], inputs.u_offset_v.max())
        u_tone[part], u_delay[part] = np.hypot(read[6], u_scale), np.hypot(read[7], inputs.u_delay_s.max())
        tone_gain[-1], u_tone[-1], u_gain[-1] = read[8], np.hypot(read[6].max(), u_scale), u_scale
    gain[-1] = tone_gain[-1]
    for label, value in zip((*guide.outputs, guide.pilot.label), tone_gain, strict=True):
        if abs(value - 1) > 0.1:
            findings.append(f"{label} plays {value:.3g} times the requested amplitude: is its load setting right?")
    share = shorted.share / tone_gain[:, np.newaxis]
    u_share = shorted.u_share / tone_gain[:, np.newaxis]
    return SourceCalibration(gain, u_gain, tone_gain, u_tone, offset, u_offset, delay, u_delay, share, u_share)


def _batches(guide: Guide, width: int) -> list[list[str]]:
    """Return the channels in batches, each of one instrument and of at most `width` channels.

    Two instruments may play a tone with different phases, and some cannot play all tones on all channels at once; the
    pilot may be a channel of the same instrument.
    """
    of_source: dict[str, list[str]] = {}
    for label in guide.outputs:
        of_source.setdefault(label.partition("/")[0], []).append(label)
    batches = []
    for labels in of_source.values():
        together = _source(guide, labels).most_tones_together
        at_once = len(labels) if together is None else max(1, together // _tone_count(guide, labels) - 1)
        most = min(width, at_once)
        batches += [labels[k : k + most] for k in range(0, len(labels), most)]
    return batches


def _source(guide: Guide, labels: Sequence[str]) -> SourceCapabilities:
    """Capabilities of the instrument of these channels."""
    return guide.assembly.devices[labels[0].partition("/")[0]].source


def _tone_count(guide: Guide, labels: Sequence[str]) -> int:
    """Return the number of tones that each of these channels plays."""
    return min(TONES, _source(guide, labels).most_tones)


def _driven(
    guide: Guide, labels: Sequence[str], inputs: DigitizerCalibration, shorted: Shorted
) -> tuple[Array, Array, Array, Array, Array, Array, Array, Array, float]:
    """Let each of these source channels drive its own input.

    Returns
    -------
    gain, offset (V), tone gain, delay (s), their four standard errors, and the gain of the pilot's tones.
    """
    pairs = dict(zip(labels, guide.other_inputs, strict=False))
    fixture = Fixture(
        "each source at an input",
        (
            f"Connect {', '.join(f'{source} to {sense}' for source, sense in pairs.items())}.",
            f"Connect {guide.pilot.label} to {guide.pilot_input}.",
        ),
        senses={**{sense: f"at {sense}" for sense in pairs.values()}, guide.pilot_input: "pilot"},
        drives={**{source: f"at {sense}" for source, sense in pairs.items()}, guide.pilot.label: "pilot"},
    )
    tones = guide.tones(_tone_count(guide, labels))
    hz = np.asarray(tones.frequencies_hz)
    # A whole number of steps of the converter, whose rounding would otherwise count as an error of the gain.
    step_v = _source(guide, labels).step_v
    level_v, amplitude_v = round(0.5 * guide.drive_v / step_v) * step_v, TONE_DRIVE * guide.drive_v / len(hz)
    with guide.fixture(fixture) as station, station.rig(tones, guide.drive_v) as bay:
        high = [bay.measure(levels=dict.fromkeys(labels, level_v)) for _ in range(REPEATS)]
        low = [bay.measure(levels=dict.fromkeys(labels, -level_v)) for _ in range(REPEATS)]
        zero = [bay.measure() for _ in range(REPEATS)]
        sung = [bay.measure({label: [amplitude_v] * len(hz) for label in labels}) for _ in range(REPEATS)]
        at = [bay.labels.index(sense) for sense in pairs.values()]
        pilot = bay.labels.index(guide.pilot_input)
        columns = [guide.inputs.index(sense) for sense in pairs.values()]
        own, pilot_v = guide.inputs.index(guide.pilot_input), bay.pilot_v
    g, o = inputs.gain[columns], inputs.offset_v[columns]
    up, down, rest = (np.mean([each.dc[at] for each in reads], axis=0) for reads in (high, low, zero))
    u_dc = u_of_dc(high)[at]
    gain, offset = (up - down) / g / (2 * level_v), (rest - o) / g
    phasor = np.mean([each.channel_phasor[:, at] for each in sung], axis=0) / g
    stray, u_stray = _stray(guide, labels, shorted, hz, amplitude_v, pilot_v)
    phasor -= stray[:, columns]  # before the delays of the inputs are removed, as the crosstalk contains them too
    phasor *= np.exp(-2j * np.pi * np.multiply.outer(hz, inputs.delay_s[columns]))
    phasor /= inputs.response_at(hz)[:, columns]
    ratio = phasor / amplitude_v
    u = u_of_tones(sung)[:, at] / g / amplitude_v
    lead, u_delay = delay_of(hz, ratio, u)
    u_tone = np.hypot(np.sqrt(np.mean(u**2, axis=0) / len(hz)), u_stray[columns] / amplitude_v)
    of_pilot = np.mean([np.abs(each.channel_phasor[:, pilot]) for each in sung]) / inputs.gain[own] / pilot_v
    return (
        gain,
        offset,
        np.abs(ratio).mean(axis=0),
        -lead,
        u_dc / level_v,
        u_dc,
        u_tone,
        u_delay,
        float(of_pilot),
    )


def _stray(
    guide: Guide, labels: Sequence[str], shorted: Shorted, hz: Array, amplitude_v: float, pilot_v: float
) -> tuple[NDArray[np.complex128], Array]:
    """Return the crosstalk (F, C) of these sources and the pilot, all playing every tone, and its uncertainty (C,)."""
    rows = [guide.outputs.index(label) for label in labels]
    share = amplitude_v * shorted.share[:, rows].sum(axis=1) + pilot_v * shorted.share[:, -1]
    u_sources = amplitude_v * np.sqrt((shorted.u_share[rows] ** 2).sum(axis=0))
    return share[0] + np.multiply.outer(hz, share[1]), np.hypot(u_sources, pilot_v * shorted.u_share[-1])
