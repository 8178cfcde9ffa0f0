"""Settings of a DAQmx task: its channels and its sample clock."""

from __future__ import annotations

from dataclasses import dataclass

from nidaqmx.constants import AcquisitionType

from labrig.virtual_instruments.daqmx.device import coerced_rate

FINITE = AcquisitionType.FINITE.value
"""Sample mode of a finite task (DAQmx value)."""


@dataclass(frozen=True)
class Channel:
    """One channel of a task.

    Attributes
    ----------
    name
        Name of the virtual channel.
    physical
        Physical channel without its device ("ai3").
    kind
        "ai" or "ao".
    lowest_v, highest_v
        Limits set by the client (V).
    range_v
        Range of the converter (± V).
    terminal
        Terminal configuration (DAQmx value).
    """

    name: str
    physical: str
    kind: str
    lowest_v: float
    highest_v: float
    range_v: float
    terminal: int


@dataclass(frozen=True)
class SampleClock:
    """Sample clock settings.

    Attributes
    ----------
    requested_hz
        Requested rate (S/s).
    mode
        Sample mode (DAQmx value).
    samples
        Samples per channel, or a hint for the buffer size.
    source
        Terminal of the clock; "" is the onboard clock.
    """

    requested_hz: float
    mode: int
    samples: int
    source: str = ""

    @property
    def rate_hz(self) -> float:
        """Actual rate (S/s)."""
        return coerced_rate(self.requested_hz)
