"""The faces keep the driver contracts, with the imperfections of the models they stand for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from unit.simulation.worlds import IDEAL, Bench, plan

from labrig.errors import ConfigError, ConnectionFailed, DeadlineExceeded
from labrig.instruments.contracts import ConductanceProgrammer, Digitizer, WaveformSource
from labrig.instruments.data import Continuous, Level, LevelTable, Target
from labrig.lockin import Demodulator
from labrig.signals.tones import SILENT, Tone, ToneProgram

REAL = {"converters": True}
NOISY = {"noise": 100e-6}
ONE_VOLT = {"0": ToneProgram(1.0)}


def test_faces_are_what_the_contracts_name():
    bench = Bench()
    assert isinstance(bench.source, WaveformSource)
    assert isinstance(bench.digitizer, Digitizer)
    assert isinstance(bench.programmer, ConductanceProgrammer)


@pytest.mark.parametrize(
    ("device", "action"),
    [
        ("source", lambda face: face.load({})),
        ("source", lambda face: face.arm()),
        ("source", lambda face: face.start()),
        ("source", lambda face: face.idle()),
        ("digitizer", lambda face: face.configure(plan())),
        ("digitizer", lambda face: face.arm()),
        ("digitizer", lambda face: face.read(1.0)),
        ("programmer", lambda face: face.program({"0": Level(3)})),
    ],
)
def test_nothing_works_before_open_or_after_close(device, action):
    bench = Bench()
    face = getattr(bench, device)
    face.close()
    face.close()
    with pytest.raises(ConnectionFailed, match="is not open") as caught:
        action(face)
    assert caught.value.device == face.name
    face.make_safe()


def test_a_digitizer_that_is_not_armed():
    bench = Bench()
    with pytest.raises(ConnectionFailed, match="not armed"):
        bench.digitizer.read(1.0)
    bench.acquire(ONE_VOLT, plan())
    with pytest.raises(ConnectionFailed, match="not armed"):
        bench.digitizer.read(1.0)
    bench.digitizer.arm()
    bench.digitizer.make_safe()
    with pytest.raises(ConnectionFailed, match="not armed"):
        bench.digitizer.read(1.0)


def test_without_a_trigger_reading_ends_at_its_deadline():
    bench = Bench()
    bench.digitizer.configure(plan())
    bench.digitizer.arm()
    with pytest.raises(DeadlineExceeded, match="no start trigger"):
        bench.digitizer.read(0.25)
    assert bench.clock.now() == pytest.approx(0.25)
    assert bench.world.acquisitions == 0


def test_a_window_longer_than_the_deadline():
    bench = Bench()
    bench.digitizer.configure(plan(window=50_000))
    bench.digitizer.arm()
    bench.source.start()
    with pytest.raises(DeadlineExceeded, match=r"needs another 1.0004 s"):
        bench.digitizer.read(0.5)
    assert bench.clock.now() == pytest.approx(0.5)


def test_reading_takes_the_time_of_the_acquisition():
    bench = Bench()
    block = bench.acquire(ONE_VOLT, plan(window=480, settle=20))
    assert bench.clock.now() == pytest.approx(0.01)
    assert block.codes.shape == (500, 3)
    assert (block.start_index, block.lost, bench.world.acquisitions) == (0, 0, 1)


def test_a_rate_beyond_the_digitizer():
    with pytest.raises(ConfigError, match="cannot sample at 300000"):
        Bench().digitizer.configure(plan(rate=300e3))


def test_the_old_drive_shows_until_the_source_has_settled():
    bench = Bench()
    bench.source.idle()
    bench.clock.sleep(1.0)
    a = bench.acquire(ONE_VOLT, plan(window=80, settle=20)).volts()[:, 0]
    np.testing.assert_array_equal(a[:20], 0.0)
    np.testing.assert_allclose(a[20:], 1.0, rtol=0.01)
    b = bench.acquire({"0": ToneProgram(-1.0)}, plan(window=80, settle=20)).volts()[:, 0]
    assert (b[:20] > 0.9).all()
    assert (b[20:] < -0.9).all()


def test_idle_is_zero_volts_and_safe_is_open():
    bench = Bench()
    bench.source.idle()
    assert bench.world.playing(1.0) == {"awg/0": SILENT, "awg/1": SILENT}
    bench.source.make_safe()
    bench.source.make_safe()
    assert bench.world.playing(1.0) == {"awg/0": None, "awg/1": None}


def test_a_channel_that_was_not_loaded_is_silent():
    bench = Bench()
    bench.acquire({"0": ToneProgram(1.0), "1": ToneProgram(0.5)}, plan())
    bench.acquire(ONE_VOLT, plan())
    assert bench.world.playing(np.inf)["awg/1"] == SILENT


def test_every_acquisition_meets_the_tones_at_another_phase_common_to_all_channels():
    tone = ToneProgram(0.0, (Tone(1000.0, 1.0),))
    bench = Bench()
    phases = []
    for _ in range(20):
        bench.acquire({"0": tone, "1": tone}, plan())
        playing = bench.world.playing(np.inf)
        phases.append([playing[channel].tones[0].phase_rad for channel in ("awg/0", "awg/1")])
    phases = np.array(phases) % (2 * np.pi)
    np.testing.assert_array_equal(phases[:, 0], phases[:, 1])
    assert phases.std() > 1.0


@pytest.mark.parametrize(("bits", "dtype"), [(8, np.int16), (16, np.int16), (18, np.int32), (24, np.int32)])
def test_codes_have_the_bits_of_the_converter(bits, dtype):
    bench = Bench(REAL, bits=bits)
    block = bench.acquire({"0": ToneProgram(0.0, (Tone(1000.0, 1.9),))}, plan())
    assert block.codes.dtype == dtype
    step = 4.0 / 2**bits
    np.testing.assert_allclose(block.volts(), block.codes * step)
    ideal = Bench(bits=bits).acquire({"0": ToneProgram(0.0, (Tone(1000.0, 1.9),))}, plan()).volts()
    # Source and digitizer round once each; the source's full scale is 5 V.
    assert np.abs(block.volts() - ideal).max() <= (0.5 + 1.25) * step
    assert len(np.unique(block.codes[:, 0])) > 20


def test_an_ideal_digitizer_delivers_volts():
    block = Bench().acquire(ONE_VOLT, plan())
    assert block.codes.dtype == np.float64
    np.testing.assert_array_equal(block.volts(), block.codes)


@pytest.mark.parametrize("wrong", [IDEAL, REAL], ids=["ideal", "converters"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_full_scale_is_over_range(wrong, sign):
    bench = Bench(wrong)
    flat = bench.acquire({"0": ToneProgram(1.99 * sign)}, plan())
    assert not flat.overrange.any()
    touching = bench.acquire({"0": ToneProgram(0.0, (Tone(250.0, 2.01),))}, plan())
    np.testing.assert_array_equal(touching.overrange, [True, False, False])
    over = bench.acquire({"0": ToneProgram(3.0 * sign)}, plan())
    np.testing.assert_array_equal(over.overrange, [True, False, False])
    if wrong is REAL:
        assert over.codes[-1, 0] == (32767 if sign > 0 else -32768)


def test_a_multiplexed_digitizer_samples_later_channels_later_and_the_lock_in_corrects_it():
    tone = 1000.0
    program = {"0": ToneProgram(0.0, (Tone(tone, 1.0),)), "1": SILENT}
    late, at_once = Bench(convert_interval_s=4e-6, settle_s=0.0), Bench(settle_s=0.0)
    actual = late.digitizer.configure(plan(settle=0))
    assert actual.skew_s == (0.0, 4e-6, 8e-6)
    skewed, straight = late.acquire(program, plan(settle=0)), at_once.acquire(program, plan(settle=0))

    def phases(block, plan_used):
        lock_in = Demodulator(plan_used, [tone], np.zeros((0, 3)), 0)
        lock_in.feed(block)
        return lock_in.result()

    lag = np.angle(phases(skewed, replace(actual, skew_s=(0.0,) * 3)).channel_phasor[0])
    np.testing.assert_allclose(lag, 2 * np.pi * tone * np.array([0.0, 4e-6, 8e-6]), atol=1e-9)
    np.testing.assert_allclose(
        phases(skewed, actual).channel_phasor, phases(straight, plan(settle=0)).channel_phasor, atol=1e-9
    )


def test_a_programmer_of_levels():
    bench = Bench(REAL)
    tables = bench.programmer.levels()
    assert isinstance(tables["0"], LevelTable)
    assert (np.diff(tables["0"].siemens) > 0).all()
    assert bench.programmer.read_back(["0"]) == {"0": Level(128)}
    report = bench.programmer.program({"0": Level(255), "1": Level(26)})
    assert report.written == report.verified == ("0", "1")
    assert (report.faulty, report.read_back) == ((), {"0": Level(255), "1": Level(26)})
    assert bench.clock.now() == pytest.approx(2e-3)
    np.testing.assert_allclose(
        bench.world.conductances(1.0), [1 / (75 + 1e5 * 255 / 256), 1 / (75 + 1e5 * 26 / 256)], rtol=1e-12
    )


def test_an_ideal_programmer_is_continuous():
    bench = Bench()
    assert isinstance(bench.programmer.levels()["0"], Continuous)
    bench.programmer.program({"1": Target(12.34e-6)})
    assert bench.world.conductances(1.0)[1] == 12.34e-6
    assert bench.programmer.read_back(["1"]) == {"1": Target(12.34e-6)}
    bench.programmer.make_safe()
    assert bench.world.conductances(1.0)[1] == 12.34e-6


def quiet(bench: Bench, window: int, acquisitions: int = 1) -> np.ndarray:
    """(T, 3) samples of the last of some acquisitions with nothing but noise."""
    for _ in range(acquisitions):
        block = bench.acquire({}, plan(window=window, settle=0))
    return block.volts()


def test_noise_is_white_new_in_every_sample_and_of_its_size():
    noise = quiet(Bench(NOISY), 20_000)
    np.testing.assert_allclose(noise.std(axis=0), 100e-6, rtol=0.02)
    assert np.abs(np.corrcoef(noise.T) - np.eye(3)).max() < 0.03
    for lag in (1, 2, 25, 50, 1000, 1023, 1024, 1025, 2048):
        assert abs(np.corrcoef(noise[lag:, 0], noise[:-lag, 0])[0, 1]) < 0.03


def test_noise_does_not_depend_on_what_was_drawn_before():
    long, short = Bench(NOISY), Bench(NOISY)
    quiet(long, 3000, acquisitions=2)
    quiet(short, 10, acquisitions=2)
    np.testing.assert_array_equal(quiet(long, 700), quiet(short, 700))
    assert (quiet(long, 700) != quiet(Bench(NOISY, seed=1), 700, acquisitions=4)).all()


def test_blocks_of_noise_have_no_seam():
    whole = quiet(Bench(NOISY), 3000)
    for window in (1, 1023, 1024, 1025, 2048, 2049):
        np.testing.assert_array_equal(quiet(Bench(NOISY), window), whole[:window])
    around = whole[1024 - 300 : 1024 + 300]
    assert len(np.unique(around)) == around.size
    assert np.abs(np.diff(around, axis=0)).max() < 7 * np.sqrt(2) * 100e-6


def test_acquisitions_have_noise_of_their_own():
    bench = Bench(NOISY)
    one, other = quiet(bench, 2000), quiet(bench, 2000)
    assert abs(np.corrcoef(one[:, 0], other[:, 0])[0, 1]) < 0.08


def test_gain_and_offset_belong_to_the_channel_and_not_to_the_column():
    bench = Bench({"digitizer_gain": 0.1, "digitizer_offset": 0.1})
    forward = bench.acquire(ONE_VOLT, plan(window=1)).volts()[-1]
    backward = bench.acquire(ONE_VOLT, plan(window=1, channels=("2", "1", "0"))).volts()[-1]
    np.testing.assert_allclose(backward, forward[::-1])
