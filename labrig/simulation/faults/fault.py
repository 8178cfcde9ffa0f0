"""The contract of a fault: the instruments that can have it, where it acts, and how.

A fault derives from the class of the place where it acts: `ConnectionFault`, `SilenceFault`, `DelayFault`, `LineFault`,
`RequestFault`, `PowerFault`, `SampleFault`, `EdgeFault`. Instruments ask the schedule for faults of such a class, and
do not know single faults by name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from labrig.config.section import NoOptions, Section
from labrig.instruments.drivers import FaultPlace, Kind

Array = NDArray[np.float64]

EVERY_KIND: tuple[Kind, ...] = ("source", "digitizer", "programmer")


class Fault(ABC):
    """A deliberate failure of an instrument or a part.

    Parameters
    ----------
    options : Section, optional
        The fault's own keys, an instance of `Options`.

    Attributes
    ----------
    Options : type of Section
        Keys that are written next to `what`, `where` and the time.
    kinds : tuple of str
        Kinds of instruments that can have the fault.
    place : str
        Place where the fault acts, set by the class from which it derives.
    counts : str or None
        Unit of a number after `for:`; None if `for:` must be a duration.
    momentary : bool
        Whether the fault happens at once and takes no `for:`.
    on_channel : bool
        Whether the fault acts on one channel ("daq/ai3"), not on a whole instrument.
    """

    Options: ClassVar[type[Section]] = NoOptions
    kinds: ClassVar[tuple[Kind, ...]] = EVERY_KIND
    place: ClassVar[FaultPlace]
    counts: ClassVar[Literal["messages", "acquisitions"] | None] = None
    momentary: ClassVar[bool] = False
    on_channel: ClassVar[bool] = False

    def __init__(self, options: Any = None) -> None:
        self.options: Any = self.Options() if options is None else options

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), self.options))


class ConnectionFault(Fault):
    """Ends all connections, and prevents new ones while the fault is active. The instrument itself keeps running."""

    place = "connection"


class SilenceFault(Fault):
    """Keeps the instrument from answering while the fault is active."""

    place = "silence"


class DelayFault(Fault):
    """Delays the replies of the instrument while the fault is active."""

    place = "delay"
    counts = "messages"

    @property
    @abstractmethod
    def delay_s(self) -> float:
        """Delay of a reply (s)."""


class LineFault(Fault):
    """Changes bytes on a serial line, in either direction, while the fault is active."""

    place = "line"
    kinds = ("programmer",)
    counts = "messages"

    @abstractmethod
    def transmitted(self, data: bytes, generator: np.random.Generator) -> bytes:
        """Return the bytes that arrive for a non-empty request or reply; random numbers come from `generator`."""


class RequestFault(Fault):
    """Makes the instrument reject every request, as if it did not understand it, while the fault is active."""

    place = "requests"
    counts = "messages"


class PowerFault(Fault):
    """Restarts the instrument, as after a power failure."""

    place = "power"
    momentary = True


class SampleFault(Fault):
    """Changes the readings of a channel of a digitizer while the fault is active."""

    place = "samples"
    kinds = ("digitizer",)
    counts = "acquisitions"
    on_channel = True

    @abstractmethod
    def read(self, volts: Array, full_scale_v: float) -> Array:
        """Return the (n,) voltages that the channel reads instead of `volts`; its range is ± full_scale_v."""


class EdgeFault(Fault):
    """Changes the part in a channel of a programmer; the setting that is read back stays the same."""

    place = "edge"
    kinds = ("programmer",)
    momentary = True
    on_channel = True

    @property
    @abstractmethod
    def factor(self) -> float:
        """Conductance after the fault, relative to before."""


SIMULATED_PLACES: dict[Kind, tuple[FaultPlace, ...]] = {
    "source": ("connection", "silence"),
    "digitizer": ("connection", "silence", "samples"),
    "programmer": ("connection", "silence", "power", "edge"),
}
"""Where faults can act on the instruments of `bench: simulated`, which have no messages, lines or bytes."""

NOT_ON_CELLS: tuple[FaultPlace, ...] = ("power", "edge")
"""Places without effect on simulated cells that are written by pulses: they keep their states without supply."""
