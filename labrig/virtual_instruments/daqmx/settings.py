"""Settings of a DAQmx task: its channels and its sample clock."""

from __future__ import annotations

from dataclasses import dataclass

from nidaqmx.constants import AcquisitionType
from nidaqmx.error_codes import DAQmxErrors as Code

from labrig.signals.tones import ToneProgram
from labrig.virtual_instruments.daqmx.errors import DaqmxFailure

FINITE = AcquisitionType.FINITE.value
"""Sample mode of a finite task (DAQmx value)."""


def default_buffer(samples: int, rate_hz: float) -> int:
    """Size of the input buffer that NI's driver chooses, in samples per channel."""
    return max(samples, 1000 if rate_hz <= 100 else 10_000 if rate_hz <= 10_000 else 100_000)


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
    function
        The program that an output generates by itself, if it is a function generator.
    """

    name: str
    physical: str
    kind: str
    lowest_v: float
    highest_v: float
    range_v: float
    terminal: int
    function: ToneProgram | None = None


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


KNOWN_CLOCKS_HZ = {"pxie_clk100": 100e6, "pxi_clk10": 10e6}
"""Rates of the clocks of a PXI chassis (Hz)."""


@dataclass(frozen=True)
class ReferenceClock:
    """The reference clock of a task.

    Attributes
    ----------
    terminal
        Terminal of the clock.
    requested_hz
        Rate set by the client (Hz); None if the driver chooses it.
    """

    terminal: str = "OnboardClock"
    requested_hz: float | None = None

    @property
    def is_onboard(self) -> bool:
        """Whether the clock is the board's own oscillator."""
        return self.terminal.casefold() == "onboardclock"

    @property
    def rate_hz(self) -> float:
        """Rate (Hz): the rate set by the client, or else the rate of the chassis' clock, or else 10 MHz."""
        return (self._known_hz or 10e6) if self.requested_hz is None else self.requested_hz

    @property
    def _known_hz(self) -> float | None:
        return KNOWN_CLOCKS_HZ.get(self.terminal.rpartition("/")[2].casefold())

    def check(self) -> None:
        """Raise DaqmxFailure -200744 for a rate that the clock does not have."""
        if self._known_hz not in (None, self.rate_hz):
            details = f"Property: DAQmx_RefClk_Rate\nRequested Value: {self.rate_hz:g}"
            raise DaqmxFailure(Code.REF_CLK_RATE_REF_CLK_SRC_MISMATCH, f"{details}\nSource Terminal: {self.terminal}")
