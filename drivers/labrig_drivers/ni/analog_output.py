"""ni.ao: analog outputs of NI boards as a source of DC levels and tones.

DC alone is written with `load`, at once to all channels, and only if something changed. Tones are a buffer with one
common period, played over and over from the start trigger. What `load` returns is what the converter makes of it:
rounded to its step, and weaker by sin(x)/x, x = π f/update rate, because each sample is held until the next.

These boards have no output relay. "Outputs off" can only mean 0 V behind the output resistance, so `make_safe` and
`idle` leave the same network; to disconnect a board takes a switch in the wiring. After a stop, and after this program
ends, an output keeps its last value; only 0 V written (or a device reset) removes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.errors import ConfigError, ConnectionFailed, LabrigError, LimitExceeded
from labrig.instruments.data import Identity
from labrig.instruments.drivers import SourceCapabilities
from labrig.quantities import NonNegativeTime, PositiveResistance, PositiveSampleRate
from labrig.signals.tones import SILENT, Tone, ToneProgram
from labrig_drivers.ni.device import NiDevice, NiOptions, coerced_rate, was_aborted

Array = NDArray[np.float64]

LONGEST_BUFFER = 100_000
"""Samples per channel of a common period beyond which tones are refused: every load sends the buffer."""

SHORTEST_BUFFER = 500
"""Shorter periods are repeated: a board cannot be fed from a handful of samples."""


@dataclass(frozen=True)
class OutputModel:
    """full_scale_v: ± volts. max_rate_hz: update rate with all channels in one task."""

    channels: int
    bits: int
    full_scale_v: float
    max_rate_hz: float
    settle_s: float
    output_ohm: float


MODELS = {
    "PXIe-6738": OutputModel(32, 16, 10.0, 350e3, 20e-6, 0.2),
    "PXIe-6739": OutputModel(64, 16, 10.0, 350e3, 20e-6, 0.2),
    "PXIe-6363": OutputModel(4, 16, 10.0, 1.25e6, 2e-6, 0.2),
    "PCIe-6363": OutputModel(4, 16, 10.0, 1.25e6, 2e-6, 0.2),
    "USB-6363": OutputModel(4, 16, 10.0, 1.25e6, 2e-6, 0.2),
    "PXIe-6361": OutputModel(2, 16, 10.0, 2e6, 2e-6, 0.2),
}


class NiAnalogOutputOptions(NiOptions):
    """settle, output_resistance: where they differ from the model's. update_rate: of the tones' buffer; the nearest
    rate that divides 100 MHz is used. start_trigger: terminal that starts the tones, with the device it is on
    (`/PXI1Slot4/ai/StartTrigger`); without it they start by themselves."""

    settle: NonNegativeTime | None = None
    output_resistance: PositiveResistance | None = None
    update_rate: PositiveSampleRate = 100e3
    start_trigger: str | None = None


def capabilities(options: NiAnalogOutputOptions) -> SourceCapabilities:
    model = MODELS.get(options.model or "")
    if model is None:
        what = f"model: {options.model!r} is not known to ni.ao" if options.model else "model: is missing"
        raise ValueError(f"{what}; known are {', '.join(sorted(MODELS))}")
    if options.update_rate > model.max_rate_hz:
        raise ValueError(f"update_rate: {options.model} takes at most {model.max_rate_hz:g} S/s on all channels")
    return SourceCapabilities(
        tuple(f"ao{k}" for k in range(model.channels)),
        model.bits,
        model.full_scale_v,
        model.output_ohm if options.output_resistance is None else options.output_resistance,
        model.settle_s if options.settle is None else options.settle,
        triggered=options.start_trigger is not None,
        trigger_setting=("start_trigger", "<the terminal it is on>"),
        address=options.address,
    )


class NiAnalogOutput:
    """Keeps the WaveformSource contract with two tasks: all channels at once without a clock, and the tones' buffer."""

    def __init__(self, name: str, options: NiAnalogOutputOptions) -> None:
        self._name = name
        self._options = options
        self._device = NiDevice(name, options)
        self._able = capabilities(options)
        self._rate_hz = coerced_rate(options.update_rate)
        self._step_v = 2 * self._able.full_scale_v / 2**self._able.bits
        self._static: Any = None
        self._static_runs = False
        self._tones: Any = None
        self._written: Array | None = None
        self._tones_for: tuple[tuple[str, ...], int] = ((), 0)
        self._held: Array | None = None
        self._loaded_buffer: tuple[tuple[str, ...], Array] | None = None

    def open(self) -> None:
        self._device.open()

    def identify(self) -> Identity:
        return self._device.identify()

    def load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        """Prepare what each channel plays from the next `start`; channels not named get 0 V. DC alone is there at once.

        Returns the programs as played. Raises LimitExceeded beyond full scale or for an unknown channel, ConfigError
        for tones without a common period at the update rate.
        """
        self._must_be_open("load")
        for channel, program in programs.items():
            self._check(channel, program)
        if not any(program.tones for program in programs.values()):
            levels = self._rounded(np.array([programs.get(c, SILENT).dc for c in self._able.channels]))
            self._loaded_buffer = None
            self._hold(levels, "load")
            position = {channel: k for k, channel in enumerate(self._able.channels)}
            return {channel: ToneProgram(float(levels[position[channel]])) for channel in programs}
        count = self._period([tone.frequency_hz for program in programs.values() for tone in program.tones])
        time_s = np.arange(count) / self._rate_hz
        samples = self._rounded(np.stack([program.at(time_s) for program in programs.values()]))
        self._loaded_buffer = tuple(programs), samples
        return {c: self._as_played(p, row) for (c, p), row in zip(programs.items(), samples, strict=True)}

    def arm(self) -> None:
        """With tones: the buffer goes to the device and waits for `start`."""
        self._must_be_open("arm")
        if self._loaded_buffer is None:
            return
        from nidaqmx.constants import TaskMode

        channels, samples = self._loaded_buffer
        with self._device.during("arm"):
            self._end_static()
            task = self._tones_task(channels, samples.shape[1])
            if self._written is not None and np.array_equal(samples, self._written):
                task.stop()
                return
            self._written = None
            # A write to a task that has played goes on where the last one ended; unreserved, it begins anew.
            task.control(TaskMode.TASK_UNRESERVE)
            _writer(task).write_many_sample(samples)
            self._written = samples

    def start(self) -> None:
        """Tones: with the start trigger, where one is configured, else at once."""
        self._must_be_open("start")
        if self._loaded_buffer is None:
            return
        if self._tones is None:
            raise ConnectionFailed("is not armed", device=self._name, action="start")
        self._held = None
        with self._device.during("start"):
            self._tones.start()

    def confirm(self) -> None:
        """Raise ConnectionFailed if the levels or tones that were started are no longer there.

        The device may be gone, another program may have reset it, or the start trigger may never have come.
        """
        self._must_be_open("confirm")
        if self._loaded_buffer is None:
            self._confirm_levels()
        elif self._tones is not None:
            self._confirm_tones(self._tones)

    def _confirm_levels(self) -> None:
        """Write the levels once more: DAQmx refuses to write to an on-demand task that is not running.

        A reset of the device aborts the task. Whether the task is *done* says nothing: one without a sample clock may
        be done as soon as it has started.
        """
        if self._held is None:
            return
        from nidaqmx.errors import DaqError

        with self._device.during("confirm"):
            try:
                _writer(self._static).write_one_sample(self._held)
            except DaqError as error:
                if not was_aborted(error):
                    raise
                self._held, self._static_runs = None, False  # the next load writes them again
                raise self._aborted() from error

    def _confirm_tones(self, task: Any) -> None:
        with self._device.during("confirm"):
            ended = task.is_task_done()
            waiting = not ended and task.out_stream.total_samp_per_chan_generated == 0
        if waiting:
            raise ConnectionFailed(
                "no start trigger came: nothing was played",
                device=self._name,
                action="confirm",
                remedy=f"check start_trigger ({self._options.start_trigger}) and the cable or route to it",
            )
        if ended:
            self._written = None
            raise self._aborted()

    def _aborted(self) -> ConnectionFailed:
        return ConnectionFailed(
            "its output task was aborted: the device was reset, and its outputs may be at 0 V",
            device=self._name,
            action="confirm",
            remedy="find the other program that uses or resets the device",
        )

    def idle(self) -> None:
        self._must_be_open("idle")
        self._hold(np.zeros(len(self._able.channels)), "idle")

    def make_safe(self) -> None:
        """0 V on every channel, written whatever is believed to be there. Resets the device where that fails."""
        if not self._device.is_open:
            return
        self._held = None
        try:
            self._hold(np.zeros(len(self._able.channels)), "make safe")
        except LabrigError:
            self._written, self._static_runs = None, False  # a reset aborts all tasks
            device = self._device.device("make safe")
            with self._device.during("make safe"):
                device.reset_device()

    def close(self) -> None:
        tasks, self._tones, self._static, self._held = (self._tones, self._static), None, None, None
        self._static_runs = False
        try:
            for task in tasks:
                if task is not None and self._device.is_open:
                    with self._device.during("close"):
                        task.close()
        except LabrigError:
            pass
        finally:
            self._device.close()

    def _check(self, channel: str, program: ToneProgram) -> None:
        if channel not in self._able.channels:
            raise LimitExceeded(f"has no channel {channel!r}", device=self._name, action="load")
        if program.peak > self._able.full_scale_v:
            limit = f"full scale {self._able.full_scale_v:g} V"
            raise LimitExceeded(
                f"channel {channel} would have to play {program.peak:.4g} V",
                device=self._name,
                action="load",
                limit=limit,
            )

    def _rounded(self, volts: Array) -> Array:
        """What the converter makes of them; its highest code is one step short of full scale."""
        codes = np.rint(volts / self._step_v)
        return np.clip(codes, -(2 ** (self._able.bits - 1)), 2 ** (self._able.bits - 1) - 1) * self._step_v

    def _period(self, frequencies_hz: list[float]) -> int:
        """Samples of the shortest buffer that holds whole cycles of every tone."""
        count = 1
        for frequency in set(frequencies_hz):
            exact = Fraction(frequency) / Fraction(self._rate_hz)
            near = exact.limit_denominator(LONGEST_BUFFER)
            count = lcm(count, near.denominator)
            # A plan's frequencies are quotients rounded to a float: so close is the same number.
            if count > LONGEST_BUFFER or abs(near - exact) > exact * Fraction(1, 10**14):
                raise ConfigError(
                    f"{frequency:.9g} Hz has no common period with the other tones within {LONGEST_BUFFER} samples "
                    f"at {self._rate_hz:g} S/s",
                    device=self._name,
                    action="load",
                    remedy="an update_rate that is a multiple of acquisition.sample_rate, or a shorter window",
                )
            if 2 * exact >= 1:
                raise ConfigError(
                    f"{frequency:g} Hz cannot be played",
                    device=self._name,
                    action="load",
                    limit=f"half the update rate, {self._rate_hz / 2:g} Hz",
                )
        return count * ceil(SHORTEST_BUFFER / count)

    def _as_played(self, program: ToneProgram, samples: Array) -> ToneProgram:
        """Phases at the trigger: holding each sample weakens a tone, and delays it by half a sample."""
        tones = []
        for tone in program.tones:
            cycles = tone.frequency_hz / self._rate_hz
            phasor = 2 * np.mean(samples * np.exp(-2j * np.pi * cycles * np.arange(len(samples))))
            phase = float(np.angle(phasor)) - np.pi * cycles
            tones.append(Tone(tone.frequency_hz, float(abs(phasor) * np.sinc(cycles)), phase))
        return ToneProgram(float(samples.mean()), tuple(tones))

    def _hold(self, levels: Array, action: str) -> None:
        """Constant levels on all channels, unless they are there already."""
        if self._held is not None and np.array_equal(levels, self._held):
            return
        from nidaqmx.constants import TaskMode

        with self._device.during(action):
            if self._tones is not None:
                self._written = None
                self._tones.control(TaskMode.TASK_UNRESERVE)
            if self._static is None:
                self._static = self._new_task(self._able.channels, action)
            if not self._static_runs:
                self._static.start()
                self._static_runs = True
            _writer(self._static).write_one_sample(levels)
        self._held = levels.copy()

    def _end_static(self) -> None:
        """Give the channels back, so that the other task can have them; they keep their levels."""
        from nidaqmx.constants import TaskMode

        self._held = None
        if self._static_runs:
            self._static.control(TaskMode.TASK_UNRESERVE)
        self._static_runs = False

    def _tones_task(self, channels: tuple[str, ...], count: int) -> Any:
        if self._tones is not None and self._tones_for == (channels, count):
            return self._tones
        from nidaqmx.constants import AcquisitionType, RegenerationMode

        if self._tones is not None:
            self._written = None
            self._tones.close()
        task = self._tones = self._new_task(channels, "arm")
        self._tones_for = channels, count
        task.timing.cfg_samp_clk_timing(self._rate_hz, sample_mode=AcquisitionType.CONTINUOUS, samps_per_chan=count)
        task.out_stream.regen_mode = RegenerationMode.ALLOW_REGENERATION
        self._device.lock(task)
        if self._options.start_trigger:
            task.triggers.start_trigger.cfg_dig_edge_start_trig(self._device.terminal(self._options.start_trigger))
        return task

    def _new_task(self, channels: tuple[str, ...], action: str) -> Any:
        task = self._device.task(action)
        limit = self._able.full_scale_v
        names = ", ".join(f"{self._device.resource}/{channel}" for channel in channels)
        task.ao_channels.add_ao_voltage_chan(names, min_val=-limit, max_val=limit)
        return task

    def _must_be_open(self, action: str) -> None:
        if not self._device.is_open:
            raise ConnectionFailed("is not open", device=self._name, action=action)


def _writer(task: Any) -> Any:
    """Without the check of the shape, which would cost a call."""
    from nidaqmx.stream_writers import AnalogMultiChannelWriter

    auto_start: Any = False
    writer = AnalogMultiChannelWriter(task.out_stream, auto_start)
    writer.verify_array_shape = False
    return writer
