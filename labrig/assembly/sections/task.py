"""The `task` section: the name of one task with its keys below it, and the sections `split`, `encode` and `target`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
from pydantic import Field, create_model

from labrig.assembly.board import Board
from labrig.assembly.reach import check_reach
from labrig.assembly.recommended import rounded_up
from labrig.assembly.sections.header import Header
from labrig.assembly.sections.instruments import Device
from labrig.assembly.sections.learning import LearningChoice
from labrig.assembly.sections.network import NetworkChoice
from labrig.assembly.sections.own_classes import loss_problem, slope_problem, task_problem
from labrig.config.document import Document
from labrig.config.messages import did_you_mean
from labrig.config.problems import TreePath
from labrig.config.section import OptionError, Section
from labrig.config.validation import validate
from labrig.extensions import UnknownExtension, is_third_party
from labrig.learning.losses import LOSSES, Loss, Targets
from labrig.learning.tasks import TASKS, Task, TaskContext, Terminals, goals_judged, goals_section
from labrig.learning.tasks.classification import Split
from labrig.learning.tasks.encoding import Encode
from labrig.learning.tasks.task import Key
from labrig.medium import medium_in_use
from labrig.quantities import as_written
from labrig.signals.tone_planner import TonePlan

SHARED: Mapping[str, type[Section]] = {"split": Split, "encode": Encode}
"""Sections that any task may have; each task names the ones it needs."""


@dataclass(frozen=True)
class TaskChoice:
    """The `task` section and the task that it names.

    Parameters
    ----------
    name : str
        Name of the task as written: one of labrig's own, an entry point, or a dotted path.
    task : type
        The class of the task.
    section : Section
        The whole section.
    options : Section
        The keys below the name.
    shared : mapping
        The shared sections that are given, by key.
    target : Section or None
        The goals of the task, if any are given.
    """

    name: str
    task: type[Task]
    section: Section
    options: Section
    shared: Mapping[str, Section]
    target: Section | None

    def place(self, key: Sequence[str | int]) -> TreePath:
        """Return the path of a key of the task: below its name, or in a shared section."""
        below_its_name = not key or key[0] in self.task.Options.model_fields
        return ("task", self.name, *key) if below_its_name else ("task", *key)

    def goals_judged(self, metrics: Mapping[str, float]) -> tuple[list[str], list[str]]:
        """Describe the goals that the metrics reach, and those that they miss."""
        return goals_judged(self.task.goals, self.target, metrics)


def read_choice(document: Document) -> TaskChoice | None:
    """Validate the section; return None if it has problems."""
    written = document.get(("task",))
    if written is None:
        return None
    keys = list(written.value) if isinstance(written.value, dict) else []
    named = [key for key in keys if key in TASKS.names() or ":" in key]
    wanted = f"write exactly one of {', '.join(TASKS.names())}"
    if len(named) > 1:
        document.report(("task", named[-1]), f"{wanted}, not {' and '.join(named)}", at_key=True)
        return None
    if not named:
        strays = [key for key in keys if key not in (*SHARED, "target")]
        for key in strays:
            hint = did_you_mean(key, [*TASKS.names(), *SHARED, "target"]) or f"; {wanted}"
            document.report(("task", key), f"unknown key {as_written(key)}{hint}", at_key=True)
        if not strays:
            document.report(("task",), wanted, at_key=True)
        return None
    (name,) = named
    try:
        task = TASKS.find(name)
    except UnknownExtension as error:
        document.report(("task", name), str(error), at_key=True)
        return None
    needed = task.needed_sections(_given(document, ("task", name)))
    section = validate(document, ("task",), _model(name, task, needed))
    if section is None:
        return None
    values: Any = section
    shared = {key: value for key in SHARED if (value := getattr(values, key)) is not None}
    for key in shared:
        if key not in needed:
            remedy = f"remove it; {name} has {', '.join(task.Options.model_fields) or 'no keys'}"
            document.report(("task", key), f"{name} does not use {key}; {remedy}", at_key=True)
            return None
    missing = [key for key in needed if key not in shared]
    if missing:
        examples = ", ".join(f"'{section_model(task, key).example}'" for key in missing)
        document.report(("task", name), f"also needs {' and '.join(missing)} in task, e.g. {examples}", at_key=True)
        return None
    return TaskChoice(name, task, section, values.named, shared, values.target)


def _given(document: Document, path: TreePath) -> set[str]:
    """Return the keys of a map that have a value."""
    options = document.get(path)
    if options is None or not isinstance(options.value, dict):
        return set()
    return {key for key, value in options.value.items() if value.value is not None}


def section_model(task: type[Task], key: str) -> type[Section]:
    """Return the model of a shared section for one task."""
    return task.section_models.get(key, SHARED[key])


@cache
def _model(name: str, task: type[Task], needed: tuple[str, ...]) -> type[Section]:
    """Return the model of the section for one task; shared sections that the task does not need are not checked."""
    fields: dict[str, Any] = {"named": (task.Options, Field(alias=name))}
    fields |= {key: (section_model(task, key) | None if key in needed else Any, None) for key in SHARED}
    fields["target"] = (goals_section(task.goals) | None, None)
    return create_model("Task", __base__=Section, **fields)


class _NoBoard(Exception):
    """A task asks for the terminals of a board that has problems."""


class _NoTerminals:
    """Placeholder for the terminals of a board that has problems; a task that does not use them is still checked."""

    def __getattr__(self, name: str) -> Any:
        raise _NoBoard


def read_examples(
    document: Document,
    choice: TaskChoice,
    learning: LearningChoice,
    network: NetworkChoice | None = None,
    board: Board | None = None,
    header: Header | None = None,
) -> Task | None:
    """Build the task; return None if it has problems, or needs a board and there is none yet.

    Whether the task fits the board is checked by `read_task`.
    """
    before = len(document.problems)
    _check_loss(document, choice, learning)
    terminals: Any = _terminals(network, board) if network and board else _NoTerminals()

    def locate(key: Key) -> Path | None:
        written = document.get(choice.place(key))
        return None if written is None else document.locate(str(written.value), written)

    def searched(key: Key) -> str:
        return document.searched(document.get(choice.place(key)))

    def warn(key: str | Key, message: str) -> None:
        document.warn(choice.place((key,) if isinstance(key, str) else key), message)

    context = TaskContext(terminals, choice.shared, header.seed if header else 0, locate, searched, warn)
    try:
        task = choice.task.build(choice.options, context)
    except _NoBoard:
        return None
    except OptionError as error:
        document.report(choice.place(error.key), str(error))
        return None
    if problem := task_problem(task):
        document.report(choice.place(()), f"{choice.name}: {problem}")
        return None
    if not len(task.train) and learning.section.epochs > 0:
        message = "there are no training examples; use at least 1, or 'epochs: 0' in learning to score only"
        document.report(choice.place(("split",)), message)
    return task if len(document.problems) == before else None


def read_task(
    document: Document, choice: TaskChoice, examples: Task, network: NetworkChoice, board: Board
) -> Task | None:
    """Return the task if it fits the board; else report why not, and return None."""
    problems = examples.board_problems(_terminals(network, board))
    for problem in problems:
        document.report(choice.place(problem.key), str(problem))
    return None if problems else examples


def _terminals(network: NetworkChoice, board: Board) -> Terminals:
    hookup = board.hookup
    return Terminals(
        input_ohm=hookup.input_ohm,
        output_ohm=hookup.output_ohm,
        range_s=network.programmable.range,
        edges=len(hookup.edges),
        fixed=any(board.network.fixed.values()),
    )


def read_loss(
    document: Document, choice: TaskChoice, learning: LearningChoice, task: Task, board: Board
) -> Loss | None:
    """Build the loss; report a problem and return None if it has no scale or the board cannot reach the targets."""
    loss = learning.loss(task)
    if not loss.scale > 0:
        message = "every target is 0 V, so the loss has no scale and the rate is undefined; write another target"
        document.report(choice.place(task.target_key()), message)
        return None
    if is_third_party(type(loss)):
        name, place = learning.section.loss, ("learning", "loss")
        if problem := loss_problem(loss, task):
            document.report(place, f"{name}: {problem}")
            return None
        if difference := slope_problem(loss, task):
            document.warn(place, f"the gradient of {name} is not the slope of its value: {difference}")
    return loss if check_reach(document, choice.place, board, task) else None


def _check_loss(document: Document, choice: TaskChoice, learning: LearningChoice) -> None:
    """Report a loss that does not suit the kind of the task's targets."""
    if learning.loss_class.targets == choice.task.targets:
        return
    kinds = get_args(Targets)
    if learning.loss_class.targets not in kinds:
        message = f"{learning.section.loss} has targets = {learning.loss_class.targets!r}; it must be "
        document.report(("learning", "loss"), message + " or ".join(map(repr, kinds)))
        return
    fitting = [name for name in LOSSES.own if LOSSES.find(name).targets == choice.task.targets]
    message = f"{choice.name} is trained with {' or '.join(fitting)}, not {learning.section.loss}"
    document.report(("learning", "loss"), message)


def check_least_drive(
    document: Document, choice: TaskChoice, task: Task, board: Board, devices: Mapping[str, Device], tones: TonePlan
) -> None:
    """Report inputs that differ too little for the digitizer, because no node changes by more than the inputs do."""
    digitizer = devices[board.hookup.digitizer].digitizer
    text = partial(medium_in_use().text, "state")
    sensors = {wire.node: abs(wire.sensor) for wire in board.hookup.senses}
    if any(wire.actuator is not None and wire.actuator.makes_flow for wire in board.hookup.inputs):
        return
    least = task.activation.min(axis=0) if len(task.activation) > 1 else 0.0
    reach = np.abs(task.activation - least).max(axis=0)
    column = int(reach.argmax())
    sensor = sensors.get(board.hookup.inputs[column].node, 1.0)
    step, seen = digitizer.step_v / sensor, digitizer.step_v / sensor / math.sqrt(12 * tones.window_samples)
    if not 0 < reach[column] < seen:
        return
    what = "the inputs of two examples differ by" if len(task.activation) > 1 else "the inputs are"
    document.report(
        choice.place(task.input_key(column)),
        f"{what} at most {text(reach[column])}, below the quantization noise of {board.hookup.digitizer} (steps of "
        f"{text(step)}) over the window; use at least {text(rounded_up(seen))}, ideally a good part of its range of "
        f"{text(digitizer.full_scale_v / sensor)}",
    )
