"""Tones that reach the inputs of a digitizer without passing through the board, over cables and grounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from typing_extensions import override

from labrig.random_streams import RandomStream
from labrig.simulation.imperfections.imperfection import Array, Imperfection


class Pickup(Imperfection):
    """`value` is the standard deviation of the share of a tone that reaches each input from each source channel.

    Shares are relative to the open-circuit tone, and in phase with it: a lock-in cannot distinguish them from a signal.
    """

    Options = Annotated[float, Field(ge=0, lt=1)]

    def __init__(self, value: Any, seed: int) -> None:
        super().__init__(value, seed)
        self.u_pickup = value

    @override
    def coupling(self, digitizer: str, channels: int, sources: Sequence[str]) -> Array | None:
        if not self.value:
            return None
        shares = (RandomStream(self.seed, f"pickup/{source}/{digitizer}").at(0) for source in sources)
        return self.value * np.array([each.standard_normal(channels) for each in shares]).reshape(-1, channels)
