"""Regression: y = M x with x drawn uniformly from ± full_scale, or columns of a table from other columns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from typing_extensions import override

from labrig.config.section import OptionError, Section
from labrig.learning.datasets import NumberTable, read_number_csv, scaled, split_at_random
from labrig.learning.tasks.data_file import data_file
from labrig.learning.tasks.encoding import Encode, EncodedInputs
from labrig.learning.tasks.roles import Role, Scaling
from labrig.learning.tasks.task import Key, TaskContext, Terminals
from labrig.learning.tasks.voltages import VoltageTask
from labrig.medium import PositiveState, medium_in_use
from labrig.quantities import MOST, Count, NonNegativeCount, as_written
from labrig.random_streams import RandomStream

Array = NDArray[np.float64]


class RegressionSplit(Section):
    """Examples of the table in the training and the test set; `all` means all that are not in the training set."""

    example: ClassVar[str] = "split: {train: 30, test: 20}"

    all_tested: ClassVar[Mapping[str, object]] = {"train": 0, "test": "all"}
    """The values with which nothing trains, and everything is in the test set."""

    train: NonNegativeCount
    test: Count | Literal["all"]


class RegressionData(Section):
    """A CSV file with a header line, and the columns to use.

    Outputs are scaled so that their range in the training set becomes ± full_scale; if full_scale is not given, their
    numbers are volts.
    """

    file: str
    inputs: Annotated[list[str], Field(min_length=1)]
    outputs: Annotated[list[str], Field(min_length=1)]
    full_scale: PositiveState | None = None


@dataclass(frozen=True)
class Regression(EncodedInputs, VoltageTask):
    """Examples of a map from inputs to outputs.

    Parameters
    ----------
    encode : Encode
        The encoding that turned x into input voltages.
    scalings : tuple of (str, Scaling)
        Name and scaling of every feature of a table; empty without a table.
    columns : tuple of (str, Scaling or None)
        Name and scaling of every output of a table; the scaling is None if its numbers are volts.
    cells : sequence of sequences of str
        Place of every target (M, O) in the table, as file:line:column.
    """

    class Options(Section):
        """matrix: M in y = M x, for x uniform in ± full_scale; `random` draws an achievable M from the seed.

        train, test: numbers of random examples. data: a table to use instead of random examples.
        """

        data: RegressionData | None = None
        matrix: list[list[float]] | Literal["random"] = "random"
        train: Annotated[Count, Field(le=MOST)] = 30
        test: Annotated[Count, Field(le=MOST)] = 20

    encode: Encode
    scalings: tuple[tuple[str, Scaling], ...] = ()
    columns: tuple[tuple[str, Scaling | None], ...] = ()
    cells: Sequence[Sequence[str]] = ()

    sections: ClassVar[tuple[str, ...]] = ("split", "encode")
    section_models: ClassVar[Mapping[str, type[Section]]] = {"split": RegressionSplit}
    exact: ClassVar[bool] = False

    @classmethod
    @override
    def build(cls, options: Options, context: TaskContext) -> Regression:
        encode: Encode = context.sections["encode"]
        if options.data is not None:
            return cls.of_table(_checked(options.data, options), encode, context)
        if encode.unipolar:
            message = "y = M x needs x of both signs; remove this key, or learn columns of a CSV (regression.data)"
            raise OptionError(("encode", "unipolar"), message)
        matrix = _matrix(options, encode, context)
        draw = RandomStream(context.seed, "regression").at(0)
        x = draw.uniform(-encode.full_scale, encode.full_scale, (options.train + options.test, matrix.shape[1]))
        return cls.of(x, matrix, encode, options.train)

    @classmethod
    @override
    def needed_sections(cls, given: Collection[str]) -> tuple[str, ...]:
        return cls.sections if "data" in given else ("encode",)

    @classmethod
    def of_table(cls, data: RegressionData, encode: Encode, context: TaskContext) -> Regression:
        """Build the task from columns of a CSV file."""
        file = data_file(context, ("data", "file"), data.file)
        features, wanted = _columns(file, data, "inputs").values, _columns(file, data, "outputs")
        values = wanted.values
        split: RegressionSplit = context.sections["split"]
        train, test = split_at_random(len(values), split.train, split.test, RandomStream(context.seed, "split").at(0))
        scaled_outputs = data.outputs if data.full_scale is not None else []
        low, high = encode.limits(data.inputs, features[train], scaled_outputs)
        encode.warn_of_clipping(context, data.inputs, features, low, high)
        volts = encode.volts(features, low, high)
        columns: list[tuple[str, Scaling | None]] = [(name, None) for name in data.outputs]
        if data.full_scale is not None:
            least, most = encode.own_limits(data.outputs, values[train])
            columns = [*_scalings(data.outputs, least, most, partial(Scaling, full_scale_v=data.full_scale))]
            values = data.full_scale * scaled(values, least, most, np.inf)
        return cls(
            activation=encode.inputs(volts),
            target=values,
            readout=np.eye(len(data.outputs)),
            train=train,
            test=test,
            encode=encode,
            scalings=_scalings(data.inputs, low, high, encode.scaling),
            columns=tuple(columns),
            cells=wanted.places,
        )

    @classmethod
    def of(cls, x_v: Array, matrix: Array, encode: Encode, train: int) -> Regression:
        """Build the task from x (M, F) in V and a matrix (O, F).

        The first `train` examples are the training set, and the others are the test set.
        """
        return cls(
            activation=encode.inputs(x_v),
            target=x_v @ matrix.T,
            readout=np.eye(len(matrix)),
            train=np.arange(train),
            test=np.arange(train, len(x_v)),
            encode=encode,
        )

    @override
    def output_roles(self) -> tuple[Role, ...]:
        if not self.columns:
            return tuple(Role("readout", f"y{k + 1}") for k in range(len(self.readout)))
        return tuple(Role("column", name, scaling) for name, scaling in self.columns)

    @override
    def target_key(self, row: int | None = None) -> Key:
        if not self.columns:
            return ("matrix",)
        return ("data", "outputs" if self.columns[0][1] is None else "full_scale")

    @override
    def target_place(self, example: int, row: int) -> str:
        return f"{self.cells[example][row]}: column {as_written(self.columns[row][0])}" if self.cells else ""

    @override
    def target_remedy(self, reach: float) -> str:
        smaller = medium_in_use().text("state", float(f"{reach / 2:.1g}"))
        if self.columns and self.columns[0][1] is not None:
            return f"correct the row, or choose a smaller full_scale, e.g. 'full_scale: {smaller}'"
        unit = medium_in_use().unit("state")
        scale = f"write 'full_scale: {smaller}' in data to scale the column"
        return f"the numbers are in {unit}; are they in m{unit}? Convert them, correct the row, or {scale}"


def _checked(data: RegressionData, options: Regression.Options) -> RegressionData:
    """Refuse a table next to keys that apply only to random examples."""
    for key, default in (("matrix", "random"), ("train", 30), ("test", 20)):
        if getattr(options, key) != default:
            remedy = "write 'split: {train: …, test: …}' in task" if key != "matrix" else "remove one of them"
            what = f"{key} applies only to random examples of y = M x, but data names a table"
            raise OptionError(key, f"{what}; {remedy}")
    both = [name for name in data.inputs if name in data.outputs]
    if both:
        raise OptionError(("data", "outputs"), f"column {as_written(both[0])} is an input as well; keep one of them")
    return data


def _columns(file: Path, data: RegressionData, key: Literal["inputs", "outputs"]) -> NumberTable:
    """Read the columns that the option `key` names; an OptionError gives the path of the option in `regression`."""
    try:
        return read_number_csv(file, getattr(data, key), key)
    except OptionError as error:
        where = "file" if error.key == ("data",) else error.key[0]
        raise OptionError(("data", where), str(error)) from error


def _scalings(
    names: Sequence[str], low: Array, high: Array, scaling: Callable[[float, float], Scaling]
) -> tuple[tuple[str, Scaling], ...]:
    """Scalings of columns with the ranges low to high, (F,) each."""
    limits = zip(names, low.tolist(), high.tolist(), strict=True)
    return tuple((name, scaling(least, most)) for name, least, most in limits)


def _matrix(options: Regression.Options, encode: Encode, context: TaskContext) -> Array:
    """(O, F) matrix of the map, as given or as drawn."""
    if options.matrix != "random":
        rows = {len(row) for row in options.matrix}
        if len(rows) != 1 or 0 in rows:
            raise OptionError("matrix", "all rows must have the same length, at least 1")
        matrix = np.array(options.matrix)
        if medium_in_use().within_drives:
            _check_realizable(matrix, encode, context)
        return matrix
    if not medium_in_use().within_drives:
        state = medium_in_use().state
        cannot = f"no achievable matrix can be drawn at random for a network of {state}s"
        raise OptionError("matrix", f"{cannot}; write the matrix, e.g. [[0.1, 0]]")
    constant, inputs = len(encode.bias), context.terminals.inputs
    per_feature = 2 if encode.complements else 1
    features = (inputs - constant) // per_feature
    if features < 1 or features * per_feature + constant != inputs:
        kinds = "pairs of a feature and its complement" if encode.complements else "at least one feature"
        what = f"{inputs} driven nodes cannot be divided into {constant} bias inputs and {kinds}"
        raise OptionError((), f"{what}; change the number of driven nodes")
    return _achievable_matrix(features, encode.complements, context.terminals, context.seed)


def _check_realizable(matrix: Array, encode: Encode, context: TaskContext) -> None:
    """Refuse a matrix with unrealizable signs, and warn about one that is too large.

    Each output is a sum of the inputs with weights ≥ 0 that add up to less than 1: a negative element needs the
    complement of its input, and the magnitudes of a row add up to less than 1.
    """
    if not encode.complements and (matrix < 0).any():
        row, column = (int(k) for k in np.argwhere(matrix < 0)[0])
        what = f"{matrix[row, column]:g} is negative: no network of resistors can realize it without complements"
        raise OptionError(("matrix", row, column), f"{what}; write 'complements: true' in encode")
    sums = np.abs(matrix).sum(axis=1)
    if (sums > 1).any():
        row = int(sums.argmax())
        what = f"the magnitudes in row {row + 1} add up to {sums[row]:g}"
        reach = "a network of resistors only reaches sums below 1"
        context.warn("matrix", f"{what}, but {reach}: the fit will be poor; scale the matrix down")


def _achievable_matrix(features: int, complements: bool, board: Terminals, seed: int) -> Array:
    """(O, F) matrix of a board with conductances drawn from the range.

    Each output is a combination of the inputs with weights ≥ 0 that add up to less than 1.
    """
    draw = RandomStream(seed, "matrix").at(0).uniform(*board.range_s, (board.outputs, board.inputs))
    weights = draw / (draw.sum(axis=1) + 1.0 / board.output_ohm)[:, None]
    positive = weights[:, :features]
    return positive - weights[:, features : 2 * features] if complements else positive
