"""Compares runs: differences of their comparability cards, and their figures side by side.

The card contains a single hash of all elements and values of a network. If this hash differs, the settings that
describe the network are compared too, so that a reader sees why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from labrig.config.yaml_core import CoreLoader
from labrig.errors import UsageError
from labrig.runs.folder import CONFIG, RunFolder
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
    networks
        If the networks differ, for every key of `network` and `wiring` in which the settings of the runs differ, the
        value of each run. Empty if these settings are the same, and only a file that they name has changed.
    figures
        For every figure, the value of each run; None for a run without that figure.
    """

    runs: tuple[str, ...]
    states: tuple[str, ...]
    seeds: tuple[Any, ...]
    steps: tuple[int, ...]
    differs: Mapping[str, tuple[Any, ...]]
    networks: Mapping[str, tuple[Any, ...]]
    figures: Mapping[str, tuple[float | None, ...]]

    @property
    def comparable(self) -> bool:
        """Whether the figures may be compared: the cards are the same, and every run is complete."""
        return not self.differs and not self.unfinished

    @property
    def learning_alone(self) -> bool:
        """Whether the cards differ, but only in how the runs learn: then the figures show what these settings do."""
        return bool(self.differs) and self.differs.keys() <= LEARNING

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
            "learning_alone": self.learning_alone,
            "differs": {key: list(values) for key, values in self.differs.items()},
            "networks": {key: list(values) for key, values in self.networks.items()},
            "figures": {name: list(values) for name, values in self.figures.items()},
        }


_ENDED = ("finished", "missed")

LEARNING = {"rule", "measurement", "batch", "epochs", "rate", "decay", "update", "rounding", "hysteresis"}
"""Keys of the card that say how a run learns; those of task, board, loss and bench are not among them."""

NETWORK = "network.sha256"
"""Key of the card that has the hash of the network."""


def compare(folders: Sequence[RunFolder]) -> Comparison:
    """Compare the cards, states and figures of several runs.

    Raises
    ------
    StorageError
        If a folder is damaged.
    UsageError
        If a run ended before it began to train.
    """
    for folder in folders:
        read_journal(folder.journal)  # a damaged run raises StorageError here
    summaries = [summarize(folder) for folder in folders]
    for summary in summaries:
        if summary["name"] is None:
            raise UsageError(f"{summary['run']} ended before it began to train, so there is nothing to compare")
    differs = _differing([_flat(folder.meta()["card"]) for folder in folders])
    names = dict.fromkeys(name for summary in summaries for name in summary["metrics"])
    return Comparison(
        runs=tuple(summary["run"] for summary in summaries),
        states=tuple(summary["state"] for summary in summaries),
        seeds=tuple(summary["seed"] for summary in summaries),
        steps=tuple(summary["steps"] for summary in summaries),
        differs=differs,
        networks=_differing([_network(folder) for folder in folders]) if NETWORK in differs else {},
        figures={name: tuple(summary["metrics"].get(name) for summary in summaries) for name in names},
    )


def _differing(cards: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Return the value of each card for every key in which they differ; None where a card has no such key."""
    keys = dict.fromkeys(key for card in cards for key in card)
    values = {key: tuple(card.get(key) for card in cards) for key in keys}
    return {key: each for key, each in values.items() if any(value != each[0] for value in each)}


def _network(folder: RunFolder) -> dict[str, Any]:
    """Return the settings of a run that describe its network, by dotted key; {} if the run has no readable settings."""
    try:
        settings = yaml.load((folder.path / CONFIG).read_text(encoding="utf-8"), CoreLoader)
    except (OSError, ValueError, yaml.YAMLError):
        settings = None
    if not isinstance(settings, dict):
        return {}
    return _flat({key: settings.get(key) for key in ("network", "wiring")}, lists=True)


def _flat(card: Any, above: str = "", *, lists: bool = False) -> dict[str, Any]:
    """Return the values of nested maps by dotted key; keys without a value are left out.

    With `lists`, items of a list of maps get keys too: "network.edges[3].nodes".
    """
    if lists and isinstance(card, list) and any(isinstance(item, dict) for item in card):
        named = {f"{above}[{number}]": item for number, item in enumerate(card)}
    elif isinstance(card, dict):
        named = {f"{above}.{key}" if above else str(key): value for key, value in card.items()}
    else:
        return {} if card is None else {above: card}
    flat: dict[str, Any] = {}
    for key, value in named.items():
        flat |= _flat(value, key, lists=lists)
    return flat
