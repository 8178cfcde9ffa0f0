"""The `faults` section: the reactions of a run to faults of instruments."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from labrig.config.section import Section
from labrig.fault_policy import FaultPolicy


class Faults(Section):
    """The reactions of a run to faults, and the number of attempts at a step.

    Attributes
    ----------
    attempts : int
        Largest number of attempts at one step or evaluation.
    overrange, sync : str
        What to do if a measurement was rejected because a channel clipped (overrange) or synchronization was lost
        (sync): "stop", "retry", or "skip", which leaves the batch out.
    channel : str
        What to do if a channel does not keep the value that was written: "stop", or "mask", which trains only
        the other edges.
    """

    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    overrange: Literal["stop", "retry", "skip"] = "stop"
    sync: Literal["stop", "retry", "skip"] = "stop"
    channel: Literal["stop", "mask"] = "stop"

    @property
    def policy(self) -> FaultPolicy:
        """The section as the policy of an experiment."""
        return FaultPolicy(self.attempts, self.overrange, self.sync, self.channel)
