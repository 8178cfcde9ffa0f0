"""Progress of a run: a bar on a terminal, lines in a log."""

from __future__ import annotations

import io
import re
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from labrig.assembly import assemble, packaged_configs
from labrig.cli import progress
from labrig.runs.journal import Evaluation, Step


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def step(index: int, loss: float) -> Step:
    return Step(index, 0, (0,), loss, 1e-6, 1, *(np.zeros(1),) * 4, 2, 2, 0.1, bench_acquisitions=2, bench_clock_s=0.1)


def shown(monkeypatch: pytest.MonkeyPatch, stderr: io.StringIO) -> str:
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    monkeypatch.setattr(progress, "FIRST_S", 0.0)
    monkeypatch.setattr(progress, "FEWEST_EXAMPLES", 4)
    assembly: Any = SimpleNamespace(
        name="two",
        task=SimpleNamespace(train=np.arange(5), test=np.arange(3)),
        learning=SimpleNamespace(epochs=2, batch=3),
    )
    with progress.progress_of(assembly) as run:
        for _ in range(6):  # examples of the first evaluation
            run.tick()
        run.advance(Evaluation(0, 0, {"rms_v": 0.5}, 0, 0.0))
        for index in (1, 2):
            run.tick()
            run.advance(step(index, 0.3 / index))
        run.advance(Evaluation(0, 2, {"rms_v": 0.25}, 0, 0.0))
        run.advance(step(3, 0.03))
    return stderr.getvalue()


def test_a_log_has_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, io.StringIO()).splitlines()
    before = [f"two: evaluation: {done}/8 examples" for done in (2, 3, 4, 5)]
    assert [line.split(",")[0] for line in lines] == [*before, "two: step 1/4", "two: step 2/4", "two: step 3/4"]
    assert [line.endswith(" s left") for line in lines[:4]] == [False, False, True, True]  # the first say little
    assert "loss 0.3 in the last step; at step 0: rms_v 0.5" in lines[4]
    assert "loss 0.225 over the last 2 steps; at step 0: rms_v 0.5" in lines[5]
    assert "loss 0.16 over the last 3 steps; at step 2: rms_v 0.25" in lines[6]


def test_a_terminal_has_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = shown(monkeypatch, Terminal())
    assert "3/4" in text
    assert "loss 0.16 over the last 3 steps; at step 2: rms_v 0.25" in text


BOTH = "loss 0.2 in the last step; at step 3000: loss 1.581, train_accuracy 0.3333"
FIGURES = {"loss": 1.581, "train_accuracy": 0.3333, "test_loss": 1.6, "test_accuracy": 0.3}


@pytest.mark.parametrize(
    ("columns", "figures"),
    [
        (200, f"{BOTH}, test_loss 1.6, test_accuracy 0.3"),
        (140, BOTH),
        (80, "loss 0.2 in the last step"),
        (60, "loss 0.2"),
        (40, ""),
    ],
)
@pytest.mark.parametrize("name", ["iris_memristor", "i" * 200])
def test_step_and_time_left_are_never_cut(
    monkeypatch: pytest.MonkeyPatch, columns: int, figures: str, name: str
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    bar = progress.BarProgress(name, 3600, 150)
    bar.advance(Evaluation(0, 3000, FIGURES, 0, 0.0))
    with bar:
        bar.advance(step(3001, 0.2))
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    shown = [line for line in re.split("[\r\n]", text) if line.strip()][-1]
    assert len(shown) <= columns
    assert re.search(r" 3001/3600 \d:\d\d:\d\d left( |$)", shown)
    if len(name) < 20:
        assert shown.partition(" left")[2].strip() == figures


def test_steps_of_earlier_sessions_are_not_part_of_the_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    # 100 s to open the instruments, 30 s for the first step, then 10 s for each.
    clock = iter([0.0, 100.0, 100.0, 130.0, 140.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    left = progress.TimeLeft(1000)
    left.tick()
    left.tick()
    assert left.after(901) == 99 * 30.0
    left.tick()
    assert left.after(902) == 98 * 10.0


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|9[0-7])[0-9;]*m")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert coloured.search(shown(monkeypatch, Terminal()))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured.search(shown(monkeypatch, Terminal()))


def test_the_steps_of_a_run_are_those_of_its_epochs() -> None:
    assembly = assemble(packaged_configs() / "divider.yaml")
    assert progress.progress_of(assembly)._steps == 60  # type: ignore[attr-defined]


def test_the_time_left_of_an_evaluation_counts_from_its_second_example(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening the instruments took a minute before, and the first example 20 s."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    evaluation = progress.EvaluationProgress(10, 1)
    now[0] = 60.0
    evaluation.tick()
    now[0] += 20.0
    for _ in range(4):
        evaluation.tick()
        now[0] += 2.0
    now[0] -= 2.0  # the fifth has just begun
    assert evaluation.text() == "evaluation: 4/10 examples, 12 s left"


def test_after_the_last_evaluation_nothing_is_called_an_evaluation() -> None:
    """The judge and the pictures ask whether to stop, like an example does."""
    evaluation = progress.EvaluationProgress(10, 5)
    evaluation.advance(Evaluation(1, 5, {}, 0, 0.0))
    for _ in range(6):
        evaluation.tick()
    assert evaluation.text() == ""
