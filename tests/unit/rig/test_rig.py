"""The rig: order, safety on every way out, limits before and after playing, refusals."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest
from unit.rig.benches import Wrapper, assembled, off, setup_with
from unit.rig.saboteurs import Journalled

from labrig.errors import (
    ChannelFault,
    ConnectionFailed,
    IdentityMismatch,
    LabrigError,
    LimitExceeded,
    Overrange,
)
from labrig.instruments.data import Identity, Level, Target
from labrig.learning.measurement import Excitation
from labrig.rig.parallel_calls import ParallelCalls
from labrig.runs.journal import Journal, read_journal
from labrig.signals.tones import SILENT, ToneProgram

XOR = assembled("xor", "simulation.preset=ideal")
DIVIDER = assembled("divider")


def journalled(calls: list[str], **broken: frozenset[str]):
    return {
        name: partial(Journalled, name=name, calls=calls, broken=broken.get(name, frozenset()))
        for name in ("awg", "daq", "pots")
    }


def test_idle_keeps_the_outputs_on_and_leaving_opens_them():
    setup = DIVIDER.setup()
    assert off(setup)
    with setup.rig:
        assert set(setup.bench.world.playing(np.inf).values()) == {SILENT}
    assert off(setup)


def test_open_outputs_are_another_network_than_outputs_at_zero():
    setup = DIVIDER.setup()
    world, clock = setup.bench.world, setup.bench.clock
    with setup.rig as rig:
        rig.program({0: Target(50e-6)})
        world.drive(clock.now() + 1, "awg/0", ToneProgram(1.0))
        clock.sleep(2.0)
        (at_zero,) = world.voltages(["out0"], clock.now(), 1e3, 1)
        rig.make_safe()
        world.drive(clock.now() + 1, "awg/0", ToneProgram(1.0))
        clock.sleep(2.0)
        (opened,) = world.voltages(["out0"], clock.now(), 1e3, 1)
        assert world.playing(clock.now())["awg/1"] is None
    assert at_zero[0] == pytest.approx(100e3 / (100e3 + 20e3 + 50), rel=1e-6)
    assert opened[0] == pytest.approx(1.0, rel=1e-4)


def test_digitizers_arm_before_sources_start_and_everything_is_made_safe_before_anything_is_closed():
    calls: list[str] = []
    with setup_with(DIVIDER, **journalled(calls)).rig as rig:
        calls.clear()
        rig.measure(Excitation(np.array([0.5])))
        assert calls == ["daq.arm", "awg.arm", "awg.start", "daq.start"]
        calls.clear()
    assert sorted(calls[:3]) == ["awg.make_safe", "daq.make_safe", "pots.make_safe"]
    assert calls[0] == "awg.make_safe"
    assert sorted(calls[3:]) == ["awg.close", "daq.close", "pots.close"]


def test_make_safe_twice_and_on_a_rig_that_was_never_opened():
    setup = DIVIDER.setup()
    setup.rig.make_safe()
    setup.rig.make_safe()
    setup.rig.close()
    with setup.rig as rig:
        rig.make_safe()
        rig.make_safe()
        assert off(setup)
    assert off(setup)


def test_one_instrument_that_cannot_be_made_safe_does_not_keep_the_others_from_it():
    for broken in ("awg", "daq", "pots"):
        calls: list[str] = []
        setup = setup_with(DIVIDER, **journalled(calls, **{broken: frozenset({"make_safe", "close"})}))
        with pytest.raises(ExceptionGroup) as caught, setup.rig:
            calls.clear()
        assert [type(error) for error in caught.value.exceptions] == [ConnectionFailed, ConnectionFailed]
        assert all(error.device == broken for error in caught.value.exceptions)
        assert {f"{name}.{action}" for name in ("awg", "daq", "pots") for action in ("make_safe", "close")} == set(
            calls
        )
        assert off(setup) == (broken != "awg")


def test_an_instrument_whose_plug_is_back_is_made_safe_after_all():
    class Loose(Wrapper):
        """Cannot be reached the first time."""

        attempts = 0

        def make_safe(self) -> None:
            self.attempts += 1
            if self.attempts == 1:
                raise ConnectionFailed("was lost", device="awg", action="make safe")
            self.inner.make_safe()

    setup = setup_with(DIVIDER, awg=Loose)
    with setup.rig:
        pass
    assert off(setup)


def test_a_source_that_lost_what_it_played_spoils_no_update(tmp_path):
    class Forgetful(Wrapper):
        def confirm(self) -> None:
            raise ChannelFault("channel 0 did not accept STATE", device="awg", action="confirm")

    setup = setup_with(DIVIDER, awg=Forgetful)
    with setup.rig as rig, Journal(tmp_path / "run.db") as journal:
        experiment = DIVIDER.experiment(rig, journal)
        rig.program(experiment.update.settings())
        before = rig.siemens
        with pytest.raises(ChannelFault, match="did not accept STATE"):
            experiment.step(0, DIVIDER.task.train[:1])
        with pytest.raises(ChannelFault, match="did not accept STATE"):
            experiment.evaluate(0)
        np.testing.assert_array_equal(rig.siemens, before)
    record = read_journal(tmp_path / "run.db")
    assert len(record.step) == 0
    assert record.evaluations == ()


class Counted(Wrapper):
    """A source that counts what it is asked to load, and fails where it is told to."""

    def __init__(self, inner):
        super().__init__(inner)
        self.loads = 0
        self.fails_at = None

    def load(self, programs):
        self.loads += 1
        if self.loads - 1 == self.fails_at:
            raise ConnectionFailed("was lost", device="awg", action="load")
        return self.inner.load(programs)


@contextmanager
def counting(threads):
    """An open rig and its source; with threads as a rig of several sources has them."""
    sources = []

    def counted(inner):
        sources.append(Counted(inner))
        return sources[0]

    with setup_with(DIVIDER, awg=counted).rig as rig:
        if threads:
            calls = rig._source_group._calls = ParallelCalls(("awg", "another"))
            calls.start()
        yield rig, sources[0]


@pytest.mark.parametrize("threads", [False, True])
def test_what_was_prepared_is_not_loaded_again_and_changes_nothing(threads):
    with counting(threads) as (rig, source):
        plain = rig.measure(Excitation(np.array([0.5])))
        loads = source.loads
        half = rig.measure(Excitation(np.array([0.25])), following=Excitation(np.array([0.5])))
        rig.confirm()
        prepared = rig.measure(Excitation(np.array([0.5])))
        assert source.loads == loads + 2
        np.testing.assert_allclose(half.a, plain.a / 2, rtol=1e-3)
        np.testing.assert_allclose(prepared.a, plain.a, rtol=1e-3)
        rig.measure(Excitation(np.array([0.25])), following=Excitation(np.array([0.5])))
        other = rig.measure(Excitation(np.array([0.25])))
        np.testing.assert_allclose(other.a, plain.a / 2, rtol=1e-3)
        rig.measure(Excitation(np.array([0.25])), following=Excitation(np.array([0.5])))
        rig.idle()
        again = rig.measure(Excitation(np.array([0.5])))
        np.testing.assert_allclose(again.a, plain.a, rtol=1e-3)


@pytest.mark.parametrize("threads", [False, True])
def test_a_failure_to_prepare_is_raised_by_the_measurement(threads):
    with counting(threads) as (rig, source):
        source.fails_at = 1
        rig.measure(Excitation(np.array([0.25])), following=Excitation(np.array([0.5])))
        rig.confirm()
        with pytest.raises(ConnectionFailed, match="was lost"):
            rig.measure(Excitation(np.array([0.5])))


def test_a_source_that_was_reset_is_named_before_what_it_did_to_the_measurement():
    """Its tones are gone, the pilot too: that the reference is weak says nothing about why."""

    class Reset(Wrapper):
        def load(self, programs):
            self.inner.load(dict.fromkeys(programs, SILENT))
            return dict(programs)

        def confirm(self):
            raise ChannelFault("channel 0 did not accept STATE", device="awg", action="confirm")

    with setup_with(DIVIDER, awg=Reset).rig as rig, pytest.raises(ChannelFault, match="did not accept STATE"):
        rig.measure(Excitation(np.array([0.5])))


def test_what_is_beyond_the_limits_is_not_even_prepared():
    with DIVIDER.setup().rig as rig, pytest.raises(LimitExceeded, match="would play 50 V"):
        rig.measure(Excitation(np.array([0.5])), following=Excitation(np.array([50.0])))


def test_a_watchdog_is_fed_between_acquisitions_and_never_within_one(tmp_path):
    calls = []

    class Fed(Wrapper):
        def keep_alive(self):
            calls.append("fed")

    class Sampling(Wrapper):
        def arm(self):
            calls.append("arm")
            self.inner.arm()

        def read(self, timeout_s):
            block = self.inner.read(timeout_s)
            calls.append("read")
            return block

    with setup_with(DIVIDER, pots=Fed, daq=Sampling).rig as rig:
        for _ in range(2):
            rig.measure(Excitation(np.array([0.5])))
    once = ["fed", "arm", *["read"] * (calls.count("read") // 2)]
    assert calls == once * 2


def test_what_led_to_the_exit_stands_beside_what_went_wrong_on_it():
    setup = setup_with(DIVIDER, **journalled([], daq=frozenset({"make_safe"})))
    with pytest.raises(ExceptionGroup) as caught, setup.rig as rig:
        rig.measure(Excitation(np.array([50.0])))
    assert [type(error) for error in caught.value.exceptions] == [LimitExceeded, ConnectionFailed]


@pytest.mark.parametrize("broken", ["awg", "daq", "pots"])
def test_those_that_were_reached_are_made_safe_when_one_does_not_open(broken: str):
    calls: list[str] = []
    setup = setup_with(DIVIDER, **journalled(calls, **{broken: frozenset({"open"})}))
    with pytest.raises(ConnectionFailed), setup.rig:
        pytest.fail("the rig must not open")
    reached = [call.partition(".")[0] for call in calls if call.endswith(".open")]
    assert reached == ["daq", "awg", "pots"][: len(reached)]
    assert reached[-1] == broken
    count = len(reached)
    assert set(calls[count : 2 * count]) == {f"{name}.make_safe" for name in reached}
    assert calls[count] == "awg.make_safe" or "awg" not in reached
    assert set(calls[2 * count :]) == {f"{name}.close" for name in reached}
    assert off(setup)


def test_another_instrument_than_the_configuration_names():
    setup = assembled("divider").setup()
    setup.rig._expected = {"daq": Identity("generic", "X4711")}
    with pytest.raises(IdentityMismatch, match="X4711") as caught, setup.rig:
        pytest.fail("the rig must not open")
    assert (caught.value.device, caught.value.exit_code) == ("daq", 4)
    assert off(setup)
    with assembled("divider", "instruments.daq.serial=X4711").setup().rig as rig:
        assert rig.identities["daq"].serial == "X4711"  # a simulated instrument is the one the file names


def test_a_step_that_fails_leaves_the_sources_off_and_can_be_opened_again():
    setup = DIVIDER.setup()

    def two_steps() -> None:
        with setup.rig as rig:
            rig.measure(Excitation(np.array([1.0])))
            assert not off(setup)
            rig.measure(Excitation(np.array([100.0])))

    with pytest.raises(LimitExceeded):
        two_steps()
    assert off(setup)
    with setup.rig as rig:
        assert rig.measure(Excitation(np.array([1.0]))).outputs[0] > 0


def test_an_activation_of_the_wrong_shape():
    with DIVIDER.setup().rig as rig, pytest.raises(LabrigError, match=r"shape \(2,\); with 1 inputs it must be \(1,\)"):
        rig.measure(Excitation(np.zeros(2)))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({-1: Level(20)}, r"there is no edge -1 .*from 0 to 0"),
        ({"in0-out0": Level(20)}, "there is no edge 'in0-out0'"),
        ({0: 50e-6}, r"edge in0-out0 cannot be set to 5e-05 .*write Level\(code\)"),
        ({0: Target(50e-6)}, r"cannot be set to 5e-05 S .*it is set by a code"),
    ],
)
def test_settings_of_a_notebook_that_make_no_sense_are_refused_and_change_nothing(settings, says):
    with assembled("divider", "simulation.preset=typical").setup().rig as rig:
        rig.program({0: Level(100)})
        before = rig.siemens
        for attempt in (
            lambda: rig.program(settings),
            lambda: rig.measure(Excitation(np.array([0.5]), trial=settings)),
        ):
            with pytest.raises(LabrigError, match=says):
                attempt()
        assert rig.siemens == before
        assert rig.read_back() == {0: Level(100)}


def test_a_clip_spoils_only_its_own_measurement():
    with assembled("divider", "simulation.preset=typical").setup().rig as rig:
        rig.program({0: Level(100)})
        with pytest.raises(Overrange):
            rig.measure(Excitation(np.array([4.0])))
        assert rig.measure(Excitation(np.array([0.5]))).outputs[0] > 0.1


def test_a_rig_that_is_not_open_measures_nothing():
    with pytest.raises(ConnectionFailed, match="is not open"):
        DIVIDER.setup().rig.measure(Excitation(np.array([1.0])))


def test_the_board_is_not_what_the_rig_believes_and_the_rig_believes_the_same_of_every_board():
    actual, believed, written = [], [], []
    for seed in (1, 2):
        assembly = assembled("xor", "simulation.preset=typical", f"simulation.seed={seed}")
        setup = assembly.setup()
        with setup.rig as rig:
            rig.program(assembly.update(rig).settings())
            actual.append(setup.bench.truth.conductances())
            written.append(rig.siemens)
            believed.append(rig.levels)
            codes = np.array([setting.code for setting in assembly.update(rig).settings().values()])
    for one, other in zip(*believed, strict=True):
        np.testing.assert_array_equal(one.codes, other.codes)
        np.testing.assert_array_equal(one.siemens, other.siemens)
    np.testing.assert_array_equal(*written)
    for board in actual:
        end_to_end = (1 / board - 75.0) * 256 / codes
        deviation = end_to_end / 100e3 - 1
        assert np.abs(deviation).max() <= 0.20
        assert 0.08 < deviation.std() < 0.15  # uniform over ± 20 %: 0.115
    assert np.abs(actual[0] / actual[1] - 1).max() > 0.05


def test_every_acquisition_is_counted(tmp_path):
    from labrig.runs.journal import Journal

    assembly = assembled("xor", "simulation.preset=ideal", "learning.epochs=3", "learning.evaluate.every=2")
    setup = assembly.setup()
    with setup.rig as rig, Journal(tmp_path / "run.db") as journal:
        experiment = assembly.experiment(rig, journal)
        experiment.run(lambda: False, lambda _: None)
        assert experiment.acquisitions == 3 * 4 * 2
        assert experiment.evaluation_acquisitions == 3 * 4
        record = read_journal(tmp_path / "run.db")
        assert list(record.bench_acquisitions) == [
            12,
            20,
            32,
        ]  # before, after two and after three steps 4 are evaluated
        assert [evaluation.bench_acquisitions for evaluation in record.evaluations] == [4, 24, 36]
        assert np.all(np.diff(record.bench_clock_s) > 0)
        assert record.evaluations[-1].bench_clock_s == setup.bench.clock.now()
        experiment.sample_with_error(0)
        assert experiment.acquisitions == 3 * 4 * 2
        assert experiment.evaluation_acquisitions == 3 * 4 + 1
        assert rig.acquisitions == experiment.acquisitions + experiment.evaluation_acquisitions
        assert setup.bench.world.acquisitions == setup.bench.truth.acquisitions == rig.acquisitions
