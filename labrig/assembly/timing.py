"""The `acquisition` section: samples, settle and tones, checked against the instruments."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from labrig.assembly.board import Board
from labrig.assembly.devices import Device
from labrig.config.document import Document
from labrig.config.sections import Acquisition, Learning
from labrig.instruments.data import AcquisitionPlan
from labrig.instruments.drivers import DigitizerCapabilities, ProgrammerCapabilities, SourceCapabilities
from labrig.quantities import format_quantity
from labrig.signals.planner import PlanError, TonePlan, check_tones, plan_tones, window_samples

MAINS_HZ = (50.0, 60.0)
SILENCE_MARGIN_S = 0.1
"""What else a programmer may have to wait between two acquisitions."""

MOST_SAMPLES = 1 << 24
"""Of one channel in one window: a hundred channels of that are more than a computer's memory."""


MOST_EXAMPLES = 10**9
"""That one run may learn from, epoch by epoch: at 1 ms for an acquisition three weeks."""

YEAR_S = 365.25 * 86400


@dataclass(frozen=True)
class Timing:
    """What one acquisition looks like, as asked for."""

    plan: AcquisitionPlan
    tones: TonePlan


def check_sample_rate(document: Document, acquisition: Acquisition, devices: Mapping[str, Device]) -> bool:
    """Whether a digitizer of these devices is fast enough; True where there is none. Else a fault names the fastest,
    once."""
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
    message = f"{asked} is beyond {fastest}, which samples at {limit} at most"
    if not document.faults.holds(document.mark_of(path), path):
        document.faults.add(document.mark_of(path), path, message)
    return False


def read_tones(document: Document, acquisition: Acquisition, learning: Learning, step_s: float) -> TonePlan | None:
    """Where the tones are: one that carries the error, after one for the activation where that is a sine."""
    count = 2 if learning.activation == "sine" else 1
    low, high = acquisition.band
    if not 0 < low < high:
        path = ("acquisition", "band")
        document.faults.add(document.mark_of(path), path, "the first frequency must be the smaller one, above 0 Hz")
        return None
    try:
        samples = window_samples(acquisition.sample_rate, acquisition.window)
        if acquisition.window > step_s:
            limit, window = format_quantity(step_s, "time"), format_quantity(acquisition.window, "time")
            raise PlanError(f"one window takes {window}, limits.step allows {limit} for an acquisition")
        if samples > MOST_SAMPLES:
            raise PlanError(f"a window of {samples} samples is longer than {MOST_SAMPLES}")
    except PlanError as error:
        path = ("acquisition", "window")
        document.faults.add(document.mark_of(path), path, str(error))
        return None
    path = ("acquisition", "tones") if acquisition.tones != "auto" else ("acquisition", "band")
    try:
        if acquisition.tones == "auto":
            mains = acquisition.mains
            return plan_tones(
                sample_rate_hz=acquisition.sample_rate,
                window_samples=samples,
                count=count,
                band_hz=acquisition.band,
                order=acquisition.order,
                mains_hz=MAINS_HZ if mains is None else () if mains == "none" else tuple(mains),
            )
        if len(acquisition.tones) != count:
            needed = "1 tone is needed, for the error" if count == 1 else "2 are needed, activation and error"
            raise PlanError(f"got {len(acquisition.tones)}, {needed}; or write 'tones: auto'")
        return check_tones(acquisition.sample_rate, samples, acquisition.tones, acquisition.band, acquisition.order)
    except PlanError as error:
        document.faults.add(document.mark_of(path), path, str(error))
        return None


def read_timing(
    document: Document,
    acquisition: Acquisition,
    tones: TonePlan,
    board: Board,
    devices: Mapping[str, Device],
    step_s: float,
    batch: int,
) -> Timing | None:
    """The acquisition plan of steps of `batch` examples.

    `settle: auto` is the slowest source's settling: a network without capacitance has none.
    """
    digitizer = devices[board.hookup.digitizer].capabilities
    assert isinstance(digitizer, DigitizerCapabilities)
    found = len(document.faults)
    check_sample_rate(document, acquisition, {board.hookup.digitizer: devices[board.hookup.digitizer]})
    slowest = max(_settle(devices[name]) for name in board.hookup.sources)
    settle_s = slowest if acquisition.settle == "auto" else acquisition.settle
    if settle_s < slowest:
        path = ("acquisition", "settle")
        document.faults.add(
            document.mark_of(path),
            path,
            f"the sources need {format_quantity(slowest, 'time')} to settle; write 'settle: auto'",
        )
    plan = AcquisitionPlan(
        sample_rate_hz=acquisition.sample_rate,
        settle_samples=math.ceil(settle_s * acquisition.sample_rate - 1e-9),
        window_samples=tones.window_samples,
        channels=tuple(wire.channel for wire in board.hookup.senses),
        ranges_v=(digitizer.full_scale_v,) * len(board.hookup.senses),
        skew_s=(0.0,) * len(board.hookup.senses),
    )
    _check_scan(document, plan, board.hookup.digitizer, digitizer)
    _check_watchdogs(document, plan, board, devices)
    needed = 2 * batch * plan.duration_s
    if needed > step_s:
        path = ("acquisition", "window") if plan.duration_s > step_s or batch == 1 else ("learning", "batch")
        document.faults.add(
            document.mark_of(path),
            path,
            f"a training step of {2 * batch} acquisitions takes {format_quantity(needed, 'time')}, limits.step allows "
            f"{format_quantity(step_s, 'time')}",
        )
    return Timing(plan, tones) if len(document.faults) == found else None


def check_length(document: Document, learning: Learning, train: int, acquisition_s: float) -> None:
    """A fault where a run would learn from more examples than MOST_EXAMPLES; train: in one epoch."""
    count = learning.epochs * train
    if count <= MOST_EXAMPLES:
        return
    path = ("learning", "epochs")
    years = 2 * Decimal(count) * Decimal(acquisition_s) / Decimal(YEAR_S)
    document.faults.add(
        document.mark_of(path),
        path,
        f"{Decimal(count):.3g} examples, {train} in each epoch, would take {years:.3g} years; a run has at most "
        f"{MOST_EXAMPLES:.0e}: write at most {MOST_EXAMPLES // train} epochs",
    )


def _check_scan(document: Document, plan: AcquisitionPlan, name: str, able: DigitizerCapabilities) -> None:
    """A fault where the converter cannot go round all channels between two samples of one."""
    count = len(plan.channels)
    fastest = 1 / (count * able.convert_interval_s) if able.convert_interval_s and count > 1 else math.inf
    if plan.sample_rate_hz <= min(fastest, able.max_sample_rate_hz) * (1 + 1e-9) or fastest > able.max_sample_rate_hz:
        return
    path = ("acquisition", "sample_rate")
    document.faults.add(
        document.mark_of(path),
        path,
        f"{name} takes its {count} channels one after the other: at most {format_quantity(fastest, 'sample_rate')}",
    )


def _check_watchdogs(document: Document, plan: AcquisitionPlan, board: Board, devices: Mapping[str, Device]) -> None:
    """A fault for every programmer that an acquisition would make believe that nobody is there."""
    least_s = 2 * plan.duration_s + SILENCE_MARGIN_S
    for name in board.hookup.programmers:
        able = devices[name].capabilities
        assert isinstance(able, ProgrammerCapabilities)
        if able.silence_s >= least_s * (1 - 1e-9):
            continue
        path = ("instruments", name, "watchdog")
        document.faults.add(
            document.mark_of(path),
            path,
            f"{format_quantity(able.silence_s, 'time')} is too short: nothing is sent during an acquisition of "
            f"{format_quantity(plan.duration_s, 'time')}; at least {format_quantity(least_s, 'time')}, or 0 s for none",
        )


def _settle(device: Device) -> float:
    assert isinstance(device.capabilities, SourceCapabilities)
    return device.capabilities.settle_s
