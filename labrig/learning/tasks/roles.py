"""Roles: the quantity of the task that an input or output of the board represents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from labrig.medium import medium_in_use


@dataclass(frozen=True)
class Scaling:
    """The scaling of a column: the numbers `low` to `high` become −`full_scale_v` to +`full_scale_v` (V).

    If it is `unipolar`, they become 0 to `full_scale_v`.
    """

    low: float
    high: float
    full_scale_v: float
    unipolar: bool = False

    def __str__(self) -> str:
        if self.low == self.high:
            volts = self.full_scale_v / 2 if self.unipolar else 0.0
            return f"{self.low:g} in every training example, {medium_in_use().text('state', volts)}"
        if self.unipolar:
            return f"{self.low:g} to {self.high:g} as 0 to {medium_in_use().text('state', self.full_scale_v)}"
        return f"{self.low:g} to {self.high:g} as ± {medium_in_use().text('state', self.full_scale_v)}"


@dataclass(frozen=True)
class Role:
    """The quantity that one input or output represents.

    Parameters
    ----------
    kind : str
        An input is a feature, the complement of a feature, or a bias; an output represents a class, a column of the
        data, or a readout of the task.
    name : str
        Name of the feature, class, column or readout; for a bias, its voltage.
    scaling : Scaling, optional
        Scaling of the data to voltages; None if the data are voltages.
    """

    kind: Literal["feature", "complement", "bias", "class", "column", "readout"]
    name: str
    scaling: Scaling | None = None

    def __str__(self) -> str:
        name = f"-({self.name})" if self.kind == "complement" else self.name
        return name if self.scaling is None or self.kind == "complement" else f"{name}: {self.scaling}"
