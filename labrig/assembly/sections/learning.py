"""The `learning` section: rule, carrier, loss and update are named, and bring keys of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, create_model

from labrig.config.document import Document
from labrig.config.problems import TreePath
from labrig.config.section import Section, composed, part
from labrig.config.validation import validate
from labrig.extensions import Extensions, UnknownExtension
from labrig.instruments.data import Continuous, LevelTable
from labrig.learning.carriers import CARRIERS, Carrier
from labrig.learning.losses import LOSSES, Loss
from labrig.learning.rules import RULES, Rule
from labrig.learning.tasks import Task
from labrig.learning.updates import UPDATES, Rate, Update
from labrig.quantities import Count, NonNegativeCount, PositiveCurrent

Array = NDArray[np.float64]


class Error(Section):
    """current: Norton current of the largest error. Errors below `floor` of the loss's own scale are injected at a
    proportionally smaller current, which caps γ. carrier: how it is told apart from the activation; `tones: shared` is
    the older name of a shared tone."""

    current: PositiveCurrent
    carrier: str = "shared_tone"
    tones: Literal["shared"] | None = None
    floor: Annotated[float, Field(gt=0, lt=1)] = 1e-6


class Evaluate(Section):
    """every: epochs between evaluations; 0 evaluates only before and after training."""

    every: NonNegativeCount = 0


class Learning(Section):
    """The keys that every rule, loss and update share."""

    rule: str = "frequency_propagation"
    activation: Literal["dc", "sine"] = "dc"
    error: Error
    loss: str
    update: str = "gradient_descent"
    rate: Annotated[float, Field(gt=0)]
    decay: Literal["linear", "none"] = "linear"
    batch: Count = 1
    epochs: NonNegativeCount
    evaluate: Evaluate = Evaluate()


class _AnyKey(Section):
    """Keys of a thing that was not found cannot be judged."""

    model_config = ConfigDict(extra="ignore")


@dataclass(frozen=True)
class LearningChoice:
    """The section, and what it names."""

    section: Learning
    rule_class: type[Rule]
    carrier_class: type[Carrier]
    loss_class: type[Loss]
    update_class: type[Update]

    @property
    def rule(self) -> Rule:
        """The rule with its options."""
        return self.rule_class(part(self.section, self.rule_class.Options))

    @property
    def loss_options(self) -> Section:
        """The keys of the loss."""
        return part(self.section, self.loss_class.Options)

    def loss(self, task: Task) -> Loss:
        """The loss of a task."""
        return self.loss_class.build(self.loss_options, task.training_targets)

    def error_tones(self, outputs: int) -> int:
        """How many tones the carrier needs for so many outputs."""
        return self.carrier_class.tones(part(self.section.error, self.carrier_class.Options), outputs)

    def carrier(self, loss: Loss) -> Carrier:
        """The carrier, with its current and floor in the loss's own unit."""
        error = self.section.error
        options = part(error, self.carrier_class.Options)
        return self.carrier_class(options, error.current, error.floor * loss.error_scale)

    def update(
        self, levels: Sequence[LevelTable | Continuous], initial: Array, span: float, loss: Loss, examples: int
    ) -> Update:
        """The update at its beginning.

        Parameters
        ----------
        levels : sequence of E
            What each edge can realize within the range, whose width is `span` (S).
        initial : (E,) array
            Conductances to begin with (S).
        examples : int
            In one epoch; a linear decay ends with the last one.
        """
        section = self.section
        batches = -(-examples // section.batch)
        steps = section.epochs * batches if section.decay == "linear" else None
        rate = Rate(section.rate * span**2 / loss.scale, steps)
        return self.update_class(part(section, self.update_class.Options), levels, initial, rate)


NAMED: tuple[tuple[TreePath, Extensions[Any], str | None], ...] = (
    (("learning", "rule"), RULES, "frequency_propagation"),
    (("learning", "error", "carrier"), CARRIERS, "shared_tone"),
    (("learning", "loss"), LOSSES, None),
    (("learning", "update"), UPDATES, "gradient_descent"),
)
"""Keys that name something, where it is found, and the default."""


def read_learning(document: Document) -> LearningChoice | None:
    """The section with the keys of everything it names; None if it has problems."""
    if document.get(("learning",)) is None:
        return None
    found = [_named(document, *named) for named in NAMED]
    rule, carrier, loss, update = found
    unknown = (_AnyKey,) if None in found else ()
    try:
        error = composed("Error", Error, *_options(carrier), *unknown)
        model = composed("Learning", Learning, *_options(rule), *_options(loss), *_options(update), *unknown)
    except ValueError as problem:
        document.report(("learning",), f"{problem}; they cannot be used together", at_key=True)
        return None
    model = _with_error(model, error)
    _check_strays(document, ("learning",), model)
    _check_strays(document, ("learning", "error"), error)
    section = validate(document, ("learning",), model)
    if section is None or None in found:
        return None
    assert isinstance(section, Learning)
    return LearningChoice(section, rule, carrier, loss, update)


@cache
def _with_error(model: type[Section], error: type[Section]) -> type[Section]:
    """The section with `error` in the place of its plain one."""
    return model if error is Error else create_model("Learning", __base__=model, error=(error, ...))


def _named(document: Document, path: TreePath, known: Extensions[Any], default: str | None) -> Any:
    """The class that a key names; None, with a problem, if there is none."""
    written = document.get(path)
    name = default if written is None else written.value
    if not isinstance(name, str):
        return None  # validation says so
    try:
        return known.find(name)
    except UnknownExtension as error:
        document.report(path, str(error))
        return None


def _options(named: Any) -> list[type[Section]]:
    return [] if named is None else [named.Options]


def _check_strays(document: Document, path: TreePath, model: type[Section]) -> None:
    """A problem for each key that belongs to something else of labrig's own than what is named beside it."""
    written = document.get(path)
    keys = list(written.value) if written is not None and isinstance(written.value, dict) else []
    if model.model_config.get("extra") == "ignore":
        return
    for key in keys:
        if key in model.model_fields:
            continue
        for place, known, default in NAMED:
            owners = [name for name in known.own if key in known.find(name).Options.model_fields]
            if place[:-1] == path and owners:
                chosen = document.get(place)
                name = default if chosen is None else chosen.value
                document.report(
                    (*path, key),
                    f"it belongs to {owners[0]}, and the {known.noun} is {name}; change one of them",
                    at_key=True,
                )
