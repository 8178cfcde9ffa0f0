"""Regression: y = M x for x uniform in ± full_scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from typing_extensions import override

from labrig.config.section import OptionError, Section
from labrig.learning.tasks.encoding import Encode, EncodedInputs, with_complements_and_bias
from labrig.learning.tasks.task import Key, TaskContext, Terminals
from labrig.learning.tasks.voltages import VoltageTask
from labrig.quantities import MOST, Count
from labrig.random_streams import RandomStream

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Regression(EncodedInputs, VoltageTask):
    """Examples of a linear map. encode: how x became input voltages."""

    class Options(Section):
        """y = M x for x uniform in ± full_scale. `matrix: random` draws an achievable M from the seed."""

        matrix: list[list[float]] | Literal["random"] = "random"
        train: Annotated[Count, Field(le=MOST)] = 30
        test: Annotated[Count, Field(le=MOST)] = 20

    encode: Encode

    sections: ClassVar[tuple[str, ...]] = ("encode",)
    exact: ClassVar[bool] = False

    @classmethod
    @override
    def build(cls, options: Options, context: TaskContext) -> Regression:
        encode: Encode = context.sections["encode"]
        matrix = _matrix(options, encode, context)
        draw = RandomStream(context.seed, "regression").at(0)
        x = draw.uniform(-encode.full_scale, encode.full_scale, (options.train + options.test, matrix.shape[1]))
        return cls.of(x, matrix, encode, options.train)

    @classmethod
    def of(cls, x_v: Array, matrix: Array, encode: Encode, train: int) -> Regression:
        """From x (M, F) in V and a matrix (O, F); the first `train` examples train, the others test."""
        return cls(
            activation=with_complements_and_bias(x_v, encode.complements, encode.bias),
            target=x_v @ matrix.T,
            readout=np.eye(len(matrix)),
            train=np.arange(train),
            test=np.arange(train, len(x_v)),
            encode=encode,
        )

    @override
    def target_key(self, row: int | None = None) -> Key:
        return ("matrix",)


def _matrix(options: Regression.Options, encode: Encode, context: TaskContext) -> Array:
    """(O, F) the map, given or drawn."""
    if options.matrix != "random":
        rows = {len(row) for row in options.matrix}
        if len(rows) != 1 or 0 in rows:
            raise OptionError("matrix", "all rows must have the same length, at least 1")
        matrix = np.array(options.matrix)
        _check_realizable(matrix, encode, context)
        return matrix
    constant, inputs = len(encode.bias), context.terminals.inputs
    per_feature = 2 if encode.complements else 1
    features = (inputs - constant) // per_feature
    if features < 1 or features * per_feature + constant != inputs:
        complements = " and complements" if encode.complements else ""
        raise OptionError((), f"{inputs} driven nodes cannot be divided into features{complements} and {constant} bias")
    return _achievable_matrix(features, encode.complements, context.terminals, context.seed)


def _check_realizable(matrix: Array, encode: Encode, context: TaskContext) -> None:
    """Refuse a matrix of the wrong signs, and warn of one that is too large.

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
    """M of a board with conductances drawn from the range: an output is a convex combination of its inputs."""
    draw = RandomStream(seed, "matrix").at(0).uniform(*board.range_s, (board.outputs, board.inputs))
    weights = draw / (draw.sum(axis=1) + 1.0 / board.output_ohm)[:, None]
    positive = weights[:, :features]
    return positive - weights[:, features : 2 * features] if complements else positive
