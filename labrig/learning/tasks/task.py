"""The contract of a task: examples, targets, goals, what is reported of the outputs, and the words for errors."""

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
"""A key, or the path to one, in the task's own options or in a section next to them."""


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
        """I."""
        return len(self.input_ohm)

    @property
    def outputs(self) -> int:
        """O."""
        return len(self.output_ohm)


@dataclass(frozen=True)
class TaskContext:
    """What a task is built from besides its own options.

    Parameters
    ----------
    terminals : Terminals
    sections : mapping
        The sections next to its own, by key.
    seed : int
        Seed of the run.
    locate : callable
        The file that a key of its own options, given as its path, names, or None if there is none.
    warn : callable
        Shows the user a warning about a key of its own options, which does not stop the run.
    """

    terminals: Terminals
    sections: Mapping[str, Any]
    seed: int
    locate: Callable[[Key], Path | None]
    warn: Callable[[str, str], None] = lambda key, message: None


@dataclass(frozen=True)
class Task(ABC):
    """Examples a network is trained on.

    Parameters
    ----------
    activation : (M, I) array
        Input voltages (V).
    target : (M, R) array
        Volts of each readout, or one-hot classes.
    readout : (R, O) array
        How outputs are read: the identity single-ended, [[1, −1]] as one difference.
    train, test : arrays of int
        Indices of examples.
    names : tuple of str
        One per example, for certificates and tables; empty for numbers.
    """

    activation: Array
    target: Array
    readout: Array
    train: Indices
    test: Indices
    names: tuple[str, ...] = field(default=(), kw_only=True)

    Options: ClassVar[type[Section]]
    """Its own keys, below its name in the `task` section."""
    targets: ClassVar[Targets]
    """What `target` says; the loss must be of the same kind."""
    sections: ClassVar[tuple[str, ...]] = ()
    """Which of the sections that tasks share it has next to its own: 'split', 'encode'."""
    section_models: ClassVar[Mapping[str, type[Section]]] = {}
    """Its own models of these sections, where they are not the usual ones."""
    goals: ClassVar[tuple[Goal, ...]] = ()
    """What `target` may ask for."""
    exact: ClassVar[bool] = True
    """Whether every target should be reached; a best fit may ask for more than there is in some examples."""

    @classmethod
    @abstractmethod
    def build(cls, options: Any, context: TaskContext) -> Self:
        """The task of a configuration.

        Raises
        ------
        OptionError
            Naming the key to blame.
        """

    @classmethod
    def needed_sections(cls, given: Collection[str]) -> tuple[str, ...]:
        """Return the sections that must be present if these options are given; the other ones must not."""
        return cls.sections

    @property
    def training_targets(self) -> TrainingTargets:
        """What a loss may know."""
        return TrainingTargets(self.readout, self.target[self.train])

    def figures(self, examples: Indices, outputs: Array) -> dict[str, float]:
        """What is reported of measured outputs (len(examples), O) in V, besides the loss."""
        return {}

    def tolerances(self) -> Mapping[str, float]:
        """Return by how much each of the figures may change before the result is another one."""
        return {}

    def solved(self) -> Mapping[str, float]:
        """Return what counts as solved where `task.target` asks for nothing: values by the keys of its goals."""
        return {}

    def gradient_figures(self, conductances: Array, gradient: Array) -> dict[str, float]:
        """Figures of the first gradient of a run (E,), for a task that has a formula to hold it against."""
        return {}

    def board_problems(self, terminals: Terminals) -> list[OptionError]:
        """What is wrong if the board does not have the inputs and outputs of this task."""
        problems: list[OptionError] = []
        if self.activation.shape[1] != terminals.inputs:
            message = f"the task has {self.inputs_in_words()}, {terminals.inputs} nodes are driven"
            problems.append(OptionError((), message))
        if self.readout.shape[1] != terminals.outputs:
            problems.append(self.outputs_problem(terminals.outputs))
        return problems

    def outputs_problem(self, outputs: int) -> OptionError:
        """What is wrong if the board has this many outputs instead."""
        return OptionError(
            (),
            f"the task has {self.readout.shape[1]} outputs, but {outputs} nodes have an 'error' source in the wiring",
        )

    def inputs_in_words(self) -> str:
        """How many inputs there are, and what they are."""
        count = self.activation.shape[1]
        return "1 input" if count == 1 else f"{count} inputs"

    def input_roles(self) -> tuple[Role, ...]:
        """Return what each input stands for."""
        return tuple(Role("feature", f"input {k + 1}") for k in range(self.activation.shape[1]))

    def output_roles(self) -> tuple[Role, ...]:
        """Return what each output stands for."""
        rows = np.abs(self.readout).argmax(axis=0)
        signs = ["" if (self.readout >= 0).all() else " (+)" if up else " (-)" for up in self.readout.max(axis=0) > 0]
        return tuple(Role("readout", f"output {row + 1}{sign}") for row, sign in zip(rows, signs, strict=True))

    def input_key(self, column: int) -> Key:
        """The key that sets the voltage of an input."""
        return ()

    def input_note(self, column: int) -> str:
        """How the largest voltage of an input follows from that key, if it is not the value itself."""
        return ""

    def target_key(self, row: int | None = None) -> Key:
        """The key that sets the target of a readout, or of all."""
        return ()

    def example_name(self, example: int) -> str:
        """What an example is called: its number if it has no name."""
        return self.names[example] if self.names else str(example)

    def representatives(self) -> list[int]:
        """Examples that `certify` judges by default: all, if there are at most eight.

        Otherwise two for each different target, or the first four if there are more than eight different targets.
        """
        if len(self.train) <= 8:
            return [int(k) for k in self.train]
        kinds: dict[bytes, list[int]] = {}
        for k in self.train:
            kinds.setdefault(self.target[k].tobytes(), []).append(int(k))
        if len(kinds) > 8:
            return [int(k) for k in self.train[:4]]
        return [k for members in kinds.values() for k in members[:2]]
