"""The instrument contracts, for real drivers and simulated instruments alike.

No I/O happens before `open`. `make_safe` is idempotent and bounded in time; it works on a half-open instrument and
while another call to the instrument hangs in another thread. Every blocking call has a deadline and raises
`DeadlineExceeded`. Apart from `make_safe`, an instrument gets one call at a time, not always from the same thread.
Channels are named as printed on the instrument.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from labrig.clock import Clock
from labrig.instruments.data import (
    AcquisitionPlan,
    Block,
    Continuous,
    Identity,
    LevelTable,
    ProgramReport,
    Setting,
    SourceAccuracy,
)
from labrig.signals.tones import ToneProgram

if TYPE_CHECKING:
    from labrig.instruments.drivers import DriverInfo


@runtime_checkable
class Instrument(Protocol):
    """The methods of every instrument."""

    def open(self) -> None:
        """Connect. Outputs stay in the instrument's safe state."""
        ...

    def identify(self) -> Identity:
        """Read model, serial number and firmware version from the instrument."""
        ...

    def make_safe(self) -> None:
        """Switch the outputs off; nothing is driven."""
        ...

    def close(self) -> None:
        """Disconnect; never raises for an instrument that has disappeared."""
        ...


@runtime_checkable
class WaveformSource(Instrument, Protocol):
    """A source of DC levels and tones."""

    def load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        """Prepare the program that each channel plays from the next `start` on. DC levels may appear immediately.

        Parameters
        ----------
        programs
            Program of each channel, in open-circuit volts.

        Returns
        -------
        dict
            The program that each channel will actually play.
        """
        ...

    def arm(self) -> None:
        """Get ready to start at the trigger."""
        ...

    def start(self) -> None:
        """Play the loaded programs with the outputs on; all channels start simultaneously."""
        ...

    def confirm(self) -> None:
        """Ask the source once, and raise a LabrigError unless it still plays the programs that were started.

        A reset or loss of the source makes an acquisition invalid; this detects it before the data are used for an
        update.
        """
        ...

    def idle(self) -> None:
        """Set every channel to 0 V with the outputs on: the network is unchanged but not driven."""
        ...


@runtime_checkable
class StatesAccuracy(Protocol):
    """A source that states the accuracy of its amplitudes. The amplitudes of other sources count as exact."""

    def accuracy(self) -> SourceAccuracy:
        """Standard uncertainties of the amplitudes. Called once the source is open."""
        ...


@runtime_checkable
class HoldsLevels(Protocol):
    """A source with channels that can hold a level when it is made safe; its capabilities set `holds_levels`."""

    def hold_when_safe(self, levels: Mapping[str, float]) -> None:
        """Make these channels hold a level (open-circuit V) in `make_safe` and `rescue`; all others are switched off.

        Called before `open`.
        """
        ...


@runtime_checkable
class Digitizer(Instrument, Protocol):
    """A digitizer for finite, triggered acquisitions."""

    def configure(self, plan: AcquisitionPlan) -> AcquisitionPlan:
        """Prepare finite acquisitions. Return the plan with the actual rate, ranges and skew."""
        ...

    def arm(self) -> None:
        """Get ready for the start trigger, without waiting for it; the first scan is taken at the trigger."""
        ...

    def start(self) -> None:
        """Begin the acquisition if this digitizer is the trigger master; do nothing if a source is the master."""
        ...

    def read(self, timeout_s: float) -> Block:
        """Read the next scans of the armed acquisition, waiting at most `timeout_s` seconds."""
        ...


@runtime_checkable
class ConductanceProgrammer(Instrument, Protocol):
    """A bank of programmable conductances."""

    def levels(self) -> dict[str, LevelTable | Continuous]:
        """Nominal conductances that each channel can realize."""
        ...

    def program(self, settings: Mapping[str, Setting]) -> ProgramReport:
        """Write settings, read them back and compare. Raises LimitExceeded for a setting out of range; never clamps."""
        ...

    def read_back(self, channels: Iterable[str]) -> dict[str, Setting]:
        """Read the actual settings of the channels. A programmer without `reads_back` returns those written last."""
        ...

    def keep_alive(self) -> None:
        """Feed the device's watchdog, if there is one and it is due. Called between acquisitions, never during one.

        `open` leaves the network disconnected, and the first `keep_alive` connects it.
        """
        ...


@runtime_checkable
class Refreshes(Protocol):
    """A programmer of cells that drift."""

    def refresh(self) -> ProgramReport:
        """Read every cell that was written, and rewrite those that have drifted out of their tolerance.

        Cells that were reported as faulty are not touched until `program` writes them.
        """
        ...


@runtime_checkable
class StaysConnected(Protocol):
    """A programmer that can leave the network connected, with its present settings, when it is closed."""

    def leave(self) -> None:
        """Make `close` leave settings and terminals as they are, with all watchdogs off; `make_safe` revokes this."""
        ...


class Truth(Protocol):
    """Ground truth known only to a simulation, for certificates and tests.

    No rig and no rule has access to it, except the rule `exact_adjoint`, whose output is labelled as not measured.
    """

    def gradient(self, activation: NDArray[np.float64], loss_gradient: Any, tone: bool = False) -> NDArray[np.float64]:
        """Exact gradient of the loss by the adjoint method, for the board in its actual state.

        Parameters
        ----------
        activation : (I,) array
            Constant input voltages, or signed amplitudes of the activation tone (V).
        loss_gradient : callable
            Function of the outputs (O,) in V, as returned by `outputs`, that returns ∂C/∂v_o (O,).
        tone : bool
            Whether the inputs play a tone. The loss is then a function of the outputs' amplitudes at that tone.

        Returns
        -------
        (E,) array
            ∂C/∂θ (per siemens).
        """
        ...

    def outputs(self, activation: NDArray[np.float64], tone: bool = False) -> NDArray[np.float64]:
        """Exact output voltages (V), shape (O,), for constant input voltages (V), shape (I,).

        With `tone`, inputs and outputs are signed amplitudes of one tone.
        """
        ...

    def as_played(self, activation: NDArray[np.float64]) -> NDArray[np.float64]:
        """(I,) voltages or amplitudes (V) that the inputs really play if `activation` (I,) (V) is requested."""
        ...

    def conductances(self) -> NDArray[np.float64]:
        """Actual conductances (S), shape (E,)."""
        ...

    @property
    def linear(self) -> bool:
        """Whether superposition holds."""
        ...

    @property
    def acquisitions(self) -> int:
        """Number of acquisitions simulated so far."""
        ...


class Bench(Protocol):
    """Provides the instruments: simulated, wire (virtual instruments) or hardware."""

    @property
    def clock(self) -> Clock:
        """Clock that the instruments of this bench follow."""
        ...

    @property
    def truth(self) -> Truth | None:
        """Ground truth of a simulated bench; None on hardware."""
        ...

    def true_outputs(self, activation: NDArray[np.float64], tone: bool) -> NDArray[np.float64] | None:
        """Exact outputs (M, O) of the board in its present state, for the inputs (M, I) of M examples (V).

        None on hardware. With `tone`, inputs and outputs are amplitudes, as in `Truth.outputs`. This is used only for
        the score after training.
        """
        ...

    def pause(self) -> None:
        """Suspend events that happen on their own, such as scheduled faults, until `resume`."""
        ...

    def state(self) -> dict[str, Any]:
        """State of the bench that a resumed run needs, as plain values; empty if the instruments keep all state."""
        ...

    def resume(self, state: Mapping[str, Any]) -> None:
        """End a pause, and continue from a state that `state` returned."""
        ...

    def connect(self, name: str, driver: DriverInfo, options: Any) -> Instrument:
        """Create the instrument of one configuration entry without opening it."""
        ...

    def close(self) -> None:
        """Stop everything that the bench itself has started."""
        ...
