"""Tones and programs of tones."""

from __future__ import annotations

import numpy as np

from labrig.signals.tones import SILENT, Tone, ToneProgram, signed_tone


def test_a_negative_drive_is_a_tone_of_phase_pi():
    t = np.linspace(0, 1, 50).reshape(10, 5)
    negative = ToneProgram(tones=(signed_tone(3.0, -0.2),)).at(t)
    np.testing.assert_allclose(negative, -0.2 * np.cos(2 * np.pi * 3 * t), atol=1e-15)
    assert signed_tone(3.0, -0.2).amplitude == 0.2
    assert signed_tone(3.0, 0.0) == Tone(3.0, 0.0, 0.0)


def test_a_program_is_its_dc_plus_its_tones_and_never_exceeds_its_peak():
    program = ToneProgram(-0.5, (Tone(2.0, 0.3), Tone(5.0, 0.1, np.pi / 2)))
    t = np.linspace(0, 1, 1001)
    expected = -0.5 + 0.3 * np.cos(4 * np.pi * t) - 0.1 * np.sin(10 * np.pi * t)
    np.testing.assert_allclose(program.at(t), expected, atol=1e-12)
    assert np.abs(program.at(t)).max() <= program.peak == 0.9
    assert SILENT.peak == 0
    assert not SILENT.at(t).any()
