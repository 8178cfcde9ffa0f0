"""The rig: instruments that are wired to a board, and are opened and made safe together.

    with rig:
        response = rig.measure(Excitation(activation, error))
        report = rig.program({edge: Level(128)})

Order matters: digitizers arm first, sources start last. On any exit every instrument is made safe independently of the
others (see safety.py), then connections are closed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType, TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from labrig.blas import one_blas_thread
from labrig.clock import Clock
from labrig.errors import NotMadeSafe, SenseMisfit, SyncLost
from labrig.instruments.contracts import ConductanceProgrammer, Digitizer, Instrument, Refreshes, Truth, WaveformSource
from labrig.instruments.data import AcquisitionPlan, Continuous, Identity, LevelTable, ProgramReport, Setting
from labrig.learning.measurement import Excitation, Response, SharedErrors
from labrig.lockin.demodulated import Demodulated
from labrig.lockin.demodulator import Demodulator
from labrig.lockin.half_squares import HalfSquares
from labrig.rig.channel_programs import ChannelPrograms, Programs
from labrig.rig.corrections import ChannelCorrections
from labrig.rig.driven_nodes import DrivenNodes
from labrig.rig.gate import Gate
from labrig.rig.hookup import Hookup
from labrig.rig.identities import check_identity
from labrig.rig.limits import ROUNDING, DriveLimits, Limits
from labrig.rig.passivity import passivity_problem
from labrig.rig.programming import Programming
from labrig.rig.recorder import NoRecorder, Recorder
from labrig.rig.refusal import is_refused, refuse
from labrig.rig.responses import response_of, shared_errors
from labrig.rig.safety import SafetyCrew, failures_of
from labrig.rig.source_group import SourceGroup, stating
from labrig.rig.zero import Zero
from labrig.signals.tone_planner import TonePlan

Array = NDArray[np.float64]


class Rig:
    """Instruments that are wired to a board.

    hookup: the wiring. sources, digitizer, programmers: the instruments, not yet opened. others: digitizers that take
    no part in measurements. plan: the requested acquisition. tones: the tone plan; if `activation` is "sine", the first
    tone carries the activation, and all others carry errors. pilot_v: sum of the amplitudes of the pilot's tones.
    identities: expected identities of the instruments. mains_hz: possible frequencies of mains hum, which is fitted.
    zero_every: number of acquisitions after which the zero is measured again; 0 for never. up: names of sources and
    programmers in the order in which they are connected to the board when the rig opens; all others follow. stages:
    stage in which an instrument is made safe, by name, from 0; by default, sources come first. corrections: corrections
    of phasors by a calibration record. recorder: receives the samples of every acquisition. on_close: called after all
    instruments are closed, to end processes that the bench started. truth: exact solution of a simulation, for a rig
    whose rule is the exact gradient. closing: whether `close` is in progress; until it ends, a signal handler holds
    Ctrl-C back. wiring_trusted: whether `measure` raises SenseMisfit if nodes or the pilot contradict what is played;
    False to test the wiring.
    """

    def __init__(
        self,
        *,
        hookup: Hookup,
        sources: Mapping[str, WaveformSource],
        digitizer: Digitizer,
        programmers: Mapping[str, ConductanceProgrammer],
        plan: AcquisitionPlan,
        tones: TonePlan,
        activation: Literal["dc", "sine"],
        pilot_v: float,
        limits: Limits,
        clock: Clock,
        identities: Mapping[str, Identity],
        mains_hz: Sequence[float] = (),
        zero_every: int = 0,
        up: Sequence[str] = (),
        stages: Mapping[str, int] = MappingProxyType({}),
        others: Mapping[str, Digitizer] = MappingProxyType({}),
        on_close: Callable[[], None] = lambda: None,
        corrections: ChannelCorrections | None = None,
        truth: Truth | None = None,
    ) -> None:
        self.truth, self._corrections = truth, corrections
        self.hookup = hookup
        self.plan = plan
        self.tones = tones
        self.activation = activation
        self.limits = limits
        self.clock = clock
        self.acquisitions = 0
        self.recorder: Recorder = NoRecorder()
        self.identities: dict[str, Identity] = {}
        # Any: a gate has the methods of the instrument behind it.
        source_gates: dict[str, Any] = {name: Gate(name, "source", source) for name, source in sources.items()}
        digitizer_gate: Any = Gate(hookup.digitizer, "digitizer", digitizer)
        programmer_gates: dict[str, Any] = {name: Gate(name, "programmer", each) for name, each in programmers.items()}
        self._sources: dict[str, WaveformSource] = source_gates
        self._digitizer: Digitizer = digitizer_gate
        self._programmers: dict[str, ConductanceProgrammer] = programmer_gates
        self.others: dict[str, Any] = {name: Gate(name, "digitizer", other) for name, other in others.items()}
        gates = [*source_gates.values(), digitizer_gate, *programmer_gates.values(), *self.others.values()]
        self._safety = SafetyCrew(gates, clock, stages)
        self._expected, self._up = identities, up
        self._channel_programs = ChannelPrograms(hookup, tones.frequencies_hz, activation, pilot_v)
        self._driven_nodes = DrivenNodes(hookup, 0 if activation == "sine" else None, limits.misread)
        self._pilot_v, self._drive_limits = pilot_v, DriveLimits(limits, hookup)
        refreshing = {name: programmer_gates[name] for name, each in programmers.items() if isinstance(each, Refreshes)}
        self._programming = Programming(programmer_gates, hookup.edges, refreshing)
        self._mains_hz, self.zero_every = mains_hz, zero_every
        self._zero: Zero | None = None
        self._demodulator: Demodulator | None = None
        self._shared_errors: SharedErrors | None = None
        self._reached: list[str] = []
        self._left: list[str] = []
        self.closing, self._closed = False, True
        self.wiring_trusted = True
        self._on_close = on_close
        self._while_open = ExitStack()
        self._source_group = SourceGroup(self._sources, stating(sources))

    @cached_property
    def edges(self) -> tuple[str, ...]:
        """Names of the programmable edges, in the order of every (E,) array."""
        return tuple(edge.name for edge in self.hookup.edges)

    @property
    def error_tones(self) -> int:
        """K, the number of tones that can carry an error."""
        return len(self._channel_programs.error_hz)

    @property
    def largest_error_a(self) -> float:
        """Largest error current that every output's source can deliver within the limits (A)."""
        wires = self.hookup.outputs
        return min(min(each.full_scale_v, self.limits.source_v(each)) / abs(each.volts_per_ampere) for each in wires)

    @property
    def levels(self) -> Sequence[LevelTable | Continuous]:
        """Levels, or continuous range, of each edge's channel; known once the rig is open."""
        return self._programming.levels

    @property
    def siemens(self) -> Array:
        """(E,) nominal conductance last written to every edge (S); 0 for an edge that was never written."""
        return self._programming.siemens.copy()

    def __enter__(self) -> Self:
        """Open, identify and configure every instrument; the rig then idles at 0 V with its outputs on.

        If an instrument fails, the instruments that were reached are made safe and closed.
        """
        try:
            self._while_open.enter_context(one_blas_thread())
            self._open()
        except BaseException as error:
            self._close_after(error)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_after(error)

    def close(self) -> None:
        """Make safe, then close, every instrument that was reached; do nothing if the rig is closed already.

        This ends within about 20 s even if calls hang; instruments that respond have their outputs off within 1 s.
        Raises NotMadeSafe with one error for each instrument that could not be made safe or closed.
        """
        self.closing = self._closed = True
        try:
            failures = self._failures_to_close()
        finally:
            self.closing = False
        if failures:
            raise NotMadeSafe("some instruments could not be made safe", failures)

    def state(self) -> dict[str, Any]:
        """State of this rig that a resumed run needs, as plain values and arrays."""
        return {"acquisitions": self.acquisitions, **({} if self._zero is None else {"zero": self._zero.state()})}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Continue from the state of another rig with the same configuration; this rig must be open."""
        self.acquisitions = state["acquisitions"]
        if self._zero is not None:
            self._zero.resume(state["zero"])

    def measure(self, excitation: Excitation, following: Excitation | None = None) -> Response:
        """Play an excitation, sample the nodes, and read the coefficients of every edge.

        following: the next excitation, if `confirm` comes next: sources confirm and load it while the caller continues.
        Raises LimitExceeded, Overrange if a channel clipped, SyncLost if scans are missing or the pilot is too weak,
        SenseMisfit if nodes contradict what is played, DeadlineExceeded, ConnectionFailed, ChannelFault.
        """
        if excitation.trial:
            with self._programming.trial(excitation.trial):
                return self.measure(replace(excitation, trial={}), following)
        if (zero := self._zero) is not None:
            nothing = Excitation(np.zeros_like(excitation.activation))
            while zero.due:
                zero.measured(self._acquire(nothing, None)[0])
            if following is not None and zero.due_next:
                following = nothing
        read, played, lead = self._acquire(excitation, following)
        half_squares = self._half_squares(read, excitation, lead)
        if zero is not None:
            read = zero.subtracted_from(read)
        error = self._channel_programs.error_as_played(played, lead)
        constant = None if excitation.constant is None else self._channel_programs.constant_as_played(played)
        rows = self._channel_programs.error_rows
        if self.wiring_trusted:
            self._check_driven_nodes(read, excitation)
            self._refuse(passivity_problem(read, error, rows, self.hookup, self.limits.misread))
        return response_of(read, self.activation, self.hookup, rows, error, half_squares, constant, self._shared_errors)

    def _half_squares(self, read: Demodulated, excitation: Excitation, lead: Array) -> HalfSquares | None:
        """½u² of every edge at the beats of tones, if it was requested."""
        beats = self._channel_programs.beats(lead) if excitation.half_squares else ()
        return self._lock_in.half_squares(read, beats) if beats else None

    def _acquire(self, excitation: Excitation, following: Excitation | None) -> tuple[Demodulated, Programs, Array]:
        """Make one acquisition; return the reading, the programs as played, and the lead of tones over the pilot."""
        self._programming.keep_alive()
        programs = self._programs(excitation)
        following_programs = None if following is None else self._programs(following)
        played = self._source_group.load(programs)
        if played != programs:
            self._drive_limits.check(played, ROUNDING)
        lead = self._channel_programs.lead(programs, played)
        self._start()
        self.recorder.begin(self.acquisitions + 1, programs, played)
        self._read()
        if following_programs is not None:
            self._source_group.begin_confirming(following_programs)
        self.limits.check_window(self.hookup, self._lock_in, self._programming.largest)
        read = self._lock_in.result(lead)
        if is_refused(read, self.wiring_trusted):
            self.confirm()  # if a source was lost or reset in the meantime, its error explains more
            refuse(read, self.hookup)
        if self._corrections is not None:
            read = self._corrections.applied_to(read, played, lead)
        return read, played, lead

    def _check_driven_nodes(self, read: Demodulated, excitation: Excitation) -> None:
        """Refuse a measurement in which a driven node does not read the voltage that its source plays."""
        activation = np.asarray(excitation.activation, dtype=float)
        self._refuse(self._driven_nodes.problem(read, activation, self._pilot_v, self._programming.largest()[0]))

    def _refuse(self, misfit: SenseMisfit | None) -> None:
        """Raise the error `misfit`, if there is one, unless a source raises an error that explains more."""
        if misfit is not None:
            self.confirm()
            raise misfit

    def window(self) -> Array:
        """(N, C) samples (V) of the last acquisition's window, columns as `hookup.senses`."""
        return self._lock_in.window()

    def program(self, settings: Mapping[int, Setting]) -> ProgramReport:
        """Write new settings (by edge index) and verify them. Channels of the report are named device/channel."""
        return self._programming.program(settings)

    def refresh(self) -> ProgramReport:
        """Read cells that drift, and rewrite those out of their tolerance; programmers without drift do nothing."""
        return self._programming.refresh()

    def leave(self, names: Sequence[str]) -> None:
        """Make these programmers leave the network connected in its present state when the rig is closed."""
        for name in names:
            self._programmers[name].leave()  # type: ignore[attr-defined]
            self._left.append(name)

    def read_back(self, edges: Collection[int] | None = None) -> dict[int, Setting]:
        """The settings of these edges (all by default), by edge index, as the programmers read them back."""
        return self._programming.read_back(edges)

    def nominal(self, edge: int, setting: Setting) -> float:
        """Nominal conductance of a setting of an edge's channel (S); NaN for a code that the channel does not have."""
        return self._programming.nominal(edge, setting)

    def confirm(self) -> None:
        """Check that every source still plays its program, so that all measurements with this program can be trusted.

        Raises its error: ConnectionFailed if it is lost, ChannelFault or SourceMisfit if it plays something else.
        """
        self._source_group.confirm()

    def idle(self) -> None:
        """Set every source to 0 V with its outputs on. This is the only call that can undo `make_safe`."""
        if not self._closed:
            self._safety.reopen()
        self._source_group.idle()

    def make_safe(self) -> None:
        """Switch all outputs off, on all instruments at once and independently.

        After this no call reaches an instrument until `idle`: calls that wait or are made later raise ConnectionFailed.
        Raises NotMadeSafe with one error for each instrument that could not be made safe within 10 to 15 s.
        """
        self._safety.shut()
        self._source_group.withdraw()
        failures = self._safety.make_safe(list(self._instruments()))
        if failures:
            raise NotMadeSafe("some instruments could not be made safe", failures)

    def _failures_to_close(self) -> list[Exception]:
        self._safety.shut()
        self._source_group.end_threads()
        reached = [name for name in self._instruments() if name in self._reached]
        failures = self._safety.make_safe([name for name in reached if name not in self._left])
        failures += self._safety.close(reached[::-1])
        failures += failures_of([self._on_close, self._while_open.close])
        self._safety.end_threads()
        self._reached.clear()
        self._left.clear()
        return failures

    def _open(self) -> None:
        self._safety.start_threads()  # first, because the system may not be able to start threads later
        self._source_group.start_threads()
        self._safety.reopen()
        self._closed = False
        every = self._instruments()
        in_order = {name: every[name] for name in self._up if name in every}
        digitizer_first = {self.hookup.digitizer: self._digitizer, **in_order, **every}  # others use its clock
        for name, instrument in digitizer_first.items():
            self._reached.append(name)
            instrument.open()
            found = self.identities[name] = instrument.identify()
            check_identity(name, found, self._expected.get(name))
        self.plan = self._digitizer.configure(self.plan)
        drops, pilot, per_volt = self.hookup.drops, self.hookup.pilot_column, self.hookup.per_volt
        self._demodulator = Demodulator(
            self.plan, self.tones.frequencies_hz, drops, pilot, mains_hz=self._mains_hz, per_volt=per_volt
        )
        self._shared_errors = shared_errors(self.hookup, self.plan, self._source_group.accuracies())
        if self.zero_every:
            self._zero = Zero(self.zero_every, drops, self._demodulator.u_zero)
        self._programming.read_levels()
        for name in in_order:
            if name in self._programmers:
                self._programmers[name].keep_alive()
            else:
                self._sources[name].idle()
        self.idle()

    def _close_after(self, error: BaseException | None) -> None:
        """Close the rig; errors while closing are added to the error that led here."""
        try:
            self.close()
        except NotMadeSafe as group:
            if isinstance(error, Exception):
                raise group.after(error) from None
            raise

    def _instruments(self) -> dict[str, Instrument]:
        """All instruments, the sources first, because they are made safe first."""
        return {**self._sources, self.hookup.digitizer: self._digitizer, **self._programmers, **self.others}

    def _programs(self, excitation: Excitation) -> Programs:
        """Programs of all source channels for an excitation. Raises LimitExceeded."""
        programs = self._channel_programs.programs(excitation)
        self._drive_limits.check(programs)
        return programs

    @property
    def _lock_in(self) -> Demodulator:
        assert self._demodulator is not None, "the rig is not open"
        return self._demodulator

    def _start(self) -> None:
        self._digitizer.arm()
        self._source_group.arm()
        self._source_group.start()
        self._digitizer.start()

    def _read(self) -> None:
        """Read every scan of one acquisition into the lock-in. It counts even if scans are lost."""
        lock_in, received = self._lock_in, 0
        lock_in.start()
        try:
            while received < self.plan.total_samples:
                block = self._digitizer.read(self.limits.step_s)
                self.recorder.add(block)
                lock_in.feed(block)
                received = block.start_index + len(block.codes)
        except SyncLost:
            self.acquisitions += 1
            raise
        self.acquisitions += 1
