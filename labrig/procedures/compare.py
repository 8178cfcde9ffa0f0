"""Compares runs: differences of their comparability cards, and their figures side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labrig.errors import UsageError
from labrig.runs.folder import RunFolder
from labrig.runs.journal import read_journal
from labrig.runs.summary import summarize


@dataclass(frozen=True)
class Comparison:
    """Runs side by side.

    Parameters
    ----------
    runs
        The folders of the runs.
    states, seeds, steps
        State, seed and number of steps of each run.
    differs
        For every key of the card in which the runs differ, the value of each run; None for a run without that key.
    figures
        For every figure, the value of each run; None for a run without that figure.
    """

    runs: tuple[str, ...]
    states: tuple[str, ...]
    seeds: tuple[Any, ...]
    steps: tuple[int, ...]
    differs: Mapping[str, tuple[Any, ...]]
    figures: Mapping[str, tuple[float | None, ...]]

    @property
    def comparable(self) -> bool:
        """Whether the figures may be compared: the cards are the same, and every run is complete."""
        return not self.differs and not self.unfinished

    @property
    def unfinished(self) -> tuple[str, ...]:
        """The runs that are not complete (interrupted, failed or still running)."""
        return tuple(run for run, state in zip(self.runs, self.states, strict=True) if state not in _ENDED)

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as plain values."""
        return {
            "runs": list(self.runs),
            "states": list(self.states),
            "seeds": list(self.seeds),
            "steps": list(self.steps),
            "comparable": self.comparable,
            "differs": {key: list(values) for key, values in self.differs.items()},
            "figures": {name: list(values) for name, values in self.figures.items()},
        }


_ENDED = ("finished", "missed")


def compare(folders: Sequence[RunFolder]) -> Comparison:
    """Compare runs.

    Raises
    ------
    StorageError
        If a folder is damaged.
    UsageError
        If a run ended before it began to train.
    """
    for folder in folders:
        read_journal(folder.journal)  # a damaged one is reported instead of compared
    summaries = [summarize(folder) for folder in folders]
    for summary in summaries:
        if summary["name"] is None:
            raise UsageError(f"{summary['run']} ended before it began to train, so there is nothing to compare")
    cards = [_flat(folder.meta()["card"]) for folder in folders]
    keys = dict.fromkeys(key for card in cards for key in card)
    values = {key: tuple(card.get(key) for card in cards) for key in keys}
    names = dict.fromkeys(name for summary in summaries for name in summary["metrics"])
    return Comparison(
        runs=tuple(summary["run"] for summary in summaries),
        states=tuple(summary["state"] for summary in summaries),
        seeds=tuple(summary["seed"] for summary in summaries),
        steps=tuple(summary["steps"] for summary in summaries),
        differs={key: each for key, each in values.items() if any(value != each[0] for value in each)},
        figures={name: tuple(summary["metrics"].get(name) for summary in summaries) for name in names},
    )


def _flat(card: Any, above: str = "") -> dict[str, Any]:
    """Return the values of nested maps by dotted key; keys without a value are left out."""
    if not isinstance(card, dict):
        return {} if card is None else {above: card}
    flat: dict[str, Any] = {}
    for key, value in card.items():
        flat |= _flat(value, f"{above}.{key}" if above else str(key))
    return flat
