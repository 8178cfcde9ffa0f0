"""The contract of a task: examples, targets, goals, metrics of the outputs, and error messages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from labrig.config.section import OptionError, Section
from labrig.learning.losses import Targets, TrainingTargets
from labrig.learning.tasks.goals import Goal
from labrig.learning.tasks.roles import Role

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
Key = tuple[str | int, ...]
"""Path of a key in the task's own options, or in a section next to them."""


@dataclass(frozen=True)
class Terminals:
    """The board as a task sees it.

    Parameters
    ----------
    input_ohm : (I,) array
        Resistance through which each input is driven.
    output_ohm : (O,) array
        Resistance from each output to ground through the source that injects its error.
    range_s : tuple
        Configured range of the conductances (S).
    edges : int
        Number of programmable edges.
    fixed : bool
        Whether there are other elements, such as fixed resistors and diodes.
    """

    input_ohm: Array
    output_ohm: Array
    range_s: tuple[float, float]
    edges: int
    fixed: bool

    @property
    def inputs(self) -> int:
        """I, the number of inputs."""
        return len(self.input_ohm)

    @property
    def outputs(self) -> int:
        """O, the number of outputs."""
        return len(self.output_ohm)


@dataclass(frozen=True)
class TaskContext:
    """The context from which a task is built, in addition to its own options.

    Parameters
    ----------
    terminals : Terminals
        The inputs and outputs of the board.
    sections : mapping
        The sections next to the task's own options, by key.
    seed : int
        Seed of the run.
    locate : callable
        Takes the path of a key in the task's own options, and returns the file that is named there, or None if there
        is no such file.
    searched : callable
        Takes the same path, and returns the places where `locate` looks, in words for a message.
    warn : callable
        Takes a key of the task's own options, or its path, and a message, and shows the user a warning that does not
        stop the run.
    """

    terminals: Terminals
    sections: Mapping[str, Any]
    seed: int
    locate: Callable[[Key], Path | None]
    searched: Callable[[Key], str]
    warn: Callable[[str | Key, str], None] = lambda key, message: None


@dataclass(frozen=True)
class Task(ABC):
    """Examples on which a network is trained.

    Parameters
    ----------
    activation : (M, I) array
        Input voltages (V).
    target : (M, R) array
        Target voltage of each readout (V), or one-hot classes.
    readout : (R, O) array
        Readouts as combinations of outputs: the identity for single-ended ones, [[1, −1]] for one difference.
    train, test : arrays of int
        Indices of the examples in the training set and in the test set.
    names : tuple of str
        Names of the examples, for certificates and tables; empty if examples are called by their numbers.
    """

    activation: Array
    target: Array
    readout: Array
    train: Indices
    test: Indices
    names: tuple[str, ...] = field(default=(), kw_only=True)

    Options: ClassVar[type[Section]]
    """The task's own keys, below its name in the `task` section."""
    targets: ClassVar[Targets]
    """Kind of `target`; the loss must use the same kind."""
    sections: ClassVar[tuple[str, ...]] = ()
    """The shared sections, 'split' and 'encode', that the task uses besides its own options."""
    section_models: ClassVar[Mapping[str, type[Section]]] = {}
    """The task's own pydantic models of these sections, if they differ from the shared models."""
    goals: ClassVar[tuple[Goal, ...]] = ()
    """Goals that `task.target` may set."""
    exact: ClassVar[bool] = True
    """Whether every target should be reached. If not, the task is a best fit: some targets may be unreachable."""

    @classmethod
    @abstractmethod
    def build(cls, options: Any, context: TaskContext) -> Self:
        """Build the task from a configuration.

        Raises
        ------
        OptionError
            If the options are wrong; the error names the key at fault.
        """

    @classmethod
    def needed_sections(cls, given: Collection[str]) -> tuple[str, ...]:
        """Return the shared sections that the task needs if these options are given; it does not use any others."""
        return cls.sections

    @property
    def trial(self) -> Indices:
        """Examples to try a rig with: those of the training set or, if it is empty, of the test set."""
        return self.train if len(self.train) else self.test

    @property
    def training_targets(self) -> TrainingTargets:
        """The part of the task that a loss is built from."""
        return TrainingTargets(self.readout, self.target[self.trial])

    def figures(self, examples: Indices, outputs: Array) -> dict[str, float]:
        """Metrics of the measured outputs (len(examples), O) in V of these examples, in addition to the loss."""
        return {}

    def tolerances(self) -> Mapping[str, float]:
        """Return the largest change of each metric that does not count as a different result."""
        return {}

    def solved(self) -> Mapping[str, float]:
        """Return the values at which the task counts as solved if `task.target` is not given, by key of the goals."""
        return {}

    def gradient_figures(self, conductances: Array, gradient: Array) -> dict[str, float]:
        """Metrics of the first gradient (E,) of a run, for a task with a formula for the exact gradient."""
        return {}

    def board_problems(self, terminals: Terminals) -> list[OptionError]:
        """Return the problems with a board whose inputs or outputs do not match the task; an empty list if none."""
        problems: list[OptionError] = []
        if self.activation.shape[1] != terminals.inputs:
            message = f"the task has {self.inputs_in_words()}, but {terminals.inputs} nodes are driven"
            message += self.inputs_remedy(terminals.inputs)
            problems.append(OptionError((), message))
        if self.readout.shape[1] != terminals.outputs:
            problems.append(self.outputs_problem(terminals.outputs))
        return problems

    def outputs_problem(self, outputs: int) -> OptionError:
        """Return the problem with a board that has this number of outputs."""
        return OptionError(
            (),
            f"the task has {self.readout.shape[1]} outputs, but {outputs} nodes have an 'error' source in the wiring",
        )

    def inputs_in_words(self) -> str:
        """Describe the number and kinds of the inputs in words."""
        count = self.activation.shape[1]
        return "1 input" if count == 1 else f"{count} inputs"

    def inputs_remedy(self, driven: int) -> str:
        """Return the end of a message: the key that makes the inputs as many as the driven nodes; empty if none."""
        return ""

    def input_roles(self) -> tuple[Role, ...]:
        """Return the role of each input."""
        return tuple(Role("feature", f"input {k + 1}") for k in range(self.activation.shape[1]))

    def output_roles(self) -> tuple[Role, ...]:
        """Return the role of each output."""
        rows = np.abs(self.readout).argmax(axis=0)
        signs = ["" if (self.readout >= 0).all() else " (+)" if up else " (-)" for up in self.readout.max(axis=0) > 0]
        return tuple(Role("readout", f"output {row + 1}{sign}") for row, sign in zip(rows, signs, strict=True))

    def input_key(self, column: int) -> Key:
        """The key that sets the voltage of an input."""
        return ()

    def input_note(self, column: int) -> str:
        """Return how the largest voltage of an input follows from the value at `input_key`; empty if they agree."""
        return ""

    def target_key(self, row: int | None = None) -> Key:
        """The key that sets the target of the readout `row`, or of all readouts if `row` is None."""
        return ()

    def target_place(self, example: int, row: int) -> str:
        """Return the place of a readout's target in the data file; empty if the target does not come from a file."""
        return ""

    def target_remedy(self, reach: float) -> str:
        """Return the remedy for a data file with targets beyond `reach`, the largest possible output (in SI units)."""
        return "correct the data"

    def example_name(self, example: int) -> str:
        """The name of an example, or its number if it has no name."""
        return self.names[example] if self.names else str(example)

    def representatives(self) -> list[int]:
        """Indices of the training examples that `certify` judges by default.

        If there are at most eight, all of them. Otherwise two for each different target, or the first four if there are
        more than eight different targets.
        """
        if len(self.trial) <= 8:
            return [int(k) for k in self.trial]
        kinds: dict[bytes, list[int]] = {}
        for k in self.trial:
            kinds.setdefault(self.target[k].tobytes(), []).append(int(k))
        if len(kinds) > 8:
            return [int(k) for k in self.trial[:4]]
        return [k for members in kinds.values() for k in members[:2]]
