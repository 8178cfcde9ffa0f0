"""Faults of instruments and parts: one file each, found by the name after `what:` in `simulation.faults`."""

from labrig.extensions import Extensions
from labrig.simulation.faults.fault import (
    NOT_ON_CELLS,
    SIMULATED_PLACES,
    ConnectionFault,
    DelayFault,
    EdgeFault,
    Fault,
    LineFault,
    PowerFault,
    RequestFault,
    SampleFault,
    SilenceFault,
)
from labrig.simulation.faults.schedule import FaultSchedule, ScheduledFault

FAULTS = Extensions(
    noun="fault",
    package="labrig.simulation.faults",
    own={
        "dropped_bytes": "DroppedBytes",
        "corrupt_bytes": "CorruptBytes",
        "late_bytes": "LateBytes",
        "nak": "Nak",
        "late_replies": "LateReplies",
        "reset": "Reset",
        "disconnect": "Disconnect",
        "silent": "Silent",
        "over_range": "OverRange",
        "edge_drift": "EdgeDrift",
    },
    kind=Fault,
)

__all__ = [
    "FAULTS",
    "NOT_ON_CELLS",
    "SIMULATED_PLACES",
    "ConnectionFault",
    "DelayFault",
    "EdgeFault",
    "Fault",
    "FaultSchedule",
    "LineFault",
    "PowerFault",
    "RequestFault",
    "SampleFault",
    "ScheduledFault",
    "SilenceFault",
]
