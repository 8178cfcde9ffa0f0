"""The pictures of a run: scales, units, markers, labels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text

from labrig.cli.main import main
from labrig.cli.tables import outcome_text
from labrig.runs.journal import Evaluation, Record
from labrig.runs.plots.canvas import own_settings
from labrig.runs.plots.conductances import conductance_map
from labrig.runs.plots.learning import learning_curves
from labrig.runs.plots.spectrum import spectrum
from labrig.runs.spectrum import Window

META: dict[str, Any] = {"name": "xor", "seed": 1, "card": {"loss": "squared_error"}}
BOARD = {
    "nodes": ["in0", "out0"],
    "edges": [["in0-out0", "in0", "out0"]],
    "inputs": ["in0"],
    "outputs": ["out0"],
    "range_s": [1e-5, 1e-4],
    "initial_s": [3e-5],
}


def record(losses: list[float], *evaluations: tuple[int, dict[str, float]]) -> Record:
    count = len(losses)
    edges = np.full((count, 1), 5e-5)
    return Record(
        steps={"step": np.arange(1, count + 1), "loss": np.array(losses), "conductances": edges},
        evaluations=tuple(Evaluation(0, step, metrics, 4, 0.1) for step, metrics in evaluations),
        events=(),
    )


def drawn(figure: Figure) -> Figure:
    figure.canvas.draw()
    return figure


def test_figures_of_different_unit_have_axes_of_their_own() -> None:
    first = (0, {"loss": 1e-2, "patterns_right": 2, "rms_v": 0.06})
    last = (2, {"loss": 1e-6, "patterns_right": 4, "rms_v": 1e-3})
    figure = drawn(learning_curves(record([1e-2, 1e-3], first, last), META))
    axes = figure.axes
    assert [axis.get_ylabel() for axis in axes] == ["loss (V²)", "patterns right", "rms (V)"]
    assert [axis.get_yscale() for axis in axes] == ["log", "linear", "log"]


def test_evaluations_are_markers_without_a_line_between_them() -> None:
    figure = learning_curves(record([0.1] * 5, (0, {"loss": 0.1}), (5, {"loss": 0.02, "test_loss": 0.03})), META)
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    for label in ("training set", "test set"):
        assert (lines[label].get_linestyle(), lines[label].get_marker() != "None") == ("None", True)
    assert list(lines["training set"].get_xdata()) == [0, 5]


@pytest.mark.parametrize("zeros", [[], [0.0], [0.0] * 25])
def test_a_loss_that_spans_decades_has_a_logarithmic_axis_also_if_it_ends_at_zero(zeros: list[float]) -> None:
    losses = [10.0**-k for k in range(9)] + zeros
    figure = drawn(learning_curves(record(losses, (0, {"loss": 1.0}), (len(losses), {"loss": losses[-1]})), META))
    axis = figure.axes[0]
    assert axis.get_yscale() == ("symlog" if zeros else "log")
    heights = axis.transAxes.inverted().transform(axis.transData.transform([(0, value) for value in losses]))[:, 1]
    assert np.all((heights >= 0) & (heights <= 1))
    assert np.ptp(heights[:9]) > 0.5
    assert np.all(np.diff(heights[:9]) < 0)


def test_a_loss_of_zero_only() -> None:
    assert drawn(learning_curves(record([0.0, 0.0], (0, {"loss": 0.0})), META)).axes[0].get_yscale() == "linear"


def test_the_left_network_is_the_one_before_the_first_step() -> None:
    figure = conductance_map(record([1.0, 0.5]), {**META, "board": BOARD})
    left, right = figure.axes[:2]
    assert (left.get_title(), right.get_title()) == ("before the first step", "after step 2")
    shown = [next(item for item in axis.collections if isinstance(item, LineCollection)) for axis in (left, right)]
    assert [item.get_array().tolist() for item in shown] == [[pytest.approx(30.0)], [pytest.approx(50.0)]]


def test_a_run_that_did_not_keep_its_initial_board_says_what_the_left_network_is() -> None:
    board = {key: value for key, value in BOARD.items() if key != "initial_s"}
    figure = conductance_map(record([1.0, 0.5]), {**META, "board": board})
    assert figure.axes[0].get_title() == "after the first step"


@pytest.mark.parametrize("tones", [(1500.0, 2000.0), (200.0, 2000.0), (1900.0, 1950.0, 2000.0)])
def test_labels_of_tones_do_not_touch(tones: tuple[float, ...]) -> None:
    volts = np.random.default_rng(0).normal(size=(1000, 2))
    figure = drawn(spectrum(Window(volts, ("out0", "pilot"), 50e3, tones), {**META, "board": BOARD}))
    boxes = [item.get_window_extent() for item in figure.axes[0].texts if isinstance(item, Annotation)]
    assert len(boxes) == len(tones)
    assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])


def test_hum_without_whole_periods_does_not_cover_the_spectrum() -> None:
    t = np.arange(1000) / 50e3
    volts = np.stack([np.cos(2 * np.pi * 47 * t) + 0.01 * np.cos(2 * np.pi * 1500 * t)] * 2, axis=1)
    line = spectrum(Window(volts, ("out0", "pilot"), 50e3, (1500.0,)), {**META, "board": BOARD}).axes[0].lines[0]
    level = dict(zip(line.get_xdata(), line.get_ydata(), strict=True))
    assert level[1500.0] == pytest.approx(-40, abs=0.1)
    assert max(value for f, value in level.items() if abs(f - 1500) > 300 and f > 1000) < -70


def test_an_outlier_does_not_hide_the_loss_and_is_counted() -> None:
    losses = [1.0 + 0.01 * (k % 7) for k in range(100)] + [500.0]
    axis = learning_curves(record(losses, (0, {"loss": 1.2})), META).axes[0]
    assert axis.get_ylim()[1] < 2
    assert "each step (1 outside)" in axis.get_legend_handles_labels()[1]


def test_an_evaluation_is_never_outside() -> None:
    evaluations = [(k, {"loss": 1.0, "rms": 0.1}) for k in range(20)] + [(20, {"loss": 9.0, "rms": 0.9})]
    figure = learning_curves(record([1.0] * 20, *evaluations), META)
    assert figure.axes[0].get_ylim()[1] > 9.0
    assert figure.axes[1].get_ylim()[1] > 0.9


def test_names_of_nodes_stand_on_white_beside_their_edges() -> None:
    figure = drawn(conductance_map(record([1.0, 0.5]), {**META, "board": BOARD}))
    axis = figure.axes[0]
    for label in axis.texts:
        assert label.get_bbox_patch().get_facecolor()[:3] == (1.0, 1.0, 1.0)
        x, _ = axis.transData.transform(label.xy)
        box = label.get_window_extent()
        assert box.x1 < x if label.get_text() == "in0" else box.x0 > x


def test_a_run_without_pictures_says_how_to_get_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert main(["run", "xor.yaml", "--no-plots", "--run-dir", str(run), "--set", "learning.epochs=2"]) == 0
    assert capsys.readouterr().out.endswith(f"\n  pictures: labrig show {run} --plot\n")
    (run / "spectrum.npz").unlink()  # as after an interruption
    assert main(["show", str(run), "--plot"]) == 0
    assert sorted(path.name for path in run.glob("*.png")) == ["conductances.png", "learning.png"]


def test_so_does_a_run_that_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    fault = "simulation.faults=[{what: disconnect, where: daq, acquisition: 16}]"
    assert main(["run", "xor.yaml", "--run-dir", str(run), "--set", fault]) == 4
    assert f"labrig: see the run so far with: labrig show {run} --plot\n" in capsys.readouterr().err
    assert not list(run.glob("*.png"))
    assert main(["show", str(run), "--plot"]) == 0
    assert "learning.png" in capsys.readouterr().out


@pytest.mark.parametrize(("steps", "named"), [(3, True), (0, False)])
def test_so_does_a_run_that_was_interrupted(steps: int, named: bool) -> None:
    line = {
        "event": "interrupted", "run": "runs/a", "metrics": {}, "evaluated_at_step": None, "steps": steps,
        "acquisitions": 8, "evaluation_acquisitions": 4, "wall_s": 1.0, "bench_s": 1.0,
    }  # fmt: skip
    assert ("labrig show runs/a --plot" in outcome_text(line)) == named


ONE_EDGE = """
version: 1
name: one-edge
network:
  edges: ["$V_{in$-_out^2"]
  programmable: {range: [10 µS, 100 µS], initial: [30 µS, 30 µS]}
task:
  divider: {input: 1 V, target: 800 mV}
  target: {rms: 1 nV}
learning: {error: {current: 1 µA}, loss: squared_error, rate: 2, epochs: 3}
instruments:
  awg:  {driver: generic.source, channels: 3, full_scale: 5 V}
  daq:  {driver: generic.digitizer, channels: 3, full_scale: 2 V, max_sample_rate: 250 kS/s}
  pots: {driver: generic.programmer, part: MCP4251-104, channels: 1, supply: [-2.5 V, 2.5 V]}
wiring:
  "$V_{in$": {drive: awg/0, through: 50 Ω, sense: daq/0}
  _out^2:    {error: awg/1, through: 100 kΩ, sense: daq/1}
  pilot:     {drive: awg/2, sense: daq/2}
  edges:     pots/0
acquisition: {sample_rate: 50 kS/s, window: 20 ms, band: [200 Hz, 2 kHz]}
simulation: {preset: ideal}
"""
PICTURES = ["conductances.png", "learning.png", "spectrum.png"]


def pictures(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(run.glob("*.png"))}


@pytest.mark.more
def test_pictures_are_the_same_whatever_the_user_has_set_and_the_verdict_stays(tmp_path: Path) -> None:
    """A backend that is not installed, a matplotlibrc that wants LaTeX, names that look like formulas."""
    (tmp_path / "one.yaml").write_text(ONE_EDGE, encoding="utf-8")
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfont.size: 30\naxes.facecolor: red\n")
    environment = {**os.environ, "MPLBACKEND": "module://not_installed.backend", "MPLCONFIGDIR": str(tmp_path)}
    command = [sys.executable, "-m", "labrig", "run", "one.yaml", "--run-dir", "run"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 7
    assert "rms_v" in done.stdout
    assert "picture" not in done.stderr
    run = tmp_path / "run"
    drawn = pictures(run)
    assert sorted(drawn) == PICTURES
    assert main(["show", str(run), "--plot"]) == 0
    assert pictures(run) == drawn


@pytest.mark.parametrize("name", ["$V_{in$", "_out", "a_b^2", r"\alpha$\$"])
def test_names_are_drawn_as_they_are_written(name: str) -> None:
    board = {**BOARD, "nodes": [name, "out0"], "edges": [["edge", name, "out0"]], "inputs": [name], "outputs": [name]}
    meta = {**META, "name": name, "board": board}
    window = Window(np.random.default_rng(0).normal(size=(1000, 2)), (name, "pilot"), 50e3, (1500.0,))
    with own_settings():
        figures = [spectrum(window, meta), conductance_map(record([1.0, 0.5]), meta)]
        for figure in [*figures, learning_curves(record([1e-2, 1e-5]), meta)]:
            assert not any(text.get_parse_math() for text in drawn(figure).findobj(Text))
    legend = figures[0].axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [name, "pilot"]
    assert name in [text.get_text() for text in figures[1].axes[0].texts]


def test_decades_are_labelled_without_mathtext() -> None:
    with own_settings():
        axis = drawn(learning_curves(record([1.0, 1e-3, 0.0]), META)).axes[0]
        labels = [label.get_text() for label in axis.get_yticklabels()]
    assert labels[0] == "0"
    assert {"10⁻³", "10⁻¹", "10⁰"} <= set(labels)


def failing(*arguments: Any) -> Figure:
    raise ValueError("a fault in a library\nwith a second line")


def test_a_picture_that_fails_changes_neither_the_last_line_nor_the_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    monkeypatch.setattr("labrig.runs.plots.conductances.conductance_map", failing)
    arguments = ["run", "xor.yaml", "--run-dir", str(run), "--json", "--set", "learning.epochs=2"]
    assert main([*arguments, "--set", "task.target.rms=1 nV"]) == 7
    out, err = capsys.readouterr()
    last = json.loads(out.splitlines()[-1])
    assert last["event"] == "finished"
    assert last["metrics"]
    assert last["plots"] == [str(run / "learning.png"), str(run / "spectrum.png")]
    assert "labrig: pictures not drawn: conductances.png: ValueError: a fault in a library\n" in err
    assert sorted(pictures(run)) == ["learning.png", "spectrum.png"]


def test_no_picture_can_be_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    monkeypatch.setattr("labrig.runs.plots.canvas.own_settings", failing)
    assert main(["run", "xor.yaml", "--run-dir", str(run), "--set", "learning.epochs=2"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"finished after 2 steps: {run}\n")
    assert f"  pictures: labrig show {run} --plot\n" in out
    assert err.splitlines() == [
        "labrig: pictures not drawn: learning.png, conductances.png, spectrum.png: ValueError: a fault in a library"
    ]


def test_show_prints_the_run_also_if_a_picture_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert main(["run", "xor.yaml", "--no-plots", "--run-dir", str(run), "--set", "learning.epochs=2"]) == 0
    capsys.readouterr()
    (run / "learning.png").mkdir()
    (run / "spectrum.npz").write_bytes(b"PK damaged")
    assert main(["show", str(run), "--plot", "--json"]) == 6
    out, err = capsys.readouterr()
    shown = json.loads(out)
    assert (shown["state"], shown["steps"]) == ("finished", 2)
    assert shown["plots"] == [str(run / "conductances.png")]
    assert "labrig show RUN --out DIR" in err
    (line,) = err.splitlines()
    assert f"learning.png: cannot write {run / 'learning.png'}: Is a directory" in line
    assert "spectrum.png: cannot read" in line


def test_pictures_can_go_to_another_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, out = tmp_path / "run", tmp_path / "pictures" / "today"
    assert main(["run", "xor.yaml", "--no-plots", "--run-dir", str(run), "--set", "learning.epochs=2"]) == 0
    assert main(["show", str(run), "--out", str(out)]) == 0
    assert {path.name for path in out.iterdir()} == {"learning.png", "conductances.png", "spectrum.png"}
    assert not list(run.glob("*.png"))
    assert str(out / "learning.png") in capsys.readouterr().out


def test_a_dense_board_is_a_matrix_and_a_sparse_one_a_network() -> None:
    nodes = [*(f"in{k}" for k in range(40)), *(f"out{k}" for k in range(30))]
    edges = [[f"in{i}-out{o}", f"in{i}", f"out{o}"] for i in range(40) for o in range(30)]
    board = {**BOARD, "nodes": nodes, "edges": edges, "initial_s": list(np.linspace(1e-5, 1e-4, len(edges)))}
    last = np.linspace(1e-4, 1e-5, len(edges))
    steps = {"step": np.array([1]), "loss": np.array([1e-3]), "conductances": last[np.newaxis]}
    figure = drawn(conductance_map(Record(steps=steps, evaluations=(), events=()), {**META, "board": board}))
    (before,), (after,) = (axis.get_images() for axis in figure.axes[:2])
    np.testing.assert_allclose(before.get_array()[3, 7], 1e6 * board["initial_s"][3 * 30 + 7])
    np.testing.assert_allclose(after.get_array().ravel(), 1e6 * last)
    single = drawn(conductance_map(record([1e-3]), {**META, "board": BOARD}))
    assert not single.axes[0].get_images()
