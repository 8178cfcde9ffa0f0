"""ni.ao: analog outputs of NI boards as a source of DC levels and tones.

DC levels are written by `load`, to all channels at once, and only if one has changed. Tones are a buffer with one
common period, repeated from the start trigger on. Each sample is held until the next, which attenuates a tone by
sin(x)/x, x = π f/update rate. The buffer compensates for this as far as the range of the output allows. `load` returns
the actual output of the DAC, which is also rounded to its step.

These boards have no output relay. "Outputs off" can only mean 0 V behind the output resistance, so `make_safe` and
`idle` leave the same network; disconnecting a board requires a switch in the wiring. After a stop, and after this
program ends, an output keeps its last value until 0 V is written or the device is reset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.errors import ConfigError, ConnectionFailed, LabrigError, LimitExceeded
from labrig.instruments.data import Identity, SourceAccuracy
from labrig.signals.tones import SILENT, Tone, ToneProgram
from labrig_drivers.ni.device import NiDevice, coerced_rate, was_aborted
from labrig_drivers.ni.facts import output_facts, output_model
from labrig_drivers.ni.output_options import NiAnalogOutputOptions, capabilities
from labrig_drivers.ni.period import common_period

Array = NDArray[np.float64]

UPDATE_HZ = 100e3
"""Default update rate (S/s), unless the model is slower."""

WRITE_S = 1.0
"""Timeout of a write (s), which normally does not have to wait. NI's package allows 10 s."""

SAME_RATE = 1e-9
"""Rates that differ by less than this fraction count as equal."""


class NiAnalogOutput:
    """A WaveformSource with two tasks: unclocked DC levels on all channels, and a buffer of tones."""

    def __init__(self, name: str, options: NiAnalogOutputOptions) -> None:
        self._name = name
        self._options = options
        self._capabilities = capabilities(options)
        model, outputs = output_model("ni.ao", options.model, options.card)
        self._device = NiDevice(name, options, model, partial(output_facts, outputs=outputs))
        self._rate_hz = coerced_rate(options.update_rate or min(UPDATE_HZ, outputs.all_hz), model.timebase_hz)
        self._step_v = 2 * self._capabilities.full_scale_v / 2**self._capabilities.bits
        self._dc_task: Any = None
        self._dc_running = False
        self._tones_task: Any = None
        self._uploaded: Array | None = None
        self._tones_key: tuple[tuple[str, ...], int] = ((), 0)
        self._levels: Array | None = None
        self._safe = np.zeros(len(self._capabilities.channels))
        self._loaded_buffer: tuple[tuple[str, ...], Array] | None = None

    def open(self) -> None:
        """Connect; the outputs keep their values."""
        self._device.open()

    def identify(self) -> Identity:
        """Product type and serial number of the device, version of NI-DAQmx."""
        return self._device.identify()

    def load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        """Prepare the programs that play from the next `start` on. DC levels without tones are written immediately.

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
            For a voltage beyond full scale, or an unknown channel.
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
        frequencies = [tone.frequency_hz for program in programs.values() for tone in program.tones]
        count = common_period(self._name, self._rate_hz, frequencies)
        time_s = np.arange(count) / self._rate_hz
        samples = self._rounded(np.stack([self._compensated(each, time_s) for each in programs.values()]))
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
            # A write to a task that has played continues after the last write; unreserving starts at the beginning.
            task.control(TaskMode.TASK_UNRESERVE)
            _writer(task).write_many_sample(samples, WRITE_S)
            self._uploaded = samples

    def start(self) -> None:
        """Start the tones, at the start trigger if one is configured."""
        self._require_open("start")
        if self._loaded_buffer is None:
            return
        if self._tones_task is None:
            raise ConnectionFailed("is not armed", device=self._name, action="start", remedy="call arm() first")
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
                _writer(self._dc_task).write_one_sample(self._levels, WRITE_S)
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

    def accuracy(self) -> SourceAccuracy:
        """Accuracy of the amplitudes, which count as exact unless `card:` states their largest error."""
        card = self._options.card
        return SourceAccuracy.within(0.0 if card is None or card.gain_error is None else card.gain_error)

    def idle(self) -> None:
        """Set every channel to 0 V."""
        self._require_open("idle")
        self._hold(np.zeros(len(self._capabilities.channels)), "idle")

    def hold_when_safe(self, levels: Mapping[str, float]) -> None:
        """Make channels hold a level (V) instead of 0 V when the device is made safe."""
        self._safe = self._rounded(np.array([levels.get(channel, 0.0) for channel in self._capabilities.channels]))

    def make_safe(self) -> None:
        """Write 0 V, or the level to hold, to every channel unconditionally; reset the device if that fails."""
        if not self._device.is_open:
            return
        self._levels = None
        try:
            self._hold(self._safe, "make safe")
        except LabrigError:
            self._uploaded, self._dc_running = None, False  # a reset aborts all tasks
            self._device.reset("make safe")
            if self._safe.any():
                self._hold(self._safe, "make safe")

    def rescue(self) -> None:
        """Make the device safe over a new connection; a task that another process has left running is aborted."""
        self._device.connect()
        try:
            self.make_safe()
        finally:
            self.close()

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
            raise LimitExceeded(
                f"has no channel {channel!r}", device=self._name, action="load", remedy="correct it under `wiring:`"
            )
        if program.peak > self._capabilities.full_scale_v:
            limit = f"full scale {self._capabilities.full_scale_v:g} V"
            raise LimitExceeded(
                f"channel {channel} would have to play {program.peak:.4g} V",
                device=self._name,
                action="load",
                limit=limit,
                remedy="lower the drive",
            )

    def _rounded(self, volts: Array) -> Array:
        """Voltages as the DAC outputs them; its highest code is one step below full scale."""
        codes = np.rint(volts / self._step_v)
        return (
            np.clip(codes, -(2 ** (self._capabilities.bits - 1)), 2 ** (self._capabilities.bits - 1) - 1) * self._step_v
        )

    def _compensated(self, program: ToneProgram, time_s: Array) -> Array:
        """Samples (V) whose tones have the requested amplitudes when each sample is held until the next.

        If the range of the output is too small for the full compensation, only a part of it is applied.
        """
        tones = tuple(
            replace(tone, amplitude=tone.amplitude / float(np.sinc(tone.frequency_hz / self._rate_hz)))
            for tone in program.tones
        )
        wanted, compensated = program.at(time_s), ToneProgram(program.dc, tones).at(time_s)
        room = self._capabilities.full_scale_v - np.abs(wanted)
        excess = np.abs(compensated) - np.abs(wanted)
        above = excess > room
        share = float(np.min(np.maximum(room[above], 0.0) / excess[above])) if above.any() else 1.0
        return wanted + share * (compensated - wanted)

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
        """Output constant levels (V) on all channels, unless the channels are at these levels already."""
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
            _writer(self._dc_task).write_one_sample(levels, WRITE_S)
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
        self._check_rate(task)
        if self._options.start_trigger:
            task.triggers.start_trigger.cfg_dig_edge_start_trig(self._device.terminal(self._options.start_trigger))
        return task

    def _check_rate(self, task: Any) -> None:
        """Raise ConfigError if the device plays at a different rate from that for which the tones were computed."""
        rate_hz = float(task.timing.samp_clk_rate)
        if abs(rate_hz / self._rate_hz - 1) > SAME_RATE:
            raise ConfigError(
                f"plays {rate_hz:.9g} S/s, not {self._rate_hz:.9g} S/s",
                device=self._name,
                action="arm",
                remedy="choose an update_rate that divides its timebase, or correct the timebase in `card:`",
            )

    def _new_task(self, channels: tuple[str, ...], action: str) -> Any:
        task = self._device.task(action)
        limit = self._capabilities.full_scale_v
        names = ", ".join(f"{self._device.resource}/{channel}" for channel in channels)
        task.ao_channels.add_ao_voltage_chan(names, min_val=-limit, max_val=limit)
        return task

    def _require_open(self, action: str) -> None:
        if not self._device.is_open:
            raise ConnectionFailed("is not open", device=self._name, action=action, remedy="call open() first")


def _writer(task: Any) -> Any:
    """A stream writer without the shape check, which would cost a driver call."""
    from nidaqmx.stream_writers import AnalogMultiChannelWriter

    auto_start: Any = False
    writer = AnalogMultiChannelWriter(task.out_stream, auto_start)
    writer.verify_array_shape = False
    return writer
