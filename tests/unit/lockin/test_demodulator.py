"""The demodulator's promises: sign, settle, flags, splits, skew, standard errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trials import quick, trials

from labrig.errors import ConfigError, SyncLost
from labrig.instruments.data import AcquisitionPlan, Block
from labrig.lockin import Demodulator, Flag, demodulate

FS = 10e3
VOLTS = (0.0, 1.0, 0.0, 0.0)
INT16 = (0.0, 2 / 32768, 0.0, 0.0)


def plan_of(channels: int, window: int, settle: int = 0, skew_s: tuple[float, ...] | None = None) -> AcquisitionPlan:
    names = tuple(f"ai{c}" for c in range(channels))
    return AcquisitionPlan(FS, settle, window, names, (2.0,) * channels, skew_s or (0.0,) * channels)


def block_of(codes: np.ndarray, start_index: int = 0, scale: tuple[float, ...] = VOLTS, **more) -> Block:
    channels = codes.shape[1]
    more.setdefault("overrange", np.zeros(channels, dtype=bool))
    return Block(codes, np.tile(scale, (channels, 1)), start_index, **more)


def tones(t: np.ndarray, phasors: np.ndarray, frequencies: list[float]) -> np.ndarray:
    """(T, C) volts of phasors (F, C) at the times t (T,) or (T, C)."""
    t = t.reshape(len(t), -1)
    turning = np.exp(2j * np.pi * np.array(frequencies)[:, np.newaxis, np.newaxis] * t)
    return (phasors[:, np.newaxis, :] * turning).real.sum(axis=0)


def test_dc_and_phasors_of_channels_and_edges():
    frequencies = [300.0, 410.0]
    phasors = np.array([[1.0, 0.4, 0.3 * np.exp(0.2j)], [1.0, -0.02, 0.01]])
    samples = np.array([0.0, 0.5, -0.25]) + tones(np.arange(400) / FS, phasors, frequencies)
    result = demodulate(samples, FS, frequencies, edges=[[0, 1, -1], [0, -1, 1]], reference=0)
    np.testing.assert_allclose(result.dc, [0, 0.5, -0.25], atol=1e-12)
    np.testing.assert_allclose(result.channel_phasor, phasors, atol=1e-12)
    np.testing.assert_allclose(result.channel_in_phase, phasors.real, atol=1e-12)
    np.testing.assert_allclose(result.channel_quadrature, phasors.imag, atol=1e-12)
    np.testing.assert_allclose(result.edge_dc, [0.75, -0.75], atol=1e-12)
    drop = phasors[:, 1] - phasors[:, 2]
    np.testing.assert_allclose(result.in_phase, np.stack([drop.real, -drop.real], axis=1), atol=1e-12)
    np.testing.assert_allclose(result.quadrature, np.stack([drop.imag, -drop.imag], axis=1), atol=1e-12)
    np.testing.assert_allclose(result.pilot_amplitude, 1, atol=1e-12)
    assert result.frequencies_hz == (300.0, 410.0)
    assert result.flags == frozenset()


@pytest.mark.parametrize("window", [100, 101, 107])
def test_phase_is_quoted_at_the_centre_of_the_window(window):
    t = np.arange(window) / FS
    result = demodulate(np.cos(2 * np.pi * 300 * t)[:, np.newaxis], FS, [300.0])
    expected = 2 * np.pi * 300 * (window - 1) / 2 / FS
    assert result.phasor[0, 0] == pytest.approx(np.exp(1j * expected))


def test_the_sign_is_right_at_every_trigger_phase():
    # Columns: pilot, a positive error, a negative one. Odd and even cycles; SNR of the tones ≈ 14.
    rng = np.random.default_rng(4)
    frequencies = [300.0, 400.0]
    window = 100
    demodulator = Demodulator(plan_of(3, window), frequencies, [[0, 1, 0], [0, 0, 1]], pilot=0)
    inverted = Demodulator(plan_of(3, window), frequencies, [[0, 1, 0], [0, 0, 1]], pilot=0)
    right = flipped = 0
    count = trials(1000, 5000, 10_000)
    for trial in range(count):
        t = rng.uniform(0, 1) + np.arange(window) / FS
        samples = tones(t, np.array([[1.0, 0.1, -0.1], [1.0, 0.1, -0.1]]), frequencies)
        samples += 0.05 * rng.normal(size=samples.shape)
        demodulator.start()
        demodulator.feed(block_of(samples))
        in_phase = demodulator.result().in_phase
        right += bool((in_phase[:, 0] > 0).all() and (in_phase[:, 1] < 0).all())
        if trial < 500:
            inverted.start()
            inverted.feed(block_of(samples * [-1, 1, 1]))
            flipped += np.array_equal(np.sign(inverted.result().in_phase), -np.sign(in_phase))
    assert right == count
    assert flipped == 500


def test_without_a_pilot_the_sign_is_a_coin_toss():
    rng = np.random.default_rng(5)
    positive = 0
    for _ in range(300):
        t = rng.uniform(0, 1) + np.arange(100) / FS
        result = demodulate(np.cos(2 * np.pi * 300 * t)[:, np.newaxis], FS, [300.0], edges=[[1]])
        assert result.flags == {Flag.REF_MISSING}
        assert result.reference_phase[0] == 0
        positive += result.in_phase[0, 0] > 0
    assert 100 < positive < 200


def test_the_settle_is_discarded_and_a_window_ten_samples_early_is_wrong():
    settle, window, frequency = 50, 200, [300.0]
    t = np.arange(settle + window) / FS
    samples = tones(t, np.array([[1.0, 0.01]]), frequency)
    old_drive = np.array([0.0, 0.3]) + tones(t, np.array([[1.0, -0.5]]), frequency)
    samples[:settle] = old_drive[:settle]
    demodulator = Demodulator(plan_of(2, window, settle), frequency, [[0, 1]], pilot=0)
    demodulator.feed(block_of(samples))
    assert demodulator.result().in_phase[0, 0] == pytest.approx(0.01, rel=1e-9)
    early = Demodulator(plan_of(2, window, settle - 10), frequency, [[0, 1]], pilot=0)
    early.feed(block_of(samples))
    assert early.result().in_phase[0, 0] != pytest.approx(0.01, rel=0.1)


def test_any_split_gives_the_same_bits():
    rng = np.random.default_rng(6)
    settle, window = 37, 300
    codes = rng.integers(-20_000, 20_000, size=(settle + window + 20, 5)).astype(np.int16)
    demodulator = Demodulator(plan_of(5, window, settle), [300.0, 410.0], np.eye(5), pilot=4)
    demodulator.feed(block_of(codes, scale=(0.01, 6e-5, 1e-12, 1e-17)))
    whole = demodulator.result()
    for _ in range(trials(300, 1000, 1000)):
        cuts = np.sort(rng.integers(0, len(codes) + 1, size=rng.integers(1, 12)))
        demodulator.start()
        for first, last in zip([0, *cuts], [*cuts, len(codes)], strict=True):
            demodulator.feed(block_of(codes[first:last], first, scale=(0.01, 6e-5, 1e-12, 1e-17)))
        split = demodulator.result()
        for name in ("dc", "phasor", "edge_dc", "edge_phasor", "u_edge", "u_edge_dc", "u_channel", "u_dc"):
            assert np.array_equal(getattr(split, name), getattr(whole, name))
        assert split.flags == whole.flags


@given(
    sample=st.integers(0, 119),
    channel=st.integers(0, 2),
    code=st.sampled_from([-32768, 32767]),
    dtype=st.sampled_from([np.int16, np.int32]),
)
def test_one_clipped_sample_is_flagged_if_it_lies_in_the_window(sample, channel, code, dtype):
    codes = np.zeros((120, 3), dtype=dtype)
    codes[:, 0] = 16000 * np.cos(2 * np.pi * 300 * np.arange(120) / FS)
    codes[:, 1:] = [[-32767, 32766]]
    demodulator = Demodulator(plan_of(3, 100, settle=20), [300.0], np.eye(3), 0, full_scale_codes=(-32768, 32767))
    demodulator.feed(block_of(codes, scale=INT16))
    assert demodulator.result().flags == frozenset()
    codes[sample, channel] = code
    demodulator.start()
    demodulator.feed(block_of(codes, scale=INT16))
    result = demodulator.result()
    assert (Flag.CLIP in result.flags) == (sample >= 20)
    assert result.clipped == ((channel,) if sample >= 20 else ())


def test_an_overrange_that_the_digitizer_reports_is_a_clip():
    codes = np.cos(2 * np.pi * 300 * np.arange(100) / FS)[:, np.newaxis] * np.ones(3)
    demodulator = Demodulator(plan_of(3, 100), [300.0], np.eye(3), pilot=0)
    demodulator.feed(block_of(codes, overrange=np.array([False, True, True])))
    result = demodulator.result()
    assert result.flags == {Flag.CLIP}
    assert result.clipped == (1, 2)


@pytest.mark.parametrize(("settling", "window", "clips"), [(32767, 0, False), (-32768, 9000, False), (0, 32767, True)])
def test_a_clip_counts_only_within_the_window(settling, window, clips):
    codes = np.zeros((120, 2), dtype=np.int16)
    codes[:20, 1], codes[20:, 1] = settling, window
    demodulator = Demodulator(plan_of(2, 100, settle=20), [300.0], np.eye(2), pilot=None)
    demodulator.feed(block_of(codes, scale=INT16, overrange=np.array([False, True])))
    assert demodulator.result().clipped == ((1,) if clips else ())


@given(lost=st.integers(0, 119), length=st.integers(1, 30))
def test_lost_scans_are_flagged_and_do_not_spoil_the_rest(lost, length):
    samples = tones(np.arange(200) / FS, np.array([[1.0, 0.2]]), [300.0])
    demodulator = Demodulator(plan_of(2, 100, settle=20), [300.0], np.eye(2), pilot=0)
    demodulator.feed(block_of(samples[:lost]))
    demodulator.feed(block_of(samples[lost + length :], lost + length))
    result = demodulator.result()
    assert result.flags == {Flag.GAP}
    assert result.in_phase[0, 1] == pytest.approx(0.2)


def test_a_loss_the_digitizer_reports_is_flagged_even_if_indices_hide_it():
    samples = tones(np.arange(100) / FS, np.array([[1.0, 0.2]]), [300.0])
    demodulator = Demodulator(plan_of(2, 100), [300.0], np.eye(2), pilot=0)
    demodulator.feed(block_of(samples[:60]))
    demodulator.feed(block_of(samples[60:], 60, lost=1))
    assert demodulator.result().flags == {Flag.GAP}
    demodulator.start()
    demodulator.feed(block_of(samples))
    assert demodulator.result().flags == frozenset()


def test_an_incomplete_window_says_how_many_scans_are_missing():
    samples = tones(np.arange(120) / FS, np.array([[1.0, 0.2]]), [300.0])
    demodulator = Demodulator(plan_of(2, 100, settle=20), [300.0], np.eye(2), pilot=0)
    with pytest.raises(SyncLost, match="last 120 of 120 scans are missing"):
        demodulator.result()
    demodulator.feed(block_of(samples[:113]))
    with pytest.raises(SyncLost, match="last 7 of 120 scans are missing"):
        demodulator.result()
    demodulator.start()
    demodulator.feed(block_of(samples[117:], 117))
    with pytest.raises(SyncLost, match="97 of 100 scans were lost"):
        demodulator.result()


def test_a_weak_pilot_is_flagged():
    rng = np.random.default_rng(7)
    frequencies = [300.0, 410.0]
    u = np.sqrt(2 / 400)  # of a quadrature, noise 1 V

    def flags(amplitudes: list[float], noise: float) -> frozenset[Flag]:
        samples = tones(np.arange(400) / FS, np.array(amplitudes)[:, np.newaxis], frequencies)
        return demodulate(samples + noise * rng.normal(size=samples.shape), FS, frequencies, reference=0).flags

    assert flags([20 * u, 20 * u], 1.0) == frozenset()
    assert flags([20 * u, 5 * u], 1.0) == {Flag.REF_WEAK}
    assert flags([1e-6, 1e-6], 0.0) == frozenset()
    assert flags([1e-6, 1e-10], 0.0) == {Flag.REF_WEAK}
    assert flags([0.0, 0.0], 0.0) == {Flag.REF_WEAK}


def test_sixteen_channels_sampled_one_after_another():
    # Node c carries 1 − c/100 of the drive: each edge drops 1 %.
    frequencies = [1500.0]
    skew_s = tuple(11e-6 * np.arange(17))
    phasors = np.append(1 - 0.01 * np.arange(16), 1.0)[np.newaxis]
    t = np.arange(200)[:, np.newaxis] / FS + np.array(skew_s) + 0.123
    samples = tones(t, phasors, frequencies)
    drops = np.eye(17)[:15] - np.eye(17)[1:16]
    corrected = demodulate(samples, FS, frequencies, drops, reference=16, skew_s=skew_s)
    np.testing.assert_allclose(corrected.in_phase, 0.01, rtol=2e-3)
    np.testing.assert_allclose(corrected.quadrature, 0, atol=2e-5)
    uncorrected = demodulate(samples, FS, frequencies, drops, reference=16)
    assert np.abs(uncorrected.quadrature).max() > 0.05


@pytest.mark.parametrize("window", quick(1, [131, 128]))
@pytest.mark.parametrize("kind", ["white", "common mode", "large quadrature"])
def test_standard_errors_are_those_of_the_scatter(window, kind):
    rng = np.random.default_rng(8)
    frequencies = [3 * FS / 128, 7 * FS / 128]
    phasors = np.array([[1.0, 0.3, 0.2, 0.1], [1.0, 0.01, -0.01, 0.02]], dtype=complex)
    if kind == "large quadrature":
        phasors[:, 1] += 1j
    drops = np.array([[0, 1, -1, 0], [0, 0, 1, -1], [0, 1, 0, 0]])
    demodulator = Demodulator(plan_of(4, window, skew_s=(0, 1e-5, 2e-5, 3e-5)), frequencies, drops, pilot=0)
    t = np.arange(window)[:, np.newaxis] / FS + np.array([0, 1e-5, 2e-5, 3e-5])
    dc = np.array([0.0, 0.5, 0.4, 0.1])
    z: dict[str, list[np.ndarray]] = {"in_phase": [], "edge_dc": [], "dc": [], "channel": []}
    for _ in range(1200):
        samples = dc + tones(t + rng.uniform(), phasors, frequencies) + 0.01 * rng.normal(size=(window, 4))
        if kind == "common mode":
            samples += 0.07 * rng.normal(size=(window, 1))
        demodulator.start()
        demodulator.feed(block_of(samples))
        result = demodulator.result()
        z["in_phase"].append((result.in_phase - (phasors @ drops.T).real) / result.u_edge)
        z["edge_dc"].append((result.edge_dc - drops @ dc) / result.u_edge_dc)
        z["dc"].append((result.dc - dc) / result.u_dc)
        if kind != "common mode":  # the pilot's noise then shares the channels'
            z["channel"].append((result.channel_in_phase - phasors.real) / result.u_channel)
    for values in z.values():
        if values:
            rms = np.sqrt(np.mean(np.square(values), axis=0))
            assert rms.min() > 0.9, values
            assert rms.max() < 1.1, values


def test_uncertainty_of_dc_is_sigma_over_root_n():
    samples = 0.02 * np.random.default_rng(9).normal(size=(10_000, 2))
    result = demodulate(samples, FS, [300.0], edges=[[1, -1]])
    np.testing.assert_allclose(result.u_dc, 0.02 / 100, rtol=0.05)
    np.testing.assert_allclose(result.u_channel, 0.02 / 100 * np.sqrt(2), rtol=0.05)
    np.testing.assert_allclose(result.u_edge_dc, 0.02 / 100 * np.sqrt(2), rtol=0.05)
    np.testing.assert_allclose(result.u_edge, 0.02 / 100 * 2, rtol=0.05)


def test_dc_alone_needs_no_tone():
    result = demodulate(np.full((10, 2), 0.5), FS, [], edges=[[1, 0]])
    np.testing.assert_allclose(result.dc, 0.5)
    assert result.phasor.shape == (0, 2)
    assert result.u_edge.shape == result.in_phase.shape == (0, 1)


def test_arguments_that_do_not_fit_are_refused():
    plan = plan_of(3, 100)
    with pytest.raises(ConfigError, match="drops"):
        Demodulator(plan, [300.0], np.eye(2), pilot=0)
    with pytest.raises(ConfigError, match="pilot"):
        Demodulator(plan, [300.0], np.eye(3), pilot=3)
    with pytest.raises(ConfigError, match="skew"):
        Demodulator(replace(plan, skew_s=()), [300.0], np.eye(3), pilot=0)
    with pytest.raises(ConfigError, match="Nyquist"):
        Demodulator(plan, [FS / 2], np.eye(3), pilot=0)
    with pytest.raises(ConfigError, match="columns"):
        Demodulator(plan, [300.0], np.eye(3), pilot=0).feed(block_of(np.zeros((5, 2))))
    with pytest.raises(ConfigError, match=r"\(T, C\)"):
        demodulate(np.zeros(5), FS, [300.0])


def test_zero_and_gain_of_the_channels_are_carried_apart_from_the_noise():
    """Two channels at 1 V and 0.5 V, a tone of 0.2 V on one: independent zeros and gains add in squares."""
    n = np.arange(1000)
    tone = 0.2 * np.cos(2 * np.pi * 0.04 * n)
    volts = np.stack([1.0 + tone, np.full(1000, 0.5), tone], axis=1)
    made = replace(plan_of(3, 1000), u_offset_v=1e-4, u_gain=5e-4)
    demodulator = Demodulator(made, [0.04 * FS], [[1.0, -1.0, 0.0]], 2)
    demodulator.feed(block_of(volts))
    found = demodulator.result()
    assert found.systematic_edge_dc[0] == pytest.approx(np.sqrt(2 * 1e-4**2 + 5e-4**2 * (1.0 + 0.25)))
    assert found.systematic_edge[0, 0] == pytest.approx(5e-4 * 0.2)
    assert found.u_edge_dc[0] < 1e-12
