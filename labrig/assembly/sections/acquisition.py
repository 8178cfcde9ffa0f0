"""The `acquisition` section: sampling, settling and tones, checked against the instruments."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from labrig.assembly.board import Board
from labrig.assembly.recommended import rounded_up
from labrig.assembly.relaxation import LEAST_TIME_CONSTANTS, settled_s, slowest_s
from labrig.assembly.sections.instruments import Device
from labrig.assembly.sections.learning import LearningChoice
from labrig.assembly.sections.limits import Limits
from labrig.assembly.sections.network import NetworkChoice
from labrig.assembly.sections.tone_request import ToneRequest, tone_period
from labrig.config.document import Document
from labrig.config.section import Section
from labrig.instruments.data import AcquisitionPlan
from labrig.instruments.drivers import DigitizerCapabilities
from labrig.instruments.multiplexer import LEAD_F
from labrig.learning.tasks import Task
from labrig.lockin.demodulator import PILOT_SIGNAL_TO_NOISE
from labrig.medium import ELECTRICAL, medium_in_use
from labrig.quantities import (
    Count,
    Frequency,
    NonNegativeCount,
    NonNegativeTime,
    PositiveCapacitance,
    PositiveSampleRate,
    PositiveTime,
    PositiveVoltage,
    format_quantity,
)
from labrig.rig.zero import zeros_among
from labrig.signals.tone_planner import PlanError, TonePlan, window_samples

MAINS_HZ = (50.0, 60.0)
SILENCE_MARGIN_S = 0.1
"""Pause between two acquisitions (s) that a programmer's watchdog must tolerate in addition to an acquisition."""

MOST_SAMPLES = 1 << 24
"""Largest number of samples per channel in one window; a hundred channels of this length would exceed the memory."""


MOST_VALUES = 1 << 29
"""Largest number of samples of all channels in one acquisition, including settling: 4 GiB."""

MOST_EXAMPLES = 10**9
"""Largest number of training examples in one run over all epochs: three weeks at 1 ms per acquisition."""

YEAR_S = 365.25 * 86400


class ZeroOptions(Section):
    """Number of acquisitions between measurements of the digitizer's zero, with all inputs at 0 V; 0 for never."""

    every: NonNegativeCount = 0


class Acquisition(Section):
    """The sampling and settling of one acquisition, and its tones."""

    sample_rate: PositiveSampleRate
    window: PositiveTime
    settle: NonNegativeTime | Literal["auto"] = "auto"
    tones: list[Frequency] | Literal["auto"] = "auto"
    band: tuple[Frequency, Frequency]
    order: Annotated[Count, Field(ge=2, le=9)] = 5
    mains: list[Frequency] | Literal["none"] | None = None
    pilot: PositiveVoltage = 1.0
    cable: PositiveCapacitance = LEAD_F
    zero: ZeroOptions = ZeroOptions()

    @property
    def mains_hz(self) -> tuple[float, ...]:
        """Mains frequencies whose harmonics the tones avoid and whose hum is fitted."""
        return MAINS_HZ if self.mains is None else () if self.mains == "none" else tuple(self.mains)


@dataclass(frozen=True)
class AcquisitionTiming:
    """The samples and tones of one acquisition, as requested."""

    plan: AcquisitionPlan
    tones: TonePlan


def check_sample_rate(document: Document, acquisition: Acquisition, devices: Mapping[str, Device]) -> bool:
    """Report once if every digitizer is too slow, and return False; return True otherwise, even without a digitizer."""
    rates = {
        name: device.capabilities.max_sample_rate_hz
        for name, device in devices.items()
        if isinstance(device.capabilities, DigitizerCapabilities)
    }
    fastest = max(rates, key=lambda name: rates[name], default=None)
    if fastest is None or acquisition.sample_rate <= rates[fastest]:
        return True
    path = ("acquisition", "sample_rate")
    limit = format_quantity(rates[fastest], "sample_rate")
    asked = format_quantity(acquisition.sample_rate, "sample_rate")
    message = f"{asked} is too fast: {fastest} samples at {limit} at most"
    if not document.problems.holds(document.mark_of(path), path):
        document.report(path, message)
    return False


def read_tones(
    document: Document,
    acquisition: Acquisition,
    learning: LearningChoice,
    limits: Limits,
    devices: Mapping[str, Device],
    board: Board | None = None,
) -> TonePlan | None:
    """Return the tones: one for the activation if it is a sine, then those that carry the error.

    Returns None if there is a problem, or if the tones cannot be checked yet. If the window has too many samples only
    because the sample rate is too high, only the sample rate is reported.
    """
    fast_enough = check_sample_rate(document, acquisition, devices)
    if not fast_enough and acquisition.sample_rate * acquisition.window >= MOST_SAMPLES:
        return None
    if board is None and learning.error_tones(1) != learning.error_tones(2):
        return None
    error = learning.error_tones(len(board.hookup.outputs) if board else 1)
    activation = 1 if learning.section.activation == "sine" else 0
    if activation and acquisition.zero.every:
        message = "the zero of the digitizer matters only at DC, but the activation is a sine; remove this key"
        document.report(("acquisition", "zero", "every"), message)
    low, high = acquisition.band
    if not 0 < low < high:
        document.report(("acquisition", "band"), "the first frequency must be above 0 Hz and below the second")
        return None
    if low >= acquisition.sample_rate / 2:
        nyquist = format_quantity(acquisition.sample_rate / 2, "frequency")
        message = f"the band begins above half the sample rate, {nyquist}; lower the band, or raise sample_rate"
        document.report(("acquisition", "band"), message)
        return None
    try:
        samples = _window_samples(acquisition, limits.step)
    except PlanError as problem:
        document.report(("acquisition", "window"), str(problem))
        return None
    request = ToneRequest(
        acquisition.sample_rate,
        samples,
        acquisition.band,
        acquisition.order,
        error=error,
        activation=activation,
        sidebands=learning.carrier_class.sidebands,
        repeats=tone_period(devices),
    )
    try:
        if acquisition.tones == "auto":
            return request.planned(acquisition.mains_hz)
        return request.checked(acquisition.tones)
    except PlanError as problem:
        document.report(("acquisition", "tones" if acquisition.tones != "auto" else "band"), str(problem))
        return None


def _window_samples(acquisition: Acquisition, step_s: float) -> int:
    """Return the samples in a window; raises PlanError if there are too many or the window exceeds `step_s`."""
    samples = window_samples(acquisition.sample_rate, acquisition.window)
    if acquisition.window > step_s:
        limit, window = format_quantity(step_s, "time"), format_quantity(acquisition.window, "time")
        raise PlanError(f"one window takes {window}, but limits.step allows only {limit}")
    if samples > MOST_SAMPLES:
        raise PlanError(f"a window of {samples} samples is too long; the maximum is {MOST_SAMPLES}")
    return samples


def read_timing(
    document: Document,
    acquisition: Acquisition,
    tones: TonePlan,
    board: Board,
    devices: Mapping[str, Device],
    limits: Limits,
    learning: LearningChoice,
    network: NetworkChoice,
    task: Task | None = None,
) -> AcquisitionTiming | None:
    """Plan one acquisition; return None if there are problems.

    `settle: auto` is the settling time of the slowest source, or of the network if that takes longer.
    """
    before = len(document.problems)
    hookup = board.hookup
    digitizer = devices[hookup.digitizer].digitizer
    check_sample_rate(document, acquisition, {hookup.digitizer: devices[hookup.digitizer]})
    slowest = max(devices[name].source.settle_s for name in hookup.sources)
    mode_s = slowest_s(board.network, network.programmable.range[0])
    settle_s = max(slowest, settled_s(mode_s, digitizer.bits)) if acquisition.settle == "auto" else acquisition.settle
    if settle_s < LEAST_TIME_CONSTANTS * mode_s:
        message = f"the network has a time constant of up to {format_quantity(mode_s, 'time')}; write 'settle: auto'"
        document.warn(("acquisition", "settle"), message)
    if settle_s < slowest:
        message = f"the sources need {format_quantity(slowest, 'time')} to settle; write 'settle: auto'"
        document.report(("acquisition", "settle"), message)
    settle_samples = math.ceil(settle_s * acquisition.sample_rate - 1e-9)
    if not _fits_in_memory(document, settle_samples, tones.window_samples, len(hookup.senses)):
        return None
    plan = AcquisitionPlan(
        sample_rate_hz=acquisition.sample_rate,
        settle_samples=settle_samples,
        window_samples=tones.window_samples,
        channels=tuple(wire.channel for wire in hookup.senses),
        ranges_v=(digitizer.full_scale_v,) * len(hookup.senses),
        skew_s=(0.0,) * len(hookup.senses),
    )
    _check_scan(document, plan, hookup.digitizer, digitizer)
    _check_watchdogs(document, plan, board, devices)
    acquisitions = learning.acquisitions(len(hookup.edges), len(hookup.outputs))
    writes_s = {name: devices[name].programmer.write_s for name in hookup.programmers}
    acquisition_s = plan.duration_s + max(devices[name].source.load_s for name in hookup.sources)
    _check_step(document, learning, task, acquisitions, acquisition_s, writes_s, limits, acquisition.zero.every)
    if len(document.problems) == before and task is not None:
        _check_length(document, learning, len(task.train), acquisitions * acquisition_s)
    return AcquisitionTiming(plan, tones) if len(document.problems) == before else None


def _fits_in_memory(document: Document, settle: int, window: int, channels: int) -> bool:
    """Return whether the samples of one acquisition fit in memory; if not, report the longer of settle and window."""
    samples = settle + window
    if settle <= MOST_SAMPLES and samples * channels <= MOST_VALUES:
        return True
    most = min(MOST_SAMPLES, MOST_VALUES // channels - (window if settle > window else settle))
    what, key = ("settling", "settle") if settle > window or settle > MOST_SAMPLES else ("a window", "window")
    count = f"{max(settle, window):.4g} samples on each of {channels} channels"
    message = f"{what} of {count} does not fit in memory; use at most {max(most, 1)} samples per channel"
    document.report(("acquisition", key), message)
    return False


def _check_step(
    document: Document,
    learning: LearningChoice,
    task: Task | None,
    acquisitions: int,
    acquisition_s: float,
    writes_s: Mapping[str, float],
    limits: Limits,
    zero_every: int,
) -> None:
    """Report a batch that takes longer than limits.step.

    Parameters
    ----------
    acquisitions : int
        Acquisitions per example.
    acquisition_s : float
        Duration of one acquisition, with the time to load the sources (s).
    writes_s : mapping
        Duration of one write for each programmer (s); programmers are written one after another.
    zero_every : int
        Acquisitions between measurements of the zero, which take time too; 0 for none.
    """
    batch = learning.section.batch if task is None else min(learning.section.batch, len(task.trial))
    count, write_s = acquisitions * batch, sum(writes_s.values())
    count += zeros_among(count, zero_every)
    measured_s = count * acquisition_s
    if measured_s + write_s <= limits.step:
        return
    path: tuple[str, ...] = ("acquisition", "window")
    if write_s > measured_s:
        slowest = max(writes_s, key=lambda name: writes_s[name])
        path = ("instruments", slowest, "write")
        if document.get(path) is None:
            path = path[:-1]
    elif acquisition_s <= limits.step and batch > 1:
        path = ("learning", "batch")
    limit = format_quantity(limits.step, "time")
    took = f"{format_quantity(measured_s + write_s, 'time')} ({format_quantity(write_s, 'time')} of it to write)"
    what = f"{count} acquisition{'s' if count > 1 else ''} and a write"
    document.report(path, f"a training step of {what} takes {took}, but limits.step allows only {limit}")


def _check_length(document: Document, learning: LearningChoice, train: int, example_s: float) -> None:
    """Report a problem if the run has more than MOST_EXAMPLES examples.

    Parameters
    ----------
    document : Document
        Where the problem is reported.
    learning : LearningChoice
        Provides the number of epochs.
    train : int
        Examples per epoch.
    example_s : float
        Duration of one example (s).
    """
    count = learning.section.epochs * train
    if count <= MOST_EXAMPLES:
        return
    years = Decimal(count) * Decimal(example_s) / Decimal(YEAR_S)
    document.report(
        ("learning", "epochs"),
        f"{Decimal(count):.3g} examples, {train} in each epoch, would take {years:.3g} years; the maximum is "
        f"{MOST_EXAMPLES:.0e} examples: use at most {MOST_EXAMPLES // train} epochs",
    )


def check_pilot(
    document: Document,
    acquisition: Acquisition,
    board: Board,
    devices: Mapping[str, Device],
    limits: Limits,
    tones: TonePlan | None = None,
) -> None:
    """Report a pilot that is too large for its source, the digitizer or a limit or, if `tones` are given, too small."""
    name, digitizer = board.hookup.pilot.device, devices[board.hookup.digitizer].digitizer
    node = limits.node_limit if medium_in_use() == ELECTRICAL else math.inf
    limit = min(devices[name].source.full_scale_v, node, digitizer.full_scale_v)
    if acquisition.pilot > limit:
        document.report(
            ("acquisition", "pilot"),
            f"a pilot of {_volts(acquisition.pilot)} is too large: its source, the digitizer and limits.node allow at "
            f"most {_volts(limit)}",
        )
    if tones is None:
        return
    # Rounding to a step q adds noise of at least q/√12; an amplitude from N samples has √(2/N) times that noise.
    count = len(tones.frequencies_hz)
    noise_v = digitizer.step_v / math.sqrt(12) * math.sqrt(2 / tones.window_samples)
    least = count * PILOT_SIGNAL_TO_NOISE * noise_v
    if acquisition.pilot < least:
        shared = f", shared by {count} tones," if count > 1 else ""
        document.report(
            ("acquisition", "pilot"),
            f"a pilot of {_volts(acquisition.pilot)}{shared} is lost in the quantization noise of "
            f"{board.hookup.digitizer} (steps of {_volts(digitizer.step_v)}) over {tones.window_samples} samples; its "
            f"phase determines the sign of every coefficient: use at least {_volts(rounded_up(least))}, ideally 1 V",
        )
    # The pilot plays a tone at every frequency at once.
    source = devices[name].source
    if count > source.most_tones:
        path = ("instruments", name, "resource")
        if document.get(path) is None:
            path = path[:-1]
        most = f"{source.most_tones} tone{'s' if source.most_tones > 1 else ''}"
        document.report(
            path,
            f"{name} plays at most {most} at once as it is connected, but the pilot needs {count}: "
            f"{source.tones_remedy}",
        )


def _check_scan(document: Document, plan: AcquisitionPlan, name: str, capabilities: DigitizerCapabilities) -> None:
    """Report a converter that cannot scan all channels within one sample interval."""
    count = len(plan.channels)
    fastest = (
        1 / (count * capabilities.convert_interval_s) if capabilities.convert_interval_s and count > 1 else math.inf
    )
    if (
        plan.sample_rate_hz <= min(fastest, capabilities.max_sample_rate_hz) * (1 + 1e-9)
        or fastest > capabilities.max_sample_rate_hz
    ):
        return
    path = ("acquisition", "sample_rate")
    document.report(
        path,
        f"{name} scans its {count} channels one after another: use at most {format_quantity(fastest, 'sample_rate')}",
    )


def _check_watchdogs(document: Document, plan: AcquisitionPlan, board: Board, devices: Mapping[str, Device]) -> None:
    """Report every programmer whose watchdog would expire during an acquisition."""
    least_s = 2 * plan.duration_s + SILENCE_MARGIN_S
    for name in board.hookup.programmers:
        capabilities = devices[name].programmer
        if capabilities.silence_s >= least_s * (1 - 1e-9):
            continue
        path = ("instruments", name, "watchdog")
        document.report(
            path,
            f"{format_quantity(capabilities.silence_s, 'time')} is too short: nothing is sent during an acquisition of "
            f"{format_quantity(plan.duration_s, 'time')}; use at least {format_quantity(least_s, 'time')}, "
            "or 0 s for no watchdog",
        )


def _volts(value: float) -> str:
    return format_quantity(value, "voltage")
