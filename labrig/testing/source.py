"""Checks of a WaveformSource. They play only wired channels, with at most the station's drive."""

from __future__ import annotations

import math
from collections.abc import Mapping

from labrig.errors import LimitExceeded
from labrig.instruments.drivers import SourceCapabilities
from labrig.signals.tones import SILENT, ToneProgram, signed_tone
from labrig.testing.calls import NotApplicable, refused, succeeded
from labrig.testing.instrument import CHECKS as EVERY_INSTRUMENT
from labrig.testing.instrument import Check
from labrig.testing.station import Subject

AMPLITUDE_TOLERANCE = 0.05
"""Relative tolerance of levels and amplitudes, including the sin(x)/x droop of a DAC."""

SMALLEST_V = 5e-3
"""Additional tolerance for rounding and smallest settings (V)."""

PHASE_TOLERANCE_RAD = 0.1
"""Tolerance of phases (rad)."""


def plays_the_dc_it_was_asked(subject: Subject) -> None:
    """Load returns every requested channel, with its level within tolerance and the right sign."""
    if subject.station.plays_tones_only(subject.name):
        raise NotApplicable("its outputs are AC-coupled")
    with subject.opened() as source:
        for sign in (1, -1):
            level = sign * subject.station.drive_v
            asked = {c: ToneProgram(level * (1 if k % 2 else 0.5)) for k, c in enumerate(subject.channels)}
            played = _loaded(subject, source, asked)
            for channel, program in asked.items():
                found = played[channel].dc
                assert abs(found - program.dc) <= AMPLITUDE_TOLERANCE * abs(program.dc) + SMALLEST_V, (
                    f"{subject.name}: channel {channel} should play {program.dc:g} V, but reports {found:g} V"
                )


def plays_the_tone_it_was_asked(subject: Subject) -> None:
    """Frequency and amplitude are as requested, equal tones are in phase, and a negative drive is shifted by π.

    Only phase differences count: a source may shift all its tones, including a pilot, by the same phase.
    """
    phases: dict[int, dict[str, float]] = {}
    frequency = subject.station.assembly.acquisition_timing.tones.frequencies_hz[0]
    with subject.opened() as source:
        for sign in (1, -1):
            amplitude = sign * subject.station.drive_v
            asked = {channel: ToneProgram(0.0, (signed_tone(frequency, amplitude),)) for channel in subject.channels}
            played = _loaded(subject, source, asked)
            phases[sign] = {channel: _tone_phase(subject, channel, asked, played) for channel in subject.channels}
    reference = subject.channels[0]
    for channel in subject.channels:
        for turned, expected, what in (
            (phases[1][channel] - phases[1][reference], 0.0, f"the same tone as channel {reference}"),
            (phases[-1][channel] - phases[1][channel], math.pi, "the negative of a tone"),
        ):
            off = math.remainder(turned - expected, 2 * math.pi)
            assert abs(off) <= PHASE_TOLERANCE_RAD, (
                f"{subject.name}: channel {channel} should play {what}, but reports a phase of {turned:+.3f} rad "
                f"relative to it, not {expected:.3f} rad: the sign of an error current would be lost"
            )


def refuses_what_it_cannot_play(subject: Subject) -> None:
    """Levels beyond full scale, NaN and unknown channels are rejected."""
    able = subject.device.capabilities
    assert isinstance(able, SourceCapabilities)
    channel, beyond = subject.channels[0], 1.01 * able.full_scale_v
    tone = subject.station.assembly.acquisition_timing.tones.frequencies_hz[0]
    with subject.opened() as source:
        for what, programs in {
            f"{beyond:g} V": {channel: ToneProgram(beyond)},
            f"a tone of {beyond:g} V": {channel: ToneProgram(0.0, (signed_tone(tone, beyond),))},
            "a level that is not a number": {channel: ToneProgram(math.nan)},
            "a channel that does not exist": {"no such channel": ToneProgram(0.1)},
        }.items():
            refused(f"{subject.name}: load of {what}", lambda p=programs: source.load(p), LimitExceeded)
        _loaded(subject, source, {channel: SILENT})


def idles_and_starts_again(subject: Subject) -> None:
    """Load, arm and start work after idle and make_safe, in any order and repeatedly."""
    program = dict.fromkeys(subject.channels, subject.station.drive(subject.name, subject.station.drive_v))
    with subject.opened() as source:
        for what in ("idle", "idle", "make_safe", "idle", "make_safe", "make_safe"):
            succeeded(f"{subject.name}: {what}", getattr(source, what))
            _loaded(subject, source, program)
            succeeded(f"{subject.name}: arm after {what}", source.arm)
            succeeded(f"{subject.name}: start after {what}", source.start)
            succeeded(f"{subject.name}: confirm of what was started", source.confirm)


def _loaded(subject: Subject, source: object, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
    played = source.load(programs)  # type: ignore[attr-defined]
    missing = [channel for channel in programs if channel not in played]
    assert not missing, f"{subject.name}: load does not return what it plays on {', '.join(missing)}"
    return played


def _tone_phase(
    subject: Subject, channel: str, asked: Mapping[str, ToneProgram], played: Mapping[str, ToneProgram]
) -> float:
    (wanted,), tones = asked[channel].tones, played[channel].tones
    assert len(tones) == 1, f"{subject.name}: channel {channel} should play 1 tone, but reports {len(tones)}"
    (found,) = tones
    assert math.isclose(found.frequency_hz, wanted.frequency_hz, rel_tol=1e-6), (
        f"{subject.name}: channel {channel} should play {wanted.frequency_hz:.9g} Hz, but reports "
        f"{found.frequency_hz:.9g} Hz"
    )
    assert abs(found.amplitude - wanted.amplitude) <= AMPLITUDE_TOLERANCE * wanted.amplitude + SMALLEST_V, (
        f"{subject.name}: channel {channel} should play a tone of {wanted.amplitude:g} V, but reports "
        f"{found.amplitude:g} V"
    )
    return found.phase_rad


CHECKS: tuple[Check, ...] = (
    *EVERY_INSTRUMENT,
    plays_the_dc_it_was_asked,
    plays_the_tone_it_was_asked,
    refuses_what_it_cannot_play,
    idles_and_starts_again,
)
