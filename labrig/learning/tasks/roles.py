"""What an input or an output of the board stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from labrig.medium import medium_in_use


@dataclass(frozen=True)
class Scaling:
    """The numbers `low` to `high` of a column are − to + `full_scale_v` (V)."""

    low: float
    high: float
    full_scale_v: float

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.low:g} in every training example, {medium_in_use().text('state', 0.0)}"
        return f"{self.low:g} to {self.high:g} as ± {medium_in_use().text('state', self.full_scale_v)}"


@dataclass(frozen=True)
class Role:
    """What one input or output stands for.

    Parameters
    ----------
    kind : str
        An input is a feature, the complement of one, or a bias; an output stands for a class, a column of the data, or
        a readout of the task.
    name : str
        Of the feature, class or column; of a bias its voltage.
    scaling : Scaling, optional
        How numbers of the data become voltages; None if they are voltages.
    """

    kind: Literal["feature", "complement", "bias", "class", "column", "readout"]
    name: str
    scaling: Scaling | None = None

    def __str__(self) -> str:
        name = f"-({self.name})" if self.kind == "complement" else self.name
        return name if self.scaling is None or self.kind == "complement" else f"{name}: {self.scaling}"
