"""The encoding of numbers as voltages: the section `task.encode`, which several tasks share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from labrig.config.section import OptionError, Section
from labrig.learning.datasets import scaled
from labrig.learning.tasks.roles import Role, Scaling
from labrig.learning.tasks.task import Key, TaskContext
from labrig.medium import Drive, PositiveDrive, medium_in_use
from labrig.quantities import as_written

Array = NDArray[np.float64]

MOSTLY = 0.1
"""Share of examples that may be clipped without a warning."""


class Encode(Section):
    """The encoding of numbers as voltages.

    `range` applies to every feature, and `ranges` to single features and scaled outputs, by name; a feature with
    neither uses its range in the training set. `complements` repeats every voltage with the opposite sign; `bias` adds
    constant voltages. `unipolar` features go from 0 V to `full_scale`, for boards on a single supply; the complement of
    a voltage v is then `full_scale` − v.
    """

    example: ClassVar[str] = "encode: {full_scale: 1 V}"

    full_scale: PositiveDrive
    fit: Literal["train"] = "train"
    range: tuple[float, float] | None = None
    ranges: dict[str, tuple[float, float]] | None = None
    clip: Annotated[float, Field(ge=1.0)] = 1.2
    unipolar: bool = False
    complements: bool = True
    bias: list[Drive] = []

    @field_validator("range")
    @classmethod
    def _ascending(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and value[0] >= value[1]:
            raise ValueError("the first number must be the smaller one")
        return value

    @field_validator("ranges")
    @classmethod
    def _not_descending(cls, value: dict[str, tuple[float, float]] | None) -> dict[str, tuple[float, float]] | None:
        for name, limits in (value or {}).items():
            if limits[0] > limits[1]:
                raise ValueError(f"{name}: the second number must not be the smaller one")
        return value

    def volts(self, features: Array, low: Array, high: Array) -> Array:
        """Return features (M, F) as voltages (M, F), where `low` and `high` (F,) become the ends of the range.

        Unipolar voltages are clipped exactly at the ends, because a source on a single supply cannot go beyond them.
        """
        if self.unipolar:
            return self.full_scale * (1.0 + scaled(features, low, high, 1.0)) / 2.0
        return self.full_scale * scaled(features, low, high, self.clip)

    def inputs(self, volts: Array) -> Array:
        """Return the (M, I) input voltages: features (M, F), then their complements, then constant voltages."""
        complements = [(self.full_scale if self.unipolar else 0.0) - volts] if self.complements else []
        constant = np.tile(np.asarray(self.bias, dtype=float), (len(volts), 1))
        return np.hstack([volts, *complements, constant])

    def scaling(self, low: float, high: float) -> Scaling:
        """Return the scaling of a feature with this range."""
        return Scaling(low, high, self.full_scale, self.unipolar)

    def limits(self, names: Sequence[str], training: Array, outputs: Sequence[str] = ()) -> tuple[Array, Array]:
        """Return the values of every feature that become the lowest and the highest voltage, (F,) each.

        `names` (F) are the features, and `training` (M, F) contains their values in the training set.
        `ranges` may name scaled `outputs`, too.

        Raises
        ------
        OptionError
            If `ranges` contains a name that is neither a feature nor one of `outputs`, or the range of a feature is not
            given and there are no training examples.
        """
        known = [*names, *outputs]
        unknown = [name for name in self.ranges or () if name not in known]
        if unknown:
            features = f"the features are {', '.join(known)}"
            raise OptionError(("encode", "ranges"), f"there is no feature {as_written(unknown[0])}; {features}")
        if self.range is None:
            return self.own_limits(names, training)
        low, high = (np.full(len(names), limit) for limit in self.range)
        return self._with_ranges(names, low, high)

    def own_limits(self, names: Sequence[str], training: Array) -> tuple[Array, Array]:
        """Return the limits from `ranges` and the training set, without `range`, which does not apply to outputs."""
        if len(training):
            return self._with_ranges(names, training.min(axis=0), training.max(axis=0))
        unknown = [name for name in names if name not in (self.ranges or {})]
        if unknown:
            what = f"there are no training examples, so the range of {as_written(unknown[0])} is not known"
            raise OptionError(("encode", "ranges"), f"{what}; write it, e.g. 'ranges: {{{unknown[0]}: [0, 1]}}'")
        return self._with_ranges(names, np.zeros(len(names)), np.zeros(len(names)))

    def _with_ranges(self, names: Sequence[str], low: Array, high: Array) -> tuple[Array, Array]:
        for name, limits in (self.ranges or {}).items():
            if name in names:
                low[names.index(name)], high[names.index(name)] = limits
        return low, high

    def warn_of_clipping(
        self, context: TaskContext, names: Sequence[str], features: Array, low: Array, high: Array
    ) -> None:
        """Warn of features (M, F) that are often clipped because the given range does not match their values.

        Ranges found from the training set cause no warning: no more than a few examples of the test set exceed them.
        """
        middle, reach = (high + low) / 2, (1.0 if self.unipolar else self.clip) * (high - low) / 2
        clipped = ((np.abs(features - middle) > reach) & (high > low)).sum(axis=0)
        for column, count in enumerate(clipped.tolist()):
            given = self.range is not None or names[column] in (self.ranges or {})
            if given and count > MOSTLY * len(features):
                key = "ranges" if names[column] in (self.ranges or {}) else "range"
                limits = f"{low[column]:.6g} to {high[column]:.6g}"
                context.warn(
                    ("encode", key),
                    f"in {count} of {len(features)} examples, {as_written(names[column])} is so far outside {limits} "
                    "that it is clipped; is the range in the same unit as the data?",
                )


class EncodedInputs:
    """Mixin for a task whose inputs are encoded features: describes its inputs and finds the keys that set them."""

    encode: Encode
    activation: Array
    scalings: tuple[tuple[str, Scaling], ...]
    """Name and scaling of every feature; empty if the features are voltages without a name."""

    def input_roles(self) -> tuple[Role, ...]:
        """Return the roles of the features, then of their complements, then of the constant inputs."""
        constant = [Role("bias", medium_in_use().text("state", volts)) for volts in self.encode.bias]
        repeats = 2 if self.encode.complements else 1
        count = (self.activation.shape[1] - len(constant)) // repeats
        known = self.scalings or tuple((f"x{k + 1}", None) for k in range(count))
        features = [Role("feature", name, scaling) for name, scaling in known]
        complements = [Role("complement", name, scaling) for name, scaling in known] if repeats == 2 else []
        return (*features, *complements, *constant)

    def inputs_in_words(self) -> str:
        """Describe the number and kinds of the inputs in words."""
        return inputs_in_words(self.activation.shape[1], self.encode)

    def inputs_remedy(self, driven: int) -> str:
        """Return the hint to switch complements on or off, if the inputs then are as many as the driven nodes."""
        constant, complements = len(self.encode.bias), self.encode.complements
        varying = self.activation.shape[1] - constant
        switched = varying // 2 if complements else 2 * varying
        if switched + constant != driven:
            return ""
        return f"; write 'complements: {'false' if complements else 'true'}' in task.encode, or wire the others"

    def input_key(self, column: int) -> Key:
        """The key that sets the voltage of an input."""
        return input_key(column, self.activation.shape[1], self.encode)


def inputs_in_words(count: int, encode: Encode) -> str:
    """Describe the number and kinds of `count` inputs in words."""
    constant = len(encode.bias)
    features = (count - constant) // (2 if encode.complements else 1)
    parts = [f"{features} features", *(["their complements"] if encode.complements else []), f"{constant} bias"]
    return f"{count} inputs ({', '.join(parts)})"


def input_key(column: int, count: int, encode: Encode) -> Key:
    """The key that sets the voltage of input `column` of `count`."""
    first_bias = count - len(encode.bias)
    return ("encode", "bias", column - first_bias) if column >= first_bias else ("encode", "full_scale")
