"""Runs a self-test: measures, searches for wirings that explain the readings, and names the best one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from labrig.assembly import Assembly
from labrig.assembly.noise import LEVEL_NOISE, TONE_NOISE
from labrig.assembly.wired import MISWIRINGS, Miswiring, Wired, configured, places
from labrig.errors import ChannelFault, LabrigError, UsageError
from labrig.instruments.data import Level, Setting, Target
from labrig.learning.measurement import Excitation, Response
from labrig.learning.updates import ladder
from labrig.network.resistive.graph import Graph
from labrig.procedures.selftest.experiments import Experiment, Readings, planned
from labrig.procedures.selftest.fit import FEW, Deviations, Fit, Fits, Looks
from labrig.procedures.selftest.model import Expectation, Model
from labrig.rig.rig import Rig

Array = NDArray[np.float64]
Verdict = Literal["healthy", "faulty", "unexplained"]
Scores = dict[tuple[str, tuple[str, ...]], tuple[float, Miswiring]]

FITS = 0.15
"""Mean square of the normalized residuals up to which a board counts as wired as expected."""

FITS_STILL = 1.0
"""The same bound after a fault was found, because the size of a fault is known only roughly."""

EXPLAINS = 25.0
"""Smallest decrease of χ² for which a fault is named, in units of the mean square residual that the fault leaves."""

LEAST_LEFT = 0.1
"""Smallest value of this unit, the mean square residual."""

ALIKE = 6.0
"""Faults whose χ² differ by less than this cannot be told apart."""

UNEXPLAINED = 3.0
"""Mean square of the normalized residuals beyond which no explanation is accepted."""

FITTED = 8
"""Number of faults that are fitted, after a second look has ranked the LIKELY faults of leads and of edges."""

LIKELY = 25
SUSPECTS = 7
"""Number of edges whose pairs all get a second look."""
MOST_FAULTS = 3
MOST_EDGES = 40
"""Largest number of edges for which every pair is tried; on larger boards only pairs of the most suspicious edges."""

PILOT_SHARE = 0.7
PILOT_WITHIN = 0.1
"""The pilot is connected to its channel if its amplitude is within this fraction of the expected in every reading."""

BETWEEN = 1.2
"""ln of the ratio between neighbouring trial resistances; the best one is then refined between its neighbours."""


@dataclass(frozen=True)
class Finding:
    """A fault, and other faults that explain the readings equally well.

    Attributes
    ----------
    fault : Miswiring
        The best explanation.
    remedy : str
        The pins and leads to check.
    alike : tuple of Miswiring
        Other faults that these readings cannot tell apart from `fault`.
    """

    fault: Miswiring
    remedy: str
    alike: tuple[Miswiring, ...]


@dataclass(frozen=True)
class SelfTest:
    """The result of a self-test.

    Attributes
    ----------
    verdict : str
        "healthy", "faulty", or "unexplained": something is wrong, but no known fault explains it.
    findings : tuple of Finding
        The faults that were found.
    misfit, left : float
        Mean square of the normalized residuals of the board as configured, and of the board with the faults that were
        found; about 1 or less for a board that fits.
    worst : tuple of (str, float)
        The nodes with the largest remaining residuals, and the rms of their normalized residuals.
    acquisitions : int
        Number of acquisitions.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    misfit: float
    left: float
    worst: tuple[tuple[str, float], ...]
    acquisitions: int


def selftest(assembly: Assembly, rig: Rig) -> SelfTest:
    """Test an open rig.

    Parameters
    ----------
    assembly : Assembly
        The configuration.
    rig : Rig
        Its open rig. The settings of the board are restored at the end, also after an error.

    Raises
    ------
    UsageError
        If the board has parts other than resistors and diodes.
    ChannelFault
        If a channel does not keep the value that was written.
    """
    if not isinstance(assembly.board.network, Graph):
        raise UsageError("selftest can only test boards of resistors and diodes", remedy="use labrig measure instead")
    nominal = configured(assembly)
    error_a = min(assembly.learning.error.largest, rig.largest_error_a)
    readings = _measured(assembly, rig, error_a)
    model = Model(nominal, rig.hookup, readings, assembly.learning.activation, error_a)
    return _Search(assembly, rig, model, readings).result()


def _measured(assembly: Assembly, rig: Rig, error_a: float) -> Readings:
    hookup, low_high = rig.hookup, assembly.network.programmable.range
    amplitude = 0.8 * float(np.abs(assembly.task.activation).max())
    generator = np.random.default_rng(assembly.seed)
    sizes = len(hookup.inputs), len(hookup.outputs), len(hookup.edges)
    experiments, high = planned(*sizes, amplitude, generator)
    held = rig.read_back()
    trusted, rig.wiring_trusted = rig.wiring_trusted, False
    siemens: list[Array] = []
    rows: list[tuple[Array, Array, float]] = []
    try:
        for experiment in experiments:
            if experiment.setting == len(siemens):
                chosen = np.where(high[experiment.setting], low_high[1], low_high[0])
                wanted = assembly.initial if experiment.setting == 0 else chosen
                _write(rig, _settings(rig, wanted))
                siemens.append(rig.siemens)
            rows.append(_read(rig, experiment, error_a))
        rig.confirm()
    except LabrigError:
        with suppress(LabrigError):  # the first error is the one to report
            rig.program(held)
        raise
    finally:
        rig.wiring_trusted = trusted
    _write(rig, held)
    volts, u_volts, pilot = (np.array(column) for column in zip(*rows, strict=True))
    return Readings(np.array(siemens), tuple(experiments), volts, u_volts, pilot)


def _write(rig: Rig, settings: Mapping[int, Setting]) -> None:
    if faulty := rig.program(settings).faulty:
        raise ChannelFault(
            f"{', '.join(faulty)} did not keep the value that was written",
            action="selftest",
            remedy="check these parts and their wires first",
        )


def _settings(rig: Rig, siemens: Array) -> dict[int, Setting]:
    """Return, for every edge, the setting nearest to its conductance."""
    levels = ladder.stacked(rig.levels)
    if levels is None:
        return {edge: Target(float(value)) for edge, value in enumerate(siemens)}
    nearest = ladder.nearest(levels, siemens)
    return {edge: Level(int(levels.codes[levels.table[edge], nearest[edge]])) for edge in range(len(siemens))}


def _read(rig: Rig, experiment: Experiment, error_a: float) -> tuple[Array, Array, float]:
    """Measure; return the readings (C,), their uncertainties, and the amplitude of the pilot."""
    error = None
    if experiment.output is not None:
        error = np.zeros((rig.error_tones, len(rig.hookup.outputs)))
        error[0, experiment.output] = error_a
    response: Response = rig.measure(Excitation(experiment.activation, error=error))
    read = response.demodulated
    pilot = float(read.pilot_amplitude.sum())
    if error is None and rig.activation != "sine":
        known = np.hypot(rig.plan.u_gain * read.dc, rig.plan.u_offset_v)
        return read.dc, np.hypot(read.u_dc, _beyond(read.systematic_dc, known)), pilot
    row = 0 if error is None else len(read.frequencies_hz) - rig.error_tones
    known = rig.plan.u_gain * np.abs(read.phasor[row])
    u = np.hypot(read.u_channel[row], _beyond(read.systematic_channel[row], known))
    return read.channel_in_phase[row], u, pilot


def _beyond(systematic: Array, known: Array) -> Array:
    """Return the systematic errors (C,) due to rounding, i.e. without the `known` ones of gains and zeros (fitted)."""
    return np.sqrt(np.maximum(systematic**2 - known**2, 0.0))


class _Search:
    """Searches for the faults that explain the readings, one after the other."""

    def __init__(self, assembly: Assembly, rig: Rig, model: Model, readings: Readings) -> None:
        self._assembly, self._rig, self._model, self._readings = assembly, rig, model, readings
        self._places = places(rig.hookup)
        self._faulty: list[tuple[str, str]] = []
        tones = model.tones[:, np.newaxis]
        # The pilot is only the phase reference of tones, so its own tones are not fitted. Without it, no tone is used.
        used = np.ones_like(readings.volts, dtype=bool)
        used[:, rig.hookup.pilot_column] = ~model.tones
        expected_pilot = assembly.acquisition.pilot
        self._pilot_is_weak = float(np.median(readings.pilot_v)) < PILOT_SHARE * expected_pilot
        self._pilot_connected = bool((np.abs(readings.pilot_v / expected_pilot - 1) < PILOT_WITHIN).all())
        if self._pilot_is_weak:
            used &= ~tones
        largest = np.abs(np.where(used, readings.volts, 0.0)).max(axis=1, keepdims=True)
        floor = np.where(tones, TONE_NOISE[0] + TONE_NOISE[1] * largest, LEVEL_NOISE[0] + LEVEL_NOISE[1] * largest)
        deviations = Deviations(
            parts=np.array([max(each.tolerance / np.sqrt(3), 0.005) for each in rig.levels]),
            gain=max(rig.plan.u_gain, 1e-3),
            zero_v=max(rig.plan.u_offset_v, 200e-6),
            noise=np.hypot(readings.u_volts, floor),
        )
        self._used = used
        self._count = max(1, int(used.sum()))
        self._fits = Fits(model, readings.volts, deviations, used)

    def result(self) -> SelfTest:
        board = self._model.nominal
        fit = first = self._fits.of(board, self._model.siemens(board))
        findings: list[Finding] = []
        while fit.chi2 > (FITS_STILL if findings else FITS) * self._count and len(findings) < MOST_FAULTS:
            better = self._best(board, fit)
            if better is None:
                break
            finding, fit = better
            findings.append(finding)
            self._faulty += [(finding.fault.at, name) for name in finding.fault.names]
            board = finding.fault.applied(board)
        left = fit.chi2 / self._count
        if self._pilot_is_weak and not any(self._places.pilot in each.fault.names for each in findings):
            findings.append(self._of_pilot())
        wrong = bool(findings) or left > UNEXPLAINED
        explained = left <= UNEXPLAINED
        return SelfTest(
            "healthy" if not wrong else "faulty" if explained else "unexplained",
            tuple(findings) if explained else (),
            first.chi2 / self._count,
            left,
            self._worst(fit),
            len(self._readings.experiments),
        )

    def _of_pilot(self) -> Finding:
        """Return the finding that the pilot does not arrive, which constant voltages cannot show."""
        wire, hookup = self._rig.hookup.pilot, self._rig.hookup
        lead = f"{hookup.digitizer}/{hookup.senses[hookup.pilot_column].channel}"
        remedy = f"check the cable from {wire.label} to {lead}, and the source: no tone can be judged without the pilot"
        return Finding(MISWIRINGS.find("open")(self._places.pilot), remedy, ())

    def _best(self, board: Wired, fit: Fit) -> tuple[Finding, Fit] | None:
        """Return the fault that reduces χ² of `fit` most, with the new fit; None if no fault reduces it enough."""
        screened = self._screened(board, fit)
        needed = EXPLAINS + 2.0 * np.log(max(1, len(screened)))
        fitted = [(self._refined(board, fault), fault) for fault in screened[:FITTED]]
        fitted.sort(key=lambda each: each[0].chi2)
        best, fault = fitted[0]
        if fit.chi2 - best.chi2 < needed * max(best.chi2 / self._count, LEAST_LEFT):
            return None
        alike = tuple(other for each, other in fitted[1:] if each.chi2 - best.chi2 < ALIKE)
        if fault.takes == "number" and fault.value is not None:  # the nearest one tried, corrected by the fit
            factor = best.factor[self._rig.edges.index(fault.names[0])]
            fault = type(fault)(*fault.names, value=fault.value * float(factor))
        return Finding(fault, fault.remedy(self._model.nominal), alike), best

    def _screened(self, board: Wired, fit: Fit) -> list[Miswiring]:
        """Return the likely further faults of the board, the most likely first, each once.

        A first look ranks all faults. Faults of edges are ranked by a linear estimate about the conductances of the
        best fit without the fault. Faults of leads are ranked at a few settings of the edges and about nominal parts,
        because a fit compensates a wrong lead with all parts around it.
        """
        siemens = self._model.siemens(board)
        base = self._model.expectation(board, siemens * fit.factor)
        nominal = np.ones_like(fit.factor)
        of_edges = self._fits.looks(base)
        of_leads = self._fits.looks(self._model.expectation(board, siemens))
        scores: Scores = {}
        for fault in self._candidates(scores):
            if self._is_excluded(fault):
                continue
            if fault.at == "edge":
                score = self._edge_look(board, fault, base, siemens, fit.factor, of_edges)
            else:
                few = self._model.volts(fault.applied(board), nominal, settings=FEW)
                score = of_leads.chi2(few, nominal, whole=False)
            key = fault.key, fault.names
            if key not in scores or score < scores[key][0]:
                scores[key] = score, fault
        ranked = [fault for _, fault in sorted(scores.values(), key=lambda each: each[0])]
        likely = [fault for fault in ranked if fault.at == "edge"][:LIKELY]
        likely += [fault for fault in ranked if fault.at != "edge"][:LIKELY]
        # The linear estimate is poor for large changes, but each of two exchanged edges also looks suspicious alone.
        suspects = set(self._suspicious(scores)[:SUSPECTS])
        likely += [f for f in ranked if f.at == "edge" and suspects.issuperset(f.names) and f not in likely]
        likely = [self._sized(board, fault, nominal, of_leads) for fault in likely]
        whole = {
            id(fault): self._second_look(board, fault, fit.factor, of_edges)
            if fault.at == "edge"
            else self._second_look(board, fault, nominal, of_leads)
            for fault in likely
        }
        return sorted(likely, key=lambda fault: whole[id(fault)])

    def _is_excluded(self, fault: Miswiring) -> bool:
        """Whether a lead or part of the fault is already faulty, or belongs to a pilot that reads as it should."""
        if any((fault.at, name) in self._faulty for name in fault.names):
            return True
        return self._pilot_connected and self._places.pilot in fault.names and fault.key != "inverted"

    def _edge_look(
        self, board: Wired, fault: Miswiring, base: Expectation, siemens: Array, factor: Array, looks: Looks
    ) -> float:
        changed, own = fault.applied(board), self._without(fault, factor)
        scores = list[float]()
        for stuck_s in self._stuck(changed):
            change = np.log(self._model.siemens(changed, stuck_s) * own / (siemens * factor))
            change = np.clip(change, -1.5, 1.5)[self._model.setting]
            scores.append(looks.chi2(base.volts + (base.by_edge @ change[:, :, np.newaxis])[:, :, 0], own))
        return min(scores)

    def _sized(self, board: Wired, fault: Miswiring, factor: Array, looks: Looks) -> Miswiring:
        """Return the fault; if it has a resistance, with the best value between the neighbours of the one tried."""
        if fault.takes != "resistance" or fault.value is None:
            return fault
        kind, names, middle = type(fault), fault.names, float(np.log(fault.value))
        found: Any = minimize_scalar(
            lambda ln_ohm: self._second_look(board, kind(*names, value=float(np.exp(ln_ohm))), factor, looks),
            bounds=(middle - BETWEEN, middle + BETWEEN),
            options={"xatol": 0.02},
        )
        return kind(*names, value=float(np.exp(found.x)))

    def _second_look(self, board: Wired, fault: Miswiring, factor: Array, looks: Looks) -> float:
        changed, own = fault.applied(board), self._without(fault, factor)
        return min(looks.chi2(self._model.volts(changed, own, stuck_s), own) for stuck_s in self._stuck(changed))

    def _without(self, fault: Miswiring, factor: Array) -> Array:
        """Return the deviations (E,) of a fit, without those of the faulty edges, where they stood in for the fault."""
        own = factor.copy()
        if fault.at == "edge":
            own[[self._rig.edges.index(name) for name in fault.names]] = 1.0
        return own

    def _candidates(self, scores: Scores) -> Iterator[Miswiring]:
        """Yield all possible faults, pairs of edges last; large boards only get pairs of the most suspicious edges."""
        kinds = [MISWIRINGS.find(name) for name in MISWIRINGS.names()]
        pairs = [kind for kind in kinds if kind.at == "edge" and 2 in kind.count]
        for kind in kinds:
            if kind not in pairs:
                yield from kind.candidates(self._places)
        suspicious = self._suspicious(scores)[:MOST_EDGES]
        for kind in pairs:
            yield from kind.candidates(replace(self._places, edges=suspicious))

    def _suspicious(self, scores: Scores) -> tuple[str, ...]:
        """Return the edges, first those whose faults alone explain the readings best."""
        alone = dict.fromkeys(self._places.edges, np.inf)
        for (_, names), (score, fault) in scores.items():
            if fault.at == "edge" and len(names) == 1:
                alone[names[0]] = min(alone[names[0]], score)
        return tuple(sorted(alone, key=lambda edge: alone[edge]))

    def _stuck(self, board: Wired) -> tuple[float | None, ...]:
        low, high = self._assembly.network.programmable.range
        return (low, float(np.sqrt(low * high)), high) if board.wiring.stuck else (None,)

    def _refined(self, board: Wired, fault: Miswiring) -> Fit:
        changed = fault.applied(board)
        names = fault.names if fault.at == "edge" and len(fault.names) == 1 else ()
        free = tuple(self._rig.edges.index(name) for name in names)
        fits = [self._fits.of(changed, self._model.siemens(changed, stuck_s), free) for stuck_s in self._stuck(changed)]
        return min(fits, key=lambda each: each.chi2)

    def _worst(self, fit: Fit) -> tuple[tuple[str, float], ...]:
        size = np.sqrt((fit.residual**2).sum(axis=0) / np.maximum(self._used.sum(axis=0), 1))
        order = np.argsort(-size)[:3]
        return tuple((self._rig.hookup.senses[column].node, float(size[column])) for column in order)
