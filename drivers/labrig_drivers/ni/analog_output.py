"""ni.ao: analog outputs of NI boards as a source of DC levels and tones.

DC levels are written by `load`, to all channels at once, and only if one has changed. Tones are a buffer with one
common period, repeated from the start trigger on. `load` returns the actual output of the DAC: rounded to its step, and
attenuated by sin(x)/x, x = π f/update rate, because each sample is held until the next.

These boards have no output relay. "Outputs off" can only mean 0 V behind the output resistance, so `make_safe` and
`idle` leave the same network; disconnecting a board takes a switch in the wiring. After a stop, and after this program
ends, an output keeps its last value until 0 V is written or the device is reset.
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
"""Longest common period of the tones (samples per channel): every load sends the whole buffer."""

SHORTEST_BUFFER = 500
"""Shorter periods are repeated up to this length (samples): a board cannot play from a handful of samples."""


@dataclass(frozen=True)
class OutputModel:
    """Data-sheet values of a model's analog outputs."""

    channels: int
    bits: int
    full_scale_v: float  # ± V
    max_rate_hz: float  # update rate with all channels in one task
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
    """Options of `ni.ao`.

    Attributes
    ----------
    settle, output_resistance
        Values that override the model's (s, Ω).
    update_rate
        Update rate for tones (S/s). The nearest rate that divides 100 MHz is used.
    start_trigger
        Terminal that starts the tones, with its device (`/PXI1Slot4/ai/StartTrigger`). Without it `start` plays them
        immediately.
    """

    settle: NonNegativeTime | None = None
    output_resistance: PositiveResistance | None = None
    update_rate: PositiveSampleRate = 100e3
    start_trigger: str | None = None


def capabilities(options: NiAnalogOutputOptions) -> SourceCapabilities:
    """Capabilities of the configured model; raises ValueError if an option does not suit it."""
    model = MODELS.get(options.model or "")
    if model is None:
        what = f"model: ni.ao does not support {options.model!r}" if options.model else "model: is missing"
        raise ValueError(f"{what}; supported models: {', '.join(sorted(MODELS))}")
    if options.update_rate > model.max_rate_hz:
        raise ValueError(f"update_rate: {options.model} plays up to {model.max_rate_hz:g} S/s on all channels")
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
    """A WaveformSource with two tasks: unclocked DC levels on all channels, and a buffer of tones."""

    def __init__(self, name: str, options: NiAnalogOutputOptions) -> None:
        self._name = name
        self._options = options
        self._device = NiDevice(name, options)
        self._capabilities = capabilities(options)
        self._rate_hz = coerced_rate(options.update_rate)
        self._step_v = 2 * self._capabilities.full_scale_v / 2**self._capabilities.bits
        self._dc_task: Any = None
        self._dc_running = False
        self._tones_task: Any = None
        self._uploaded: Array | None = None
        self._tones_key: tuple[tuple[str, ...], int] = ((), 0)
        self._levels: Array | None = None
        self._loaded_buffer: tuple[tuple[str, ...], Array] | None = None

    def open(self) -> None:
        """Connect; the outputs keep their values."""
        self._device.open()

    def identify(self) -> Identity:
        """Product type and serial number of the device, version of NI-DAQmx."""
        return self._device.identify()

    def load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        """Prepare what each channel plays from the next `start` on. DC levels without tones are written immediately.

        Parameters
        ----------
        programs
            Program of each channel (V); other channels get 0 V.

        Returns
        -------
        dict
            The programs as the DAC plays them.

        Raises
        ------
        LimitExceeded
            Beyond full scale, or for an unknown channel.
        ConfigError
            If the tones have no common period at the update rate.
        """
        self._require_open("load")
        for channel, program in programs.items():
            self._check(channel, program)
        if not any(program.tones for program in programs.values()):
            levels = self._rounded(np.array([programs.get(c, SILENT).dc for c in self._capabilities.channels]))
            self._loaded_buffer = None
            self._hold(levels, "load")
            position = {channel: k for k, channel in enumerate(self._capabilities.channels)}
            return {channel: ToneProgram(float(levels[position[channel]])) for channel in programs}
        count = self._period([tone.frequency_hz for program in programs.values() for tone in program.tones])
        time_s = np.arange(count) / self._rate_hz
        samples = self._rounded(np.stack([program.at(time_s) for program in programs.values()]))
        self._loaded_buffer = tuple(programs), samples
        return {c: self._as_played(p, row) for (c, p), row in zip(programs.items(), samples, strict=True)}

    def arm(self) -> None:
        """Send the buffer of tones, if any, to the device."""
        self._require_open("arm")
        if self._loaded_buffer is None:
            return
        from nidaqmx.constants import TaskMode

        channels, samples = self._loaded_buffer
        with self._device.during("arm"):
            self._release_dc_task()
            task = self._make_tones_task(channels, samples.shape[1])
            task.stop()  # unreserving alone is not documented to stop a task
            if self._uploaded is not None and np.array_equal(samples, self._uploaded):
                return
            self._uploaded = None
            # A write to a task that has played continues where the last one ended; unreserving starts from the top.
            task.control(TaskMode.TASK_UNRESERVE)
            _writer(task).write_many_sample(samples)
            self._uploaded = samples

    def start(self) -> None:
        """Start the tones, at the start trigger if one is configured."""
        self._require_open("start")
        if self._loaded_buffer is None:
            return
        if self._tones_task is None:
            raise ConnectionFailed("is not armed", device=self._name, action="start")
        self._levels = None
        with self._device.during("start"):
            self._tones_task.start()

    def confirm(self) -> None:
        """Raise ConnectionFailed unless the DC levels or tones that were started are still playing.

        The device may have disappeared, another program may have reset it, or the start trigger may be missing.
        """
        self._require_open("confirm")
        if self._loaded_buffer is None:
            self._confirm_levels()
        elif self._tones_task is not None:
            self._confirm_tones(self._tones_task)

    def _confirm_levels(self) -> None:
        """Write the levels again: DAQmx refuses to write to an on-demand task that is not running.

        A reset of the device aborts the task. `is_task_done` is no help: a task without a sample clock may be done as
        soon as it has started.
        """
        if self._levels is None:
            return
        from nidaqmx.errors import DaqError

        with self._device.during("confirm"):
            try:
                _writer(self._dc_task).write_one_sample(self._levels)
            except DaqError as error:
                if not was_aborted(error):
                    raise
                self._levels, self._dc_running = None, False  # the next load writes them again
                raise self._aborted() from error

    def _confirm_tones(self, task: Any) -> None:
        with self._device.during("confirm"):
            ended = task.is_task_done()
            waiting = not ended and task.out_stream.total_samp_per_chan_generated == 0
        if waiting:
            raise ConnectionFailed(
                "no start trigger arrived, so nothing was played",
                device=self._name,
                action="confirm",
                remedy=f"check start_trigger ({self._options.start_trigger}) and the cable or route to it",
            )
        if ended:
            self._uploaded = None
            raise self._aborted()

    def _aborted(self) -> ConnectionFailed:
        return ConnectionFailed(
            "its output task was aborted: the device was reset, and its outputs may be at 0 V",
            device=self._name,
            action="confirm",
            remedy="check whether another program uses or resets the device",
        )

    def idle(self) -> None:
        """0 V on every channel."""
        self._require_open("idle")
        self._hold(np.zeros(len(self._capabilities.channels)), "idle")

    def make_safe(self) -> None:
        """Write 0 V to every channel in any case; reset the device if that fails."""
        if not self._device.is_open:
            return
        self._levels = None
        try:
            self._hold(np.zeros(len(self._capabilities.channels)), "make safe")
        except LabrigError:
            self._uploaded, self._dc_running = None, False  # a reset aborts all tasks
            device = self._device.device("make safe")
            with self._device.during("make safe"):
                device.reset_device()

    def close(self) -> None:
        """Close the tasks and disconnect; never raises for a lost device."""
        tasks, self._tones_task, self._dc_task, self._levels = (self._tones_task, self._dc_task), None, None, None
        self._dc_running = False
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
        if channel not in self._capabilities.channels:
            raise LimitExceeded(f"has no channel {channel!r}", device=self._name, action="load")
        if program.peak > self._capabilities.full_scale_v:
            limit = f"full scale {self._capabilities.full_scale_v:g} V"
            raise LimitExceeded(
                f"channel {channel} would have to play {program.peak:.4g} V",
                device=self._name,
                action="load",
                limit=limit,
            )

    def _rounded(self, volts: Array) -> Array:
        """Voltages as the DAC outputs them; its highest code is one step below full scale."""
        codes = np.rint(volts / self._step_v)
        return (
            np.clip(codes, -(2 ** (self._capabilities.bits - 1)), 2 ** (self._capabilities.bits - 1) - 1) * self._step_v
        )

    def _period(self, frequencies_hz: list[float]) -> int:
        """Length (samples) of the shortest buffer with whole cycles of every tone."""
        count = 1
        for frequency in set(frequencies_hz):
            exact = Fraction(frequency) / Fraction(self._rate_hz)
            near = exact.limit_denominator(LONGEST_BUFFER)
            count = lcm(count, near.denominator)
            # Planned frequencies are quotients rounded to floats: this close is the same number.
            if count > LONGEST_BUFFER or abs(near - exact) > exact * Fraction(1, 10**14):
                raise ConfigError(
                    f"{frequency:.9g} Hz has no common period with the other tones within {LONGEST_BUFFER} samples "
                    f"at {self._rate_hz:g} S/s",
                    device=self._name,
                    action="load",
                    remedy="use an update_rate that is a multiple of acquisition.sample_rate, or a shorter window",
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
        """The played program, with phases at the trigger.

        Holding each sample attenuates a tone and delays it by half a sample.
        """
        tones = []
        for tone in program.tones:
            cycles = tone.frequency_hz / self._rate_hz
            phasor = 2 * np.mean(samples * np.exp(-2j * np.pi * cycles * np.arange(len(samples))))
            phase = float(np.angle(phasor)) - np.pi * cycles
            tones.append(Tone(tone.frequency_hz, float(abs(phasor) * np.sinc(cycles)), phase))
        return ToneProgram(float(samples.mean()), tuple(tones))

    def _hold(self, levels: Array, action: str) -> None:
        """Output constant levels (V) on all channels, unless they are already there."""
        if self._levels is not None and np.array_equal(levels, self._levels):
            return
        from nidaqmx.constants import TaskMode

        with self._device.during(action):
            if self._tones_task is not None:
                self._uploaded = None
                self._tones_task.stop()
                self._tones_task.control(TaskMode.TASK_UNRESERVE)
            if self._dc_task is None:
                self._dc_task = self._new_task(self._capabilities.channels, action)
            if not self._dc_running:
                self._dc_task.start()
                self._dc_running = True
            _writer(self._dc_task).write_one_sample(levels)
        self._levels = levels.copy()

    def _release_dc_task(self) -> None:
        """Release the channels for the other task; they keep their levels."""
        self._levels = None
        if self._dc_running:
            self._dc_task.stop()
        self._dc_running = False

    def _make_tones_task(self, channels: tuple[str, ...], count: int) -> Any:
        if self._tones_task is not None and self._tones_key == (channels, count):
            return self._tones_task
        from nidaqmx.constants import AcquisitionType, RegenerationMode

        if self._tones_task is not None:
            self._uploaded = None
            self._tones_task.close()
        task = self._tones_task = self._new_task(channels, "arm")
        self._tones_key = channels, count
        task.timing.cfg_samp_clk_timing(self._rate_hz, sample_mode=AcquisitionType.CONTINUOUS, samps_per_chan=count)
        task.out_stream.regen_mode = RegenerationMode.ALLOW_REGENERATION
        self._device.lock(task)
        if self._options.start_trigger:
            task.triggers.start_trigger.cfg_dig_edge_start_trig(self._device.terminal(self._options.start_trigger))
        return task

    def _new_task(self, channels: tuple[str, ...], action: str) -> Any:
        task = self._device.task(action)
        limit = self._capabilities.full_scale_v
        names = ", ".join(f"{self._device.resource}/{channel}" for channel in channels)
        task.ao_channels.add_ao_voltage_chan(names, min_val=-limit, max_val=limit)
        return task

    def _require_open(self, action: str) -> None:
        if not self._device.is_open:
            raise ConnectionFailed("is not open", device=self._name, action=action)


def _writer(task: Any) -> Any:
    """A stream writer without the shape check, which would cost a driver call."""
    from nidaqmx.stream_writers import AnalogMultiChannelWriter

    auto_start: Any = False
    writer = AnalogMultiChannelWriter(task.out_stream, auto_start)
    writer.verify_array_shape = False
    return writer
