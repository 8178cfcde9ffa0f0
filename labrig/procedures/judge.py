"""Judges the score of a trained board independently: compares its outputs with the truth or with those of a judge.

A rig scores itself with the digitizer that it was trained with, so training compensates the errors of that digitizer:
with gains that are 30 % off, the rig reads 0.27 mV between outputs and targets of a regression, while the true value is
54 mV. The true outputs of a simulated bench and those of the `judge` of a configuration do not have these errors. They
are obtained once, after training, and nothing is learned from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.experiment import Experiment
from labrig.instruments.contracts import Bench
from labrig.learning.measurement import OutputReadings
from labrig.medium import ELECTRICAL, Medium
from labrig.rig.judge import Judge

Array = NDArray[np.float64]

TRUTH = "truth"
STANDARD_UNCERTAINTIES = 4.5
"""Number of standard uncertainties beyond which a difference of an output is unexplained. With gain and zero drawn at
random, 1 in 25,000 channels exceeds it."""
LEAST_RELATIVE = 1e-5
"""Difference, relative to the largest output, below which outputs count as equal whatever their uncertainty is."""
OUTPUT_SHARE = 0.05
"""Difference of the outputs, relative to the outputs (rms), that matters even if the stated uncertainty explains it."""
LOSS_SHARE = 0.02
"""Difference of the loss that matters, relative to the scale of the loss."""
FITS = 0.2
"""A cause is named if it leaves no more than this fraction of the difference unexplained."""


@dataclass(frozen=True)
class Judgement:
    """The score of a run as the judge measures it, compared with the score as the rig measures it.

    Parameters
    ----------
    by : str
        "truth", or the name of the instrument.
    metrics : dict
        Metrics of the last evaluation, computed from the judge's outputs.
    distance : float
        Root mean square of the differences of the outputs, over examples and outputs, in the unit of the network.
    unexplained : bool
        Whether an output differs by more than the uncertainties explain.
    large : bool
        Whether the outputs differ by an amount that matters, explained or not.
    figures : dict
        Metrics that differ by an amount that matters, each with the rig's and the judge's value.
    cause : str
        Likely cause of the differences, with the remedy; empty if the score does not differ.
    medium : Medium
        Medium of the network.
    """

    by: str
    metrics: dict[str, float]
    distance: float
    unexplained: bool
    large: bool
    figures: dict[str, tuple[float, float]]
    cause: str = ""
    medium: Medium = ELECTRICAL

    @property
    def score_differs(self) -> bool:
        """Whether outputs or metrics differ."""
        return self.unexplained or self.large or bool(self.figures)

    def to_json(self) -> dict[str, Any]:
        """Return the value of `judge` in the last line of a run."""
        distance = {f"distance_{self.medium.state_key}": self.distance}
        line: dict[str, Any] = {"by": self.by, "metrics": self.metrics, **distance}
        if self.score_differs:
            line["message"] = self.message
        return line

    @property
    def message(self) -> str:
        """The difference of the score, its likely cause, and the remedy."""
        there = "the truth" if self.by == TRUTH else self.by
        away = f"the outputs differ by {_state(self.medium, self.distance)} (rms) from {there}"
        figures = [f"{name} is {judged:.4g}, not {own:.4g}" for name, (own, judged) in self.figures.items()]
        explained = "" if self.unexplained else "the stated uncertainty of the digitizer may explain this"
        unless = "" if self.by == TRUTH else f"or {self.by} is wrong"
        return "; ".join(filter(None, (away, ", ".join(figures), self.cause, explained, unless)))


def judge(experiment: Experiment, bench: Bench, instrument: Judge | None = None) -> Judgement | None:
    """Judge the last evaluation of an experiment while its rig is open: by an instrument if given, else by the truth.

    Returns None if there is neither, or if nothing was evaluated.
    """
    own = experiment.readings
    if own is None:
        return None
    if instrument is not None:
        measured = experiment.readings_of(instrument.outputs)
        return None if measured is None else compare(experiment, own, measured, instrument.name)
    tone = experiment.rig.activation == "sine"
    volts = bench.true_outputs(experiment.task.activation[own.examples], tone)
    if volts is None:
        return None
    exact = np.zeros_like(volts)
    return compare(experiment, own, OutputReadings(own.examples, volts, exact, exact), TRUTH)


def compare(experiment: Experiment, own: OutputReadings, judged: OutputReadings, by: str) -> Judgement:
    """Compare the rig's outputs with those of the judge `by`, example by example, and the metrics of both."""
    difference = own.volts - judged.volts
    uncertainty = np.sqrt(own.noise**2 + own.systematic**2 + judged.noise**2 + judged.systematic**2)
    allowed = STANDARD_UNCERTAINTIES * uncertainty + LEAST_RELATIVE * float(np.abs(judged.volts).max())
    metrics = experiment.metrics_of(judged)
    tolerances = {"loss": LOSS_SHARE * experiment.probe.loss.scale, **experiment.task.tolerances()}
    judgement = Judgement(
        by=by,
        metrics=metrics,
        distance=_rms(difference),
        unexplained=bool((np.abs(difference) > allowed).any()),
        large=_rms(difference) > OUTPUT_SHARE * _rms(judged.volts),
        figures=differing(experiment.metrics_of(own), metrics, tolerances),
        medium=experiment.rig.limits.medium,
    )
    if not judgement.score_differs:
        return judgement
    worst = int((difference**2).mean(axis=0).argmax())
    hookup = experiment.rig.hookup
    node = hookup.outputs[worst].output
    sense = hookup.senses[hookup.sense_column[node]]
    channel = f"{hookup.digitizer}/{sense.channel} ({node})"
    plan = experiment.rig.plan
    if not (judgement.large or judgement.figures or plan.u_gain or plan.u_offset_v):
        cause = (
            f"{hookup.digitizer} states no error of gain or zero, so the uncertainty contains only noise and rounding: "
            "state them in its entry, or calibrate it"
        )
    else:
        cause = likely_cause(channel, difference[:, worst], judged.volts[:, worst], judgement.medium)
    return replace(judgement, cause=cause)


def differing(
    own: Mapping[str, float], judged: Mapping[str, float], tolerances: Mapping[str, float]
) -> dict[str, tuple[float, float]]:
    """Return metrics that differ by more than their tolerance; `tolerances` has names without `test_` or `train_`."""
    found: dict[str, tuple[float, float]] = {}
    for name, value in own.items():
        tolerance = tolerances.get(name.removeprefix("test_").removeprefix("train_"))
        if tolerance is not None and abs(judged[name] - value) > tolerance:
            found[name] = value, judged[name]
    return found


def likely_cause(channel: str, difference: Array, volts: Array, medium: Medium = ELECTRICAL) -> str:
    """Return the likely cause of the difference between a channel and the judge, with a remedy.

    `difference` (M,) is channel minus judge (V); `volts` (M,) are the judge's readings (V).
    """
    size = _rms(difference)
    zero = float(difference.mean())
    gain = float(difference @ volts / (volts @ volts)) if volts.any() else 0.0
    calibrate = f"calibrate it, or move the node to another channel of {channel.partition('/')[0]}"
    by = f"{_state(medium, abs(zero))} too {'high' if zero > 0 else 'low'}"
    percent = f"{100 * abs(gain):.3g} % too {'large' if gain > 0 else 'small'}"
    if _rms(difference - zero) <= FITS * size:
        return f"as if the zero of {channel} were {by}: {calibrate}"
    if _rms(difference - gain * volts) <= FITS * size:
        return f"as if the gain of {channel} were {percent}: {calibrate}"
    design = np.stack([np.ones_like(volts), volts], axis=1)
    fit = np.linalg.lstsq(design, difference, rcond=None)[0]
    if len(volts) > 2 and _rms(difference - design @ fit) <= FITS * size:
        return f"as if both zero and gain of {channel} were off: {calibrate}"
    return (
        f"neither zero nor gain of {channel} explains it: check the wiring of the node, crosstalk, and whether the "
        "node settles within acquisition.settle"
    )


def _state(medium: Medium, value: float) -> str:
    return medium.text("state", float(f"{value:.3g}"))


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))
