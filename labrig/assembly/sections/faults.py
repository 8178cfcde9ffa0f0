"""The `faults` section: what a run does about faults of instruments."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from labrig.config.section import Section
from labrig.fault_policy import FaultPolicy


class Faults(Section):
    """What a run does about a fault, at most so many times in one step.

    Attributes
    ----------
    attempts : int
        Attempts at one step or evaluation.
    overrange, sync : str
        About a measurement that was refused, because a channel clipped or synchronization was lost: "stop", "retry", or
        "skip", which leaves the batch out.
    channel : str
        About a channel that does not keep what was written: "stop", or "mask", which leaves its edge as it is.
    """

    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    overrange: Literal["stop", "retry", "skip"] = "stop"
    sync: Literal["stop", "retry", "skip"] = "stop"
    channel: Literal["stop", "mask"] = "stop"

    @property
    def policy(self) -> FaultPolicy:
        """The policy of an experiment."""
        return FaultPolicy(self.attempts, self.overrange, self.sync, self.channel)
