"""Trains an example configuration on a bench with wrapped instruments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unit.rig.benches import Wrap, assembled, setup_with

from labrig.runs.journal import Evaluation, Journal, Step

XOR_ERRORS = {"6", "7"}
IRIS_ERRORS = {"10", "11", "12"}


@dataclass(frozen=True)
class Trained:
    steps: Sequence[Step]
    evaluations: Sequence[Evaluation]

    @property
    def first(self) -> dict[str, float]:
        return self.evaluations[0].metrics

    @property
    def last(self) -> dict[str, float]:
        return self.evaluations[-1].metrics


def train(folder: Path, name: str, *overrides: str, **wraps: Wrap) -> Trained:
    assembly = assembled(name, *overrides)
    setup = setup_with(assembly, **wraps)
    reported: list[Step | Evaluation] = []
    with Journal(folder / "run.db") as journal, setup.rig as rig:
        assembly.experiment(rig, journal).run(lambda: False, reported.append)
    return Trained(
        [item for item in reported if isinstance(item, Step)],
        [item for item in reported if isinstance(item, Evaluation)],
    )
