"""The `learning` section: it names a rule, a carrier, a loss and an update, each with its own keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, create_model

from labrig.assembly.board import Board
from labrig.config.document import Document
from labrig.config.marked import without
from labrig.config.problems import Mark, TreePath
from labrig.config.section import Section, composed, part
from labrig.config.validation import validate
from labrig.extensions import Extensions, UnknownExtension
from labrig.instruments.data import Continuous, LevelTable
from labrig.learning.carriers import CARRIERS, Carrier
from labrig.learning.losses import LOSSES, Loss
from labrig.learning.rules import RULES, Rule
from labrig.learning.tasks import Task
from labrig.learning.updates import UPDATES, Rate, Update
from labrig.medium import PositiveFlow, PositiveSecondFlow, medium_in_use
from labrig.quantities import Count, NonNegativeCount

Array = NDArray[np.float64]


class Error(Section):
    """The injection of the error: the keys common to all media.

    The Norton current of the largest error (A) has a key named after the flow of the medium: `current`, `force` etc.

    Attributes
    ----------
    carrier : str
        How the error is distinguished from the activation; `tones: shared` is an old form of
        `carrier: shared_tone`.
    floor : float
        Errors smaller than `floor` times the scale of the loss are injected with a proportionally smaller current,
        which limits γ.
    """

    carrier: str = "shared_tone"
    tones: Literal["shared"] | None = None
    floor: Annotated[float, Field(gt=0, lt=1)] = 1e-6

    flow_key: ClassVar[str] = "current"

    @property
    def largest(self) -> float:
        """Norton current of the largest error (A), or the corresponding flow in another medium."""
        return float(getattr(self, self.flow_key))


@cache
def error_section(flow_key: str, second: bool = False) -> type[Error]:
    """Return the section's model with this key for the flow; `second`: whether a second quantity carries the error."""
    flow = PositiveSecondFlow if second else PositiveFlow
    model = create_model("Error", __base__=Error, **{flow_key: (flow, ...)})  # type: ignore[call-overload]
    model.flow_key = flow_key
    return model


class Evaluate(Section):
    """When to evaluate: every `every` epochs; 0 means only before and after training."""

    every: NonNegativeCount = 0


class Learning(Section):
    """The keys common to all rules, losses and updates."""

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
    twin: Literal["watch", "fit"] | None = None


@dataclass(frozen=True)
class LearningChoice:
    """The section and the classes it names."""

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
        """Build the loss for a task."""
        return self.loss_class.build(self.loss_options, task.training_targets)

    def error_tones(self, outputs: int) -> int:
        """Return the number of tones the carrier needs for this number of outputs."""
        return self.carrier_class.tones(part(self.section.error, self.carrier_class.Options), outputs)

    def acquisitions(self, edges: int, outputs: int) -> int:
        """Return the number of acquisitions per example on a board with this many edges and outputs."""
        return self.rule.acquisitions_of(edges, outputs, self.carrier_class)

    def carrier(self, loss: Loss, outputs: int) -> Carrier:
        """Build the carrier; its floor is in the unit of the loss gradient ∂C/∂v."""
        error = self.section.error
        options = part(error, self.carrier_class.Options)
        return self.carrier_class(options, error.largest, error.floor * loss.error_scale, outputs)

    def update(
        self,
        levels: Sequence[LevelTable | Continuous],
        initial: Array,
        span: float,
        loss: Loss,
        examples: int,
        steps: int | None = None,
    ) -> Update:
        """Build the update in its initial state.

        Parameters
        ----------
        levels : sequence of E LevelTable or Continuous
            The conductances that each edge can realize within the range.
        initial : (E,) array
            Initial conductances (S).
        span : float
            Width of the range (S).
        loss : Loss
            The loss, whose scale sets the unit of the rate.
        examples : int
            Training examples per epoch, for the linear decay.
        steps : int or None
            Number of steps after which the decay ends; None for the last epoch.
        """
        section = self.section
        batches = -(-examples // section.batch)
        total = section.epochs * batches if steps is None else steps
        rate = Rate(section.rate * span**2 / loss.scale, total if section.decay == "linear" else None)
        return self.update_class(part(section, self.update_class.Options), levels, initial, rate)


NAMED: tuple[tuple[TreePath, Extensions[Any], str | None], ...] = (
    (("learning", "rule"), RULES, "frequency_propagation"),
    (("learning", "error", "carrier"), CARRIERS, "shared_tone"),
    (("learning", "loss"), LOSSES, None),
    (("learning", "update"), UPDATES, "gradient_descent"),
)
"""For each key that names a class: its path, where the class is looked up, and the default name."""


def read_learning(document: Document) -> LearningChoice | None:
    """Validate the section together with the keys of the classes it names; return None if it has problems."""
    if document.get(("learning",)) is None:
        return None
    found = [_named(document, *named) for named in NAMED]
    rule, carrier, loss, update = found
    if carrier is not None and carrier.quantity and not medium_in_use().second_flow:
        message = f"nodes of this network carry only a {medium_in_use().state}, no second quantity; use shared_tone"
        document.report(("learning", "error", "carrier"), message)
        return None
    any_key = None in found
    try:
        base = error_section(medium_in_use().flow_key)
        if carrier is not None and carrier.flow_key:
            base = error_section(carrier.flow_key, second=True)
        error = composed("Error", base, *_options(carrier), any_key=any_key)
        model = composed("Learning", Learning, *_options(rule), *_options(loss), *_options(update), any_key=any_key)
    except ValueError as problem:
        document.report(("learning",), f"{problem}; they cannot be used together", at_key=True)
        return None
    model = _with_error(model, error)
    _check_strays(document, ("learning",), model)
    _check_strays(document, ("learning", "error"), error)
    section = validate(document, ("learning",), model)
    if section is None or carrier is None or None in found:
        return None
    assert isinstance(section, Learning)
    if carrier.sidebands and section.activation != "sine":
        message = f"{section.error.carrier} modulates the activation's tone; write 'learning.activation: sine'"
        document.report(("learning", "error", "carrier"), message)
        return None
    bench = document.get(("bench",))
    if not rule.measures and bench is not None and bench.value in ("wire", "hardware"):
        message = f"{section.rule} does not measure and works only with 'bench: simulated', not with {bench.value}"
        document.report(("learning", "rule"), f"{message}; use a rule that measures, such as frequency_propagation")
        return None
    objection = rule.objection(carrier, section.activation)
    if objection is not None:
        document.report(("learning", "rule"), f"{section.rule} {objection}")
        return None
    return LearningChoice(section, rule, carrier, loss, update)


@cache
def _with_error(model: type[Section], error: type[Section]) -> type[Section]:
    """Return the section model with its field `error` replaced by this model."""
    return create_model("Learning", __base__=model, error=(error, ...))


LARGEST_TWIN = 1000
"""Largest number of edges that a twin can keep up with: its work grows as the square of this number."""


def check_twin(document: Document, learning: LearningChoice, board: Board) -> None:
    """Report the twin if it cannot model this board."""
    edges, path = len(board.hookup.edges), ("learning", "twin")
    if learning.section.twin is None:
        return
    if edges > LARGEST_TWIN:
        document.report(path, f"a twin follows up to {LARGEST_TWIN} edges, but this board has {edges}; remove the twin")
    elif any(wire.terms or wire.per_siemens != 1.0 for wire in board.hookup.edges):
        document.report(path, "a twin can follow only electrical networks; remove the twin")
    elif learning.section.activation == "sine" and not board.network.linear:
        document.report(path, "on a board with diodes a twin needs 'activation: dc'; change that, or remove the twin")


def _named(document: Document, path: TreePath, known: Extensions[Any], default: str | None) -> Any:
    """Return the class that a key names; if there is none, report a problem and return None."""
    written = document.get(path)
    name = default if written is None else written.value
    if not isinstance(name, str):
        return None  # reported by validation
    try:
        return known.find(name)
    except UnknownExtension as error:
        document.report(path, str(error))
        return None


def _options(named: Any) -> list[type[Section]]:
    return [] if named is None else [named.Options]


def without_inherited(document: Document) -> Document:
    """Drop the inherited options of a rule, loss, carrier or update that the extending file replaces.

    If a file extends another file with `loss: softmax_cross_entropy, temperature: 50 mV` and sets `loss: hinge`, the
    temperature is dropped too. A key in the same file as the name is kept and reported as a problem.
    """
    root = document.root
    for place, known, _ in NAMED:
        named, beside = document.get(place), document.get(place[:-1])
        if named is None or beside is None or not isinstance(beside.value, dict):
            continue
        for key, owner in _owned(known).items():
            written = beside.value.get(key)
            if owner != named.value and written is not None and _is_below(document, written.mark, named.mark):
                root = without(root, (*place[:-1], key))
    return replace(document, root=root)


def _is_below(document: Document, written: Mark, named: Mark) -> bool:
    """Whether `written` is in a file that the file of `named` extends, directly or through others."""
    order = [str(path) for path in document.files]  # the user's file first
    position = {file: k for k, file in enumerate(order)}
    return position.get(written.file, -1) > position.get(named.file, -1)  # --set is above every file


def _owned(known: Extensions[Any]) -> dict[str, str]:
    """Return, for each option, which of labrig's own classes has it."""
    return {key: name for name in known.own for key in known.find(name).Options.model_fields}


def _check_strays(document: Document, path: TreePath, model: type[Section]) -> None:
    """Report every key that belongs to another rule, carrier, loss or update of labrig than the one named."""
    written = document.get(path)
    if written is None or not isinstance(written.value, dict) or model.model_config.get("extra") == "ignore":
        return
    for place, known, default in NAMED:
        if place[:-1] != path:
            continue
        named = document.get(place)
        for key, owner in _owned(known).items():
            if key in written.value and key not in model.model_fields:
                name = default if named is None else named.value
                message = f"this key belongs to {owner}, but the {known.noun} is {name}; change one of them"
                document.report((*path, key), message, at_key=True)
