"""What the rig may ask of an instrument. Real drivers and simulated faces keep the same contracts.

No I/O happens before `open`. `make_safe` is idempotent, bounded in time and works on a half-open instrument, and while
a call of the same instrument hangs in another thread. Every blocking call ends by a deadline with `DeadlineExceeded`.
Apart from `make_safe`, an instrument gets one call at a time, not always from the same thread. Channels are named as
printed on the instrument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from labrig.clock import Clock
from labrig.instruments.data import AcquisitionPlan, Block, Continuous, Identity, LevelTable, ProgramReport, Setting
from labrig.signals.tones import ToneProgram

if TYPE_CHECKING:
    from labrig.instruments.drivers import DriverInfo


@runtime_checkable
class Instrument(Protocol):
    def open(self) -> None:
        """Connect. Outputs stay as the instrument's safe state has them."""
        ...

    def identify(self) -> Identity:
        """Who answers."""
        ...

    def make_safe(self) -> None:
        """Outputs off, nothing driven."""
        ...

    def close(self) -> None:
        """Disconnect; never raises for an instrument that is already gone."""
        ...


@runtime_checkable
class WaveformSource(Instrument, Protocol):
    def load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        """Prepare what each channel will play from the next `start`; returns what it will really play. Constant levels
        may be there at once."""
        ...

    def arm(self) -> None:
        """Be ready to start with the trigger."""
        ...

    def start(self) -> None:
        """Play what was loaded, outputs on; all channels start together."""
        ...

    def confirm(self) -> None:
        """Return if it still plays what was started, as far as one question to it tells; else raise a LabrigError.

        An instrument that was reset or lost while a window was sampled has spoilt what was measured, and says so here,
        before that becomes an update.
        """
        ...

    def idle(self) -> None:
        """0 V on every channel with the outputs ON: the network stays as it is, nothing drives it."""
        ...


@runtime_checkable
class Digitizer(Instrument, Protocol):
    def configure(self, plan: AcquisitionPlan) -> AcquisitionPlan:
        """Prepare finite acquisitions; returns the actual rate, ranges and skew."""
        ...

    def arm(self) -> None:
        """Wait for the start trigger; the first scan is taken at the trigger."""
        ...

    def start(self) -> None:
        """Begin the acquisition where this digitizer is the trigger's master; nothing where a source is."""
        ...

    def read(self, timeout_s: float) -> Block:
        """The next scans of the armed acquisition, at the latest after `timeout_s` seconds."""
        ...


@runtime_checkable
class ConductanceProgrammer(Instrument, Protocol):
    def levels(self) -> dict[str, LevelTable | Continuous]:
        """What each channel can realize, nominally."""
        ...

    def program(self, settings: Mapping[str, Setting]) -> ProgramReport:
        """Write, read back, compare. Refuses what is out of range and never clamps."""
        ...

    def read_back(self, channels: Iterable[str]) -> dict[str, Setting]:
        """What the channels hold."""
        ...

    def keep_alive(self) -> None:
        """Called between any two acquisitions: tell a device with a watchdog that somebody is there, when it is time.
        Nothing otherwise: lines are silent while a window integrates."""
        ...


class Truth(Protocol):
    """What only a simulation knows. For certificates and tests; never given to rig or learning."""

    def gradient(self, activation: NDArray[np.float64], loss_gradient: Any) -> NDArray[np.float64]:
        """(E,) exact ∂C/∂θ (per siemens) by the adjoint of the board as it is, for a constant activation (I,) in volts.

        loss_gradient: function of the output voltages (O,) that gives ∂C/∂v_o (O,).
        """
        ...

    def outputs(self, activation: NDArray[np.float64]) -> NDArray[np.float64]:
        """(O,) exact output voltages (V) for a constant activation."""
        ...

    def conductances(self) -> NDArray[np.float64]:
        """(E,) actual conductances (S)."""
        ...

    @property
    def linear(self) -> bool:
        """Whether superposition holds: no diodes."""
        ...

    @property
    def acquisitions(self) -> int:
        """How many acquisitions the world has been sampled for."""
        ...


class Bench(Protocol):
    """Where instruments come from: simulated, on the wire, or hardware."""

    @property
    def clock(self) -> Clock: ...

    @property
    def truth(self) -> Truth | None: ...

    def connect(self, name: str, driver: DriverInfo, options: Any) -> Instrument:
        """An unopened instrument for one entry of the configuration."""
        ...

    def close(self) -> None:
        """End whatever the bench itself started."""
        ...
