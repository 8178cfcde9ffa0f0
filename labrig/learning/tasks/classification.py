"""Classification of the examples of a table, by the largest output (one per class) or by a difference of outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from typing_extensions import override

from labrig.config.section import OptionError, Section
from labrig.learning.datasets import LabelledTable, read_labelled_csv, split_by_class
from labrig.learning.losses import Targets
from labrig.learning.tasks.data_file import data_file
from labrig.learning.tasks.encoding import Encode, EncodedInputs
from labrig.learning.tasks.goals import TEST_ACCURACY, TRAIN_ACCURACY, Goal
from labrig.learning.tasks.roles import Role, Scaling
from labrig.learning.tasks.task import Indices, Task, TaskContext
from labrig.quantities import Count, NonNegativeCount, as_written
from labrig.random_streams import RandomStream

Array = NDArray[np.float64]
ACCURACY = 0.05
"""Smallest change of an accuracy that matters: microvolts can move an example across the boundary of two classes."""


class Split(Section):
    """Examples per class in the training set and in the test set; `all` means all that are not in the training set."""

    example: ClassVar[str] = "split: {train_per_class: 30, test_per_class: 20}"

    all_tested: ClassVar[Mapping[str, object]] = {"train_per_class": 0, "test_per_class": "all"}
    """The values with which nothing trains, and everything is in the test set."""

    train_per_class: NonNegativeCount
    test_per_class: Count | Literal["all"]


SOLVED = 0.9
"""Smallest accuracy on the training examples at which the task counts as solved."""


@dataclass(frozen=True)
class Classification(EncodedInputs, Task):
    """Examples of a table.

    Parameters
    ----------
    classes : tuple of str
        Names of the classes, in the order of the outputs.
    encode : Encode
        The encoding that turned features into input voltages.
    scalings : tuple of (str, Scaling)
        Name and scaling of every feature.
    """

    class Options(Section):
        """data: a CSV file with a header line. label: the column that contains the classes.

        features: the columns to use, all others by default. readout: one output per class, or the difference of two,
        out0 − out1 for the first class. classes: in the order of the outputs, by default those in the data, sorted.
        """

        data: str
        label: str
        features: Annotated[list[str], Field(min_length=1)] | None = None
        classes: Annotated[list[str], Field(min_length=1)] | None = None
        readout: Literal["single", "differential"] = "single"

    classes: tuple[str, ...]
    encode: Encode
    scalings: tuple[tuple[str, Scaling], ...] = ()

    targets: ClassVar[Targets] = "classes"
    sections: ClassVar[tuple[str, ...]] = ("split", "encode")
    goals: ClassVar[tuple[Goal, ...]] = (TEST_ACCURACY, TRAIN_ACCURACY)

    @classmethod
    @override
    def build(cls, options: Options, context: TaskContext) -> Classification:
        for name in options.classes or ():
            if options.classes and options.classes.count(name) > 1:
                raise OptionError("classes", f"class {as_written(name)} is named twice; name each class once")
        file = data_file(context, ("data",), options.data)
        table = read_labelled_csv(file, options.label, options.features, options.classes)
        split: Split = context.sections["split"]
        generator = RandomStream(context.seed, "split").at(0)
        try:
            train, test = split_by_class(
                table.labels, table.classes, split.train_per_class, split.test_per_class, generator
            )
        except OptionError as error:  # similar labels, meant to be one class, may be the reason
            raise OptionError(error.key, "; ".join((str(error), *table.notes[:1]))) from error
        encode: Encode = context.sections["encode"]
        _warn(table, train, options, context)
        low, high = encode.limits(table.columns, table.features[train])
        encode.warn_of_clipping(context, table.columns, table.features, low, high)
        activation = encode.inputs(encode.volts(table.features, low, high))
        limits = zip(table.columns, low.tolist(), high.tolist(), strict=True)
        scalings = tuple((name, encode.scaling(least, most)) for name, least, most in limits)
        task = replace(cls.of(activation, table.labels, table.classes, train, test, encode), scalings=scalings)
        return task if options.readout == "single" else replace(task, readout=np.kron(task.readout, [[1.0, -1.0]]))

    @classmethod
    def of(
        cls,
        activation: Array,
        labels: Indices,
        classes: tuple[str, ...],
        train: Indices,
        test: Indices,
        encode: Encode,
    ) -> Classification:
        """Build the task from inputs (M, I) in V and labels (M,), which are indices into `classes`."""
        return cls(
            activation=activation,
            target=np.eye(len(classes))[labels],
            readout=np.eye(len(classes)),
            train=train,
            test=test,
            names=tuple(f"{classes[label]}-{k}" for k, label in enumerate(labels)),
            classes=classes,
            encode=encode,
        )

    @override
    def figures(self, examples: Indices, outputs: Array) -> dict[str, float]:
        right = (outputs @ self.readout.T).argmax(axis=1) == self.target[examples].argmax(axis=1)
        return {"accuracy": float(right.mean())}

    @override
    def solved(self) -> Mapping[str, float]:
        return {TRAIN_ACCURACY.key: SOLVED}

    @override
    def tolerances(self) -> Mapping[str, float]:
        return {"accuracy": ACCURACY}

    @override
    def output_roles(self) -> tuple[Role, ...]:
        signs = ("",) if len(self.readout.T) == len(self.classes) else (" (+)", " (-)")
        return tuple(Role("class", f"{name}{sign}") for name in self.classes for sign in signs)

    @override
    def input_note(self, column: int) -> str:
        return " (clip × full_scale)" if self.input_key(column)[-1] == "full_scale" else ""

    @override
    def outputs_problem(self, outputs: int) -> OptionError:
        count = len(self.classes)
        names = ", ".join(map(as_written, self.classes[:8])) + (" …" if count > 8 else "")
        found = f"{'1 class' if count == 1 else f'{count} classes'} in the column of the label ({names})"
        nodes = "1 node has" if outputs == 1 else f"{outputs} nodes have"
        each, needed = ("one", count) if len(self.readout.T) == count else ("two", 2 * count)
        remedy = f"complete the data, or give {'1 node' if needed == 1 else f'{needed} nodes'} an error source"
        return OptionError(
            "data",
            f"{found}, but {nodes} an error source: {each} per class {'is' if each == 'one' else 'are'} needed; "
            f"{remedy}",
        )


def _warn(table: LabelledTable, train: Indices, options: Classification.Options, context: TaskContext) -> None:
    """Warn about labels that look alike, and about columns from which nothing can be learned."""
    for note in table.notes:
        context.warn("data", note)
    if context.sections["encode"].range is not None or not len(train):
        return  # a constant feature is one more constant voltage
    low, high = table.features[train].min(axis=0), table.features[train].max(axis=0)
    constant = [name for name, same in zip(table.columns, low == high, strict=True) if same]
    if constant:
        columns = f"column{'s' if len(constant) > 1 else ''} {', '.join(map(as_written, constant[:8]))}"
        every = "; nothing can be learned from them" if len(constant) == len(table.columns) else ""
        message = (
            f"{columns} of {options.data} {'are' if len(constant) > 1 else 'is'} constant in the training examples"
        )
        context.warn("data", f"{message}{every or ', so it contributes nothing'}")
