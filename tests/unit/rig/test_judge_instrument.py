"""An instrument that judges: it reads the outputs after training, and is opened, made safe and closed with the rig."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from unit.rig.benches import Wrapper, assembled, bench_with, setup_with
from unit.rig.saboteurs import Journalled

import labrig
from labrig.assembly import Assembly, assemble
from labrig.cli.main import main
from labrig.config.problems import ConfigProblems
from labrig.errors import ConnectionFailed, Overrange
from labrig.instruments.data import AcquisitionPlan
from labrig.rig.judge import judge_plan

METER = "{driver: generic.digitizer, channels: 4, bits: 24, full_scale: 2 V, max_sample_rate: 1 kS/s}"
METER_VALUES = {
    "driver": "generic.digitizer",
    "channels": 4,
    "bits": 24,
    "full_scale": "2 V",
    "max_sample_rate": "1 kS/s",
}
JUDGED = (f"instruments.dmm={METER}", "judge={outputs: dmm/1..0}", "simulation.preset=ideal")


def judged(name: str, *more: str) -> Assembly:
    return assembled(name, *JUDGED, *more)


def test_it_reads_the_outputs_in_their_order() -> None:
    assembly = judged("xor")
    setup = assembly.setup()
    with setup.rig as rig:
        rig.program(assembly.update(rig).settings())
        judge = assembly.judge_on(rig)
        assert judge is not None
        for activation in assembly.task.activation:
            volts, noise, systematic = judge.outputs(activation)
            np.testing.assert_allclose(volts, setup.bench.truth.outputs(activation), rtol=1e-9)
            assert noise.max() < 1e-9
            assert systematic.max() == 0.0


def test_several_instruments_judge_together() -> None:
    meters = [f"instruments.{name}={METER}" for name in ("left", "right")]
    assembly = assembled("xor", *meters, "judge={outputs: 'right/3, left/0'}", "simulation.preset=ideal")
    setup = assembly.setup()
    with setup.rig as rig:
        rig.program(assembly.update(rig).settings())
        judge = assembly.judge_on(rig)
        assert judge is not None
        assert judge.name == "right, left"
        for activation in assembly.task.activation:
            volts, _, _ = judge.outputs(activation)
            np.testing.assert_allclose(volts, setup.bench.truth.outputs(activation), rtol=1e-9)


def test_noise_and_stated_uncertainties_are_its_own() -> None:
    noisy = ("simulation.noise=1 mV", "simulation.digitizer_offset=2 mV")
    assembly = judged("xor", *noisy)
    setup = assembly.setup()
    with setup.rig as rig:
        rig.program(assembly.update(rig).settings())
        judge = assembly.judge_on(rig)
        assert judge is not None
        reads = np.array([judge.outputs(assembly.task.activation[0])[0] for _ in range(30)])
        _, noise, systematic = judge.outputs(assembly.task.activation[0])
        own = assembly.probe(rig, assembly.update(rig)).measure_free(0).outputs
    np.testing.assert_allclose(reads.std(axis=0), noise, rtol=0.5)
    np.testing.assert_allclose(systematic, 2e-3, rtol=0.01)
    assert np.abs(reads.mean(axis=0) - own).min() > 1e-4  # zeros of its own channels


def test_it_judges_on_every_bench_that_names_it(tmp_path: Path) -> None:
    result = labrig.train(
        "xor.yaml",
        settings={
            "learning.epochs": 3,
            "instruments.dmm": METER_VALUES,
            "judge": {"outputs": "dmm/0..1"},
        },
        run_dir=tmp_path / "run",
        plots=False,
    )
    assert result.judgement is not None
    assert (result.judgement.by, result.judgement.score_differs) == ("dmm", False)
    assert result.evaluation_acquisitions == 2 * 4 + 4 + 1
    again = assemble(tmp_path / "run" / "config.resolved.yaml")
    assert again.judge is not None
    assert again.judge.labels == ("dmm/0", "dmm/1")


def test_it_is_opened_made_safe_and_closed_with_the_rig() -> None:
    calls: list[str] = []
    wraps = {"dmm": partial(Journalled, name="dmm", calls=calls, broken=frozenset())}
    with setup_with(judged("xor"), **wraps).rig:
        assert [call for call in calls if "open" in call]
        assert not [call for call in calls if "make_safe" in call]
    assert [call for call in calls if "make_safe" in call]
    assert "close" in calls[-1]


def test_a_judge_that_is_lost_is_named_and_the_run_is_complete(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lost(Wrapper):
        def read(self, timeout_s: float) -> None:
            raise ConnectionFailed("does not answer", device="dmm", action="read")

    monkeypatch.setattr("labrig.assembly.benches.simulated.SimulatedBench", bench_with({"dmm": Lost}))
    typed = ["run", "xor.yaml", "--json", "--no-plots", "--run-dir", str(tmp_path / "run"), "--set=learning.epochs=2"]
    assert main([*typed, *(f"--set={text}" for text in JUDGED)]) == 0
    out, err = capsys.readouterr()
    last = json.loads(out.splitlines()[-1])
    assert (last["event"], last["judge"], last["steps"]) == ("finished", None, 2)
    assert "labrig: the score was not judged: dmm: does not answer" in err


def test_a_channel_that_clips_is_no_judgement() -> None:
    assembly = judged("xor", "instruments.dmm.full_scale=1 mV", "simulation.converters=true")
    with assembly.open_rig() as rig:
        rig.program(assembly.update(rig).settings())
        judge = assembly.judge_on(rig)
        assert judge is not None
        with pytest.raises(Overrange, match="clipped at"):
            judge.outputs(assembly.task.activation[0])


def test_a_slow_judge_takes_as_long_as_the_rig_with_fewer_samples() -> None:
    plan = AcquisitionPlan(50e3, 20, 1000, ("0",), (2.0,), (0.0,))
    slow = judge_plan(plan, ("0", "1"), 10.0, 1e3)
    assert (slow.sample_rate_hz, slow.settle_samples, slow.window_samples) == (1e3, 1, 20)
    assert (slow.channels, slow.ranges_v) == (("0", "1"), (10.0, 10.0))
    assert judge_plan(plan, ("0",), 10.0, 10.0).window_samples == 4
    fast = judge_plan(plan, ("0",), 10.0, 1e6)
    assert (fast.sample_rate_hz, fast.window_samples) == (50e3, 1000)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("judge={outputs: daq/0..1}", "daq is the digitizer of the rig"),
        ("judge={outputs: awg/0..1}", "'awg' is not a digitizer that could judge; digitizers other than daq: dmm"),
        ("judge={outputs: dmn/0..1}", "'dmn' is not a digitizer"),
        ("judge={outputs: dmm/3..4}", "'dmm/4': dmm has 4 channels"),
        ("judge={outputs: 'dmm/0, dmm/0'}", "dmm/0 is listed twice"),
        ("judge={outputs: 'dmm/0, daq/1'}", "daq is the digitizer of the rig"),
        ("judge={outputs: 'dmm/0,'}", "the name is empty"),
        ("judge={outputs: dmm/0..2}", "3 channels for 2 outputs (out0, out1)"),
        ("judge={outputs: dmm}", "is not a channel"),
        ("judge={outputs: dmm/0.. }", "is not a range"),
        ("judge={output: dmm/0..1}", "unknown key 'output'"),
        ("learning.activation=sine", "a judge measures constant voltages"),
    ],
)
def test_what_is_refused(override: str, words: str) -> None:
    with pytest.raises(ConfigProblems) as caught:
        judged("xor", override)
    assert words in str(caught.value)
    assert "judge" in str(caught.value)


def test_it_is_on_the_wiring_sheet(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--wiring", "xor.yaml", "--json", *(f"--set={text}" for text in JUDGED)]) == 0
    nodes = json.loads(capsys.readouterr().out)["nodes"]
    rows = [(row["node"], row["instrument"], row["channel"]) for row in nodes if row["what"] == "judge"]
    assert rows == [("out0", "dmm", "1"), ("out1", "dmm", "0")]
