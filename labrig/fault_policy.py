"""What a run does about a fault: stop, try again, leave an example out, or leave an edge out."""

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
        Attempts at one step or evaluation altogether.
    overrange : {'stop', 'retry', 'skip'}
        A digitizer channel clipped. "skip" leaves the batch out, and its step changes nothing.
    sync : {'stop', 'retry', 'skip'}
        The pilot is missing or too weak, scans are missing, or a source does not play what was asked.
    channel : {'stop', 'mask'}
        A channel does not keep what was written: "mask" leaves its edge as it is for the rest of the run.
    """

    attempts: int = 3
    overrange: OfMeasurement = "stop"
    sync: OfMeasurement = "stop"
    channel: OfChannel = "stop"

    def of_measurement(self, error: LabrigError) -> OfMeasurement:
        """Return what is done about a measurement that was refused."""
        return self.overrange if isinstance(error, Overrange) else self.sync


REFUSALS = (Overrange, SyncLost, SourceMisfit)
"""Errors of a measurement after which the instruments are as before; any other one stops the run."""
