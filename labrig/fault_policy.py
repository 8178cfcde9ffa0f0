"""What a run does about a fault: stop, try again, leave a batch out, or mask an edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from labrig.errors import LabrigError, Overrange, SourceMisfit, SyncLost

OfMeasurement = Literal["stop", "retry", "skip"]
OfChannel = Literal["stop", "mask"]


@dataclass(frozen=True)
class FaultPolicy:
    """What is done about each kind of fault. Lost settings of a programmer are always written again.

    Parameters
    ----------
    attempts : int
        Largest number of attempts at one step or evaluation.
    overrange : {'stop', 'retry', 'skip'}
        What to do if a digitizer channel clips. "skip" leaves the batch out, and its step changes nothing.
    sync : {'stop', 'retry', 'skip'}
        What to do if the pilot is missing or too weak, scans are missing, or a source does not play what was requested.
    channel : {'stop', 'mask'}
        What to do if a channel does not keep its value. "mask" no longer trains its edge in this run.
    """

    attempts: int = 3
    overrange: OfMeasurement = "stop"
    sync: OfMeasurement = "stop"
    channel: OfChannel = "stop"

    def of_measurement(self, error: LabrigError) -> OfMeasurement:
        """Return what to do about a rejected measurement."""
        return self.overrange if isinstance(error, Overrange) else self.sync


REFUSALS = (Overrange, SyncLost, SourceMisfit)
"""Errors of a measurement that leave the instruments as they were; any other error stops the run."""
