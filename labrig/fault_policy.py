"""What a run does about a fault: stop, try again, leave a batch out, or mask an edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from labrig.errors import ChannelFault, LabrigError, Overrange, SenseMisfit, SourceMisfit, SyncLost

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
        What to do if the pilot is missing or too weak, scans are missing, a source does not play what it should, or a
        board was reset.
    channel : {'stop', 'mask'}
        What to do if a channel does not keep its value. "mask" excludes its edge from training.
    """

    attempts: int = 3
    overrange: OfMeasurement = "stop"
    sync: OfMeasurement = "stop"
    channel: OfChannel = "stop"

    def action(
        self, error: LabrigError, attempt: int, *, lost_settings: bool, skips: bool = True
    ) -> OfMeasurement | Literal["repeat"]:
        """Return what to do about a rejected measurement.

        Parameters
        ----------
        error
            Why it was rejected, one of `REFUSALS`.
        attempt
            Number of the attempt, counted from 1.
        lost_settings
            Whether a programmer lost its settings in the meantime: then the measurement is always repeated.
        skips
            Whether the measurement can be left out; otherwise "skip" is the same as "retry".
        """
        if lost_settings:
            return "repeat"
        if isinstance(error, SenseMisfit):
            return "stop"
        action = self.overrange if isinstance(error, Overrange) else self.sync
        if action == "skip" and not skips:
            action = "retry"
        return "stop" if action == "retry" and attempt == self.attempts else action


REFUSALS = (Overrange, SyncLost, SourceMisfit, SenseMisfit)
"""Errors with which a measurement is refused, and after which it can be made again; any other error stops the run."""


def not_kept(channels: Sequence[str], step: int) -> ChannelFault:
    """Return the error for channels that did not keep their value, after this number of updates."""
    return ChannelFault(
        f"{', '.join(channels)} did not keep the value that was written",
        action="program",
        last_good=f"step {step}",
        remedy="check the part and its wiring and, if it is written by pulses, its pulses and tolerance; with "
        "faults.channel=mask training continues without the edge",
    )


def require_edge_to_train(masked: int, edges: int, step: int) -> None:
    """Raise ChannelFault if every edge is masked, because no later step could change anything."""
    if masked < edges:
        return
    raise ChannelFault(
        f"every edge is masked ({masked} of {edges}): no channel kept the value that was written",
        action="program",
        last_good=f"step {step}",
        remedy="check the programmer's supply and cable and, if it writes cells by pulses, its pulses, tolerance and "
        "range; `labrig calibrate CONFIG` lists stuck and open potentiometers",
    )


def settings_lost(what: str, attempts: int, step: int) -> ChannelFault:
    """Return the error for settings that were lost in every attempt at the same step or evaluation."""
    return ChannelFault(
        f"the potentiometers lost their settings in each of {attempts} attempts at the same {what}",
        action="program",
        last_good=f"step {step}",
        remedy="check the supply, the cable and the watchdog of the potentiometer bank",
    )
