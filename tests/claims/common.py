"""What claim programs share: figures, seeds nobody chose, and training runs with variations."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from xml.etree import ElementTree

import numpy as np

from labrig.assembly import assemble
from labrig.experiment import Experiment
from labrig.instruments.contracts import Truth
from labrig.learning.gradient import Gradient
from labrig.learning.measurement import Excitation
from labrig.learning.updates import Update
from labrig.rig.gradient_probe import ExampleGradient, GradientProbe
from labrig.runs.journal import Journal

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs"
Result = TypeVar("Result")


@dataclass(frozen=True)
class Figure:
    """One claim: what was measured, what was promised, whether it holds."""

    claim: str
    figure: str
    goal: str
    holds: bool


def at_least(claim: str, value: float, goal: float, digits: str = ".4f") -> Figure:
    return Figure(claim, format(value, digits), f"≥ {goal:g}", bool(value >= goal))


def at_most(claim: str, value: float, goal: float, digits: str = ".3g") -> Figure:
    return Figure(claim, format(value, digits), f"≤ {goal:g}", bool(value <= goal))


def between(claim: str, value: float, low: float, high: float) -> Figure:
    return Figure(claim, format(value, ".4g"), f"{low:g} to {high:g}", low <= value <= high)


def seeds(name: str, count: int) -> list[int]:
    """`count` seeds from the commit's hash, the claim's name and LABRIG_CLAIM_SALT."""
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        commit = "no commit"
    salt = os.environ.get("LABRIG_CLAIM_SALT", "")
    digests = (hashlib.sha256(f"{commit}/{salt}/{name}/{k}".encode()).digest() for k in range(count))
    return [int.from_bytes(digest[:4], "big") for digest in digests]


def in_parallel(function: Callable[..., Result], *arguments: Sequence[Any]) -> list[Result]:
    """function over the arguments, on every core."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, *arguments))


def passed_trials(name: str, file: str, short: bool) -> int:
    """How many tests of a crash test pass with trials that nobody chose. short: as few as in README's test line."""
    (seed,) = seeds(name, 1)
    environment = {**os.environ, "LABRIG_TRIALS_SEED": str(seed), "LABRIG_LONG": "" if short else "1"}
    environment["LABRIG_MORE"] = "" if short else "1"
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", file]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        suite = ElementTree.parse(report).getroot().find("testsuite")
    assert suite is not None
    if done.returncode:
        print(done.stdout, file=sys.stderr)
    bad = sum(int(suite.get(outcome, "0")) for outcome in ("failures", "errors", "skipped"))
    return int(suite.get("tests", "0")) - bad


@dataclass(frozen=True)
class AdjointProbe(GradientProbe):
    """The exact gradient of the board instead of the measured one: the reference a rule is paired with."""

    truth: Truth

    def gradient(self, example: int, following: int | None = None) -> ExampleGradient:
        x, target, loss = self.task.activation[example], self.task.target[example], self.loss
        exact = self.truth.gradient(x, lambda outputs: loss.gradient(outputs, target))
        value = loss.value(self.truth.outputs(x), target)
        return ExampleGradient(value, Gradient(exact, np.zeros_like(exact), np.zeros_like(exact), gamma=1.0))


def weighted(update: Update, weights: np.ndarray) -> None:
    """From now on each edge's gradient counts times a weight: 0 freezes an edge, −1 sends it uphill."""
    apply = update.apply
    update.apply = lambda gradient: apply(weights * gradient)  # type: ignore[method-assign]


def train(
    config: str, seed: int, overrides: Sequence[str] = (), *, adjoint: bool = False, interior: float = 1.0
) -> dict[str, float]:
    """Metrics of one run. adjoint: by the exact gradient. interior: weight of the edges that touch no output."""
    assembly = assemble(CONFIGS / config, [*overrides, f"seed={seed}"])
    setup = assembly.setup()
    with tempfile.TemporaryDirectory() as folder, setup.rig as rig, Journal(Path(folder) / "run.db") as journal:
        experiment: Experiment = assembly.experiment(rig, journal)
        if adjoint:
            probe = experiment.probe
            assert setup.bench.truth is not None
            experiment.probe = AdjointProbe(**vars(probe), truth=setup.bench.truth)
        if interior != 1.0:
            outputs = {wire.node for wire in rig.hookup.outputs}
            touches = np.array([edge.a in outputs or edge.b in outputs for edge in rig.hookup.edges])
            weighted(experiment.update, np.where(touches, 1.0, interior))
        experiment.run(lambda: False, lambda _: None)
        return experiment.metrics


def error_of_measured_gradient(config: str, seed: int, overrides: Sequence[str] = (), count: int = 4) -> float:
    """Largest relative error of the measured gradient to the adjoint over a few examples, at the untrained point."""
    assembly = assemble(CONFIGS / config, [*overrides, f"seed={seed}"])
    setup = assembly.setup()
    with setup.rig as rig:
        probe = assembly.probe(rig, assembly.update(rig))
        rig.program(assembly.update(rig).settings())
        errors = []
        for example in assembly.task.train[:count]:
            target, loss = assembly.task.target[example], assembly.loss
            measured = probe.gradient(int(example)).gradient
            exact = setup.bench.truth.gradient(
                assembly.task.activation[example], lambda outputs, t=target, f=loss: f.gradient(outputs, t)
            )
            assert measured is not None
            errors.append(np.linalg.norm(measured.value - exact) / np.linalg.norm(exact))
        return float(max(errors))


def measure_noise_of_b(seed: int, acquisitions: int) -> float:
    """var(b) of a node under white noise, in units of 2σ²/N."""
    sigma = 1e-3  # well above the step of the converter, which has noise of its own
    overrides = [f"seed={seed}", "simulation.noise=1 mV"]
    assembly = assemble(CONFIGS / "divider.yaml", overrides)
    with assembly.open_rig() as rig:
        rig.program(assembly.update(rig).settings())
        quiet = Excitation(assembly.task.activation[0])
        column = rig.hookup.sense_column["out0"]
        b = [rig.measure(quiet).demodulated.channel_in_phase[0, column] for _ in range(acquisitions)]
        return float(np.var(b) / (2 * sigma**2 / rig.plan.window_samples))
