"""Checks of a whole rig: signals come back at the right place, with the right sign and size, and stop when they should.

Some errors show only through the wiring: a source that scales twice, a lost sign, a sample rate other than the reported
one, an ignored make_safe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from labrig.errors import LabrigError
from labrig.instruments.data import Level, LevelTable, Setting, Target
from labrig.instruments.drivers import SourceCapabilities
from labrig.learning.measurement import Excitation
from labrig.rig.hookup import SourceWire
from labrig.signals.tones import Tone, ToneProgram, signed_tone
from labrig.testing.calls import NotApplicable, succeeded
from labrig.testing.levels import patterns
from labrig.testing.station import Chain, Station, Subject

Array = NDArray[np.float64]
RigCheck = Callable[[Station], None]

TOLERANCE = 0.05
"""Relative tolerance of source and digitizer combined."""

OFFSET_V = 3e-3
"""Offset tolerance (V)."""

PART_TOLERANCE = 0.3
"""Relative tolerance of uncalibrated conductances: potentiometers have ± 20 %."""

CLOCK_TOLERANCE = 200e-6
"""Relative tolerance of frequencies: free-running clocks are off by about 50 ppm each."""

SILENT_SHARE = 0.02
"""Largest fraction of a drive that may be left after make_safe or idle."""


class Board:
    """The board of a chain, programmed to known conductances, and its expected voltages."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.network = chain.station.assembly.board.network
        self.siemens = self._programmed()

    def expected(self, node: str, volts: Mapping[str, float]) -> tuple[float, float]:
        """Return the lowest and highest expected voltage of a node (V); `volts` maps driven nodes to their levels."""
        solver, found = self.network.equilibrium(), []
        levels = [volts.get(source.node, 0.0) for source in self.network.sources]
        for factor in (1 - PART_TOLERANCE, 1.0, 1 + PART_TOLERANCE):
            solver.set_parameters(factor * self.siemens)
            found.append(float(solver.states(levels)[self.network.nodes.index(node)]))
        spare = TOLERANCE * max(map(abs, found)) + OFFSET_V
        return min(found) - spare, max(found) + spare

    def _programmed(self) -> Array:
        """Set every edge near the middle of its range; return the (E,) nominal conductances (S)."""
        siemens: dict[tuple[str, str], float] = {}
        for name, programmer in self.chain.programmers.items():
            levels = programmer.levels()
            settings, _ = patterns(Subject(self.chain.station, name), levels)
            report = programmer.program(settings)
            assert not report.faulty, f"{name}: channels {', '.join(report.faulty)} do not hold what was written"
            siemens |= {(name, c): _siemens(levels[c], setting) for c, setting in settings.items()}
        return np.array([siemens[edge.device, edge.channel] for edge in self.chain.hookup.edges])


def a_drive_comes_back_at_its_own_node(station: Station) -> None:
    """Each input alone, with both signs, gives the expected voltage at its sense channel."""
    with Chain(station, programmed=True) as chain:
        board = Board(chain)
        for wire in chain.hookup.inputs:
            for level in (station.drive_v, -station.drive_v):
                found = _driven(chain, wire, level)
                low, high = board.expected(wire.node, {wire.node: level})
                assert low <= found <= high, (
                    f"{wire.label} drives {wire.node} with {level:+.4g} V, and {_sense(chain, wire.node)} reads "
                    f"{found:+.4g} V there, not {low:+.4g} to {high:+.4g} V: {_guess(found, (low + high) / 2)}"
                )


def an_error_tone_has_its_sign_and_size(station: Station) -> None:
    """Each output alone, with both signs and a pilot, gives the expected in-phase voltage at its sense channel."""
    frequency = station.assembly.acquisition_timing.tones.frequencies_hz[-1]
    pilot = ToneProgram(0.0, (Tone(frequency, station.drive_v),))
    with Chain(station, programmed=True) as chain:
        board, hookup = Board(chain), chain.hookup
        for wire in hookup.outputs:
            for level in (station.drive_v, -station.drive_v):
                error = ToneProgram(0.0, (signed_tone(frequency, level),))
                phasors = _phasors(chain, chain.acquire({wire.label: error, hookup.pilot.label: pilot}), frequency)
                _in_phase_pilot(chain, board, phasors, station.drive_v)
                reference = phasors[hookup.pilot_column]
                found = float((phasors * np.conj(reference) / abs(reference))[hookup.sense_column[wire.node]].real)
                ends = [*board.expected(wire.node, {wire.node: level})]
                still = board.expected(wire.node, {})
                low, high = (end - float(np.mean(still)) for end in ends)
                assert low <= found <= high, (
                    f"{wire.label} injects {level / wire.volts_per_ampere:+.3g} A into {wire.node} at {frequency:g} "
                    f"Hz, and {_sense(chain, wire.node)} reads {found:+.4g} V in phase with the pilot, not "
                    f"{low:+.4g} to {high:+.4g} V: {_guess(found, (low + high) / 2)}"
                )


def the_rate_is_what_it_says(station: Station) -> None:
    """The pilot has its nominal frequency, measured by its phase in the two halves of a window."""
    frequency = station.assembly.acquisition_timing.tones.frequencies_hz[-1]
    with Chain(station) as chain:
        pilot = chain.hookup.pilot
        volts = _window(chain, chain.acquire({pilot.label: ToneProgram(0.0, (Tone(frequency, station.drive_v),))}))
        rate, column = chain.plan.sample_rate_hz, chain.hookup.pilot_column
        found = _frequency(volts[:, column], rate)
    off = found / frequency - 1
    assert abs(off) <= CLOCK_TOLERANCE, (
        f"{chain.hookup.digitizer} reports {rate:g} S/s, so {pilot.label} would be playing {found:.6g} Hz instead of "
        f"{frequency:g} Hz ({100 * off:+.2f} %): one of them reports a wrong rate"
    )


def make_safe_silences(station: Station) -> None:
    """After make_safe no node is driven."""
    _silences(station, "make_safe")


def idle_silences(station: Station) -> None:
    """After idle no node is driven."""
    _silences(station, "idle")


def the_rig_opens_measures_and_closes(station: Station) -> None:
    """A rig opens, programs, measures and closes, twice in a row."""
    for _ in range(2):
        with station.assembly.open_rig() as rig:
            rig.program(station.assembly.update(rig).settings())
            activation = np.zeros(len(rig.hookup.inputs))
            activation[0] = station.drive_v
            response = succeeded("the rig: measure", lambda: rig.measure(Excitation(activation)))  # noqa: B023
            assert np.isfinite(response.outputs).all(), "the rig: measured outputs are not finite"


def _silences(station: Station, action: str) -> None:
    """Drive every input, silence all sources, and check the voltages of the nodes afterwards."""
    inputs = station.assembly.board.hookup.inputs
    programs = {wire.label: station.drive(wire.device, station.drive_v) for wire in inputs}
    with Chain(station, programmed=True) as chain:
        Board(chain)
        loud = np.abs(_window(chain, chain.acquire(programs))).max(axis=0)
        for source in chain.sources.values():
            getattr(source, action)()
        quiet = np.abs(_undriven(chain)).max(axis=0)
        for wire in chain.hookup.inputs:
            column = chain.hookup.sense_column[wire.node]
            assert quiet[column] <= SILENT_SHARE * loud[column] + OFFSET_V, (
                f"{wire.device}: {wire.node} is still at {quiet[column]:.4g} V after {action}, {loud[column]:.4g} V "
                "before: the output is still on"
            )


def _undriven(chain: Chain) -> Array:
    """Return (T, C) volts while nothing is played.

    If only the start of a source triggers the digitizer, the source has to play; then only the samples before its new
    program takes effect are returned.
    """
    chain.station.bench.clock.sleep(0.05)
    try:
        chain.digitizer.arm()
        chain.digitizer.start()
        return np.concatenate([block.volts() for block in chain.blocks()])
    except LabrigError:
        chain.digitizer.make_safe()
    able = [chain.station.assembly.devices[name].capabilities for name in chain.sources]
    settle_s = min(source.settle_s for source in able if isinstance(source, SourceCapabilities))
    before = int(settle_s * chain.plan.sample_rate_hz)
    if before < 2:
        raise NotApplicable("the sources start the digitizer and take effect at once, so there is no undriven sample")
    return chain.acquire({})[:before]


def _driven(chain: Chain, wire: SourceWire, level: float) -> float:
    """Return the voltage (V) at the node of an input that is driven alone: DC, or in phase with a pilot."""
    station, pilot = chain.station, chain.hookup.pilot
    programs = {wire.label: station.drive(wire.device, level)}
    column = chain.hookup.sense_column[wire.node]
    if not programs[wire.label].tones:
        return float(_window(chain, chain.acquire(programs))[:, column].mean())
    programs[pilot.label] = station.drive(pilot.device, station.drive_v)
    phasors = _phasors(chain, chain.acquire(programs), programs[wire.label].tones[0].frequency_hz)
    reference = phasors[chain.hookup.pilot_column]
    return float((phasors[column] * np.conj(reference) / abs(reference)).real)


def _window(chain: Chain, volts: Array) -> Array:
    return volts[chain.plan.settle_samples :]


def _phasors(chain: Chain, volts: Array, frequency_hz: float) -> NDArray[np.complex128]:
    """Return the (C,) peak phasor of each channel's window (V), corrected for skew."""
    window = _window(chain, volts)
    turns = -2j * np.pi * frequency_hz
    t = np.arange(len(window)) / chain.plan.sample_rate_hz
    return 2 * np.mean(window * np.exp(turns * t)[:, np.newaxis], axis=0) * np.exp(turns * np.array(chain.plan.skew_s))


def _frequency(volts: Array, rate_hz: float) -> float:
    """Return the frequency of a strong tone (Hz): its peak in the spectrum, refined by its phase in two parts.

    Overlapping parts come first, as the phase of separate halves is ambiguous between two bins of the spectrum.
    """
    half = len(volts) // 2
    taper = np.hanning(half)
    rough = np.argmax(np.abs(np.fft.rfft(volts[:half] * taper))[1:]) + 1
    near = rough * rate_hz / half
    t = np.arange(2 * half) / rate_hz
    for shift in (half // 2, half):
        turned = volts[: 2 * half] * np.exp(-2j * np.pi * near * t)
        first, second = (np.sum(turned[begins : begins + half] * taper) for begins in (0, shift))
        near += np.angle(second / first) / (2 * np.pi * shift / rate_hz)
    return float(near)


def _in_phase_pilot(chain: Chain, board: Board, phasors: NDArray[np.complex128], level: float) -> None:
    pilot: SourceWire = chain.hookup.pilot
    low, high = board.expected(pilot.node, {pilot.node: level})
    found = float(abs(phasors[chain.hookup.pilot_column]))
    assert low <= found <= high, (
        f"{pilot.label} plays a pilot of {level:g} V, and {_sense(chain, pilot.node)} reads {found:.4g} V, not "
        f"{low:.4g} to {high:.4g} V: {_guess(found, (low + high) / 2)}"
    )


def _sense(chain: Chain, node: str) -> str:
    return f"{chain.hookup.digitizer}/{chain.hookup.senses[chain.hookup.sense_column[node]].channel}"


def _guess(found: float, expected: float) -> str:
    """Return the most likely cause of a wrong voltage."""
    if abs(found) < 0.05 * abs(expected):
        return "no signal; check the wiring and the output"
    if found * expected < 0 and 0.7 < abs(found / expected) < 1.4:
        return "its sign is wrong"
    return f"it is scaled by {found / expected:.3g}"


def _siemens(levels: object, setting: Setting) -> float:
    if isinstance(setting, Target):
        return setting.siemens
    assert isinstance(levels, LevelTable)
    assert isinstance(setting, Level)
    return float(levels.siemens[np.flatnonzero(levels.codes == setting.code)[0]])


CHECKS: tuple[RigCheck, ...] = (
    a_drive_comes_back_at_its_own_node,
    an_error_tone_has_its_sign_and_size,
    the_rate_is_what_it_says,
    make_safe_silences,
    idle_silences,
    the_rig_opens_measures_and_closes,
)
