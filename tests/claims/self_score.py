"""The score a rig gives itself, held against the truth: wrong scores are flagged, healthy ones are not."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
from common import CONFIGS, Figure, at_least, at_most, in_parallel, seeds
from typing_extensions import override

import labrig
from labrig.errors import Overrange
from labrig.quantities import Voltage
from labrig.simulation.imperfections.imperfection import Imperfection, Transfer

HEALTHY = {
    "iris.yaml": {"learning.epochs": 10},
    "xor.yaml": {},
    "regression.yaml": {"learning.epochs": 40},
    "iris_hidden.yaml": {"learning.epochs": 10},
    "sine.yaml": {"learning.epochs": 40},
}
"""Configurations on a `typical` bench."""


class OppositeZeros(Imperfection):
    """Zeros of the channels of both outputs of xor.yaml that are off by + and − `value` (V), which nobody states."""

    Options = Voltage
    COLUMNS = {12: 1.0, 13: -1.0}

    @override
    def transfer(self, digitizer: str, channels: int) -> Transfer | None:
        zero_v = self.value * np.array([self.COLUMNS.get(column, 0.0) for column in range(channels)])
        return lambda volts, columns: volts + zero_v[columns]


def _run(config: str, seed: int, settings: dict[str, Any]) -> tuple[bool, float, float]:
    """Whether the score differs, and the loss that the rig and the truth have.

    A channel whose gain is so large that it clips is noticed before there is a score: then both are NaN.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            result = labrig.train(CONFIGS / config, seed=seed, settings=settings, runs_dir=folder, plots=False)
        except Overrange:
            return True, np.nan, np.nan
    assert result.judgement is not None, result.not_judged
    own, judged = (np.sqrt(metrics["loss"]) for metrics in (result.metrics, result.judgement.metrics))
    return result.judgement.score_differs, own, judged


def measure(short: bool) -> list[Figure]:
    runs = 2 if short else 20
    few: dict[str, Any] = {"learning.epochs": 3} if short else {}
    any_gain = {"simulation.digitizer_gain": 0.3, "limits.misread": "1000 %"}
    faults = {
        "XOR, ± 10 mV on the outputs that nobody states": (
            "xor.yaml",
            {"simulation.self_score:OppositeZeros": "10 mV"},
            runs,
        ),
        "Iris, gains off by 30 % (1 σ)": ("iris.yaml", {**any_gain, "learning.epochs": 1}, 4 if short else 100),
        "regression, gains off by 30 % (1 σ)": ("regression.yaml", any_gain, 4 if short else 20),
    }
    figures = []
    for claim, (config, fault, count) in faults.items():
        found = in_parallel(_run, [config] * count, seeds(f"self score {claim}", count), [fault] * count)
        # By chance the outputs' gains may be right: of Iris boards, about 2 in 100 have a true score.
        goal = count - max(1, 7 * count // 100) if "gains" in claim else count
        figures.append(at_least(f"{claim}: flagged, of {count}", sum(flagged for flagged, _, _ in found), goal, "d"))
        stopped = sum(bool(np.isnan(own)) for _, own, _ in found)
        figures.append(Figure("  of these stopped, because a channel clips", str(stopped), "stated", True))
        if "Iris" not in claim:
            own, judged = (1e3 * np.nanmedian([run[k] for run in found]) for k in (1, 2))
            error = f"{own:.3g} / {judged:.3g}"
            figures.append(Figure("  median error by its own account / in truth (mV)", error, "stated", True))
    each = 1 if short else 4
    settings = {name: {**fewer, **few} if fewer else {} for name, fewer in HEALTHY.items()}
    cases = [(name, seed, settings[name]) for name in HEALTHY for seed in seeds(f"healthy {name}", each)]
    healthy = in_parallel(_run, *zip(*cases, strict=True))
    figures.append(
        at_most(f"{len(cases)} healthy runs on five configurations: flagged", sum(run[0] for run in healthy), 0)
    )
    return figures
