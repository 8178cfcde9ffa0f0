"""ni.ai: analog inputs of NI multifunction boards as a digitizer.

One finite task is kept and restarted for each acquisition, because creating one takes 20 ms. It is stopped in a worker
thread as soon as its last sample has been read, while the training step continues. Samples stay ADC codes; volts come
from the scaling polynomial that the device reports for each channel.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.errors import ConfigError, ConnectionFailed, DeadlineExceeded, LabrigError
from labrig.instruments.data import AcquisitionPlan, Block, Identity
from labrig_drivers.ni.device import NiDevice
from labrig_drivers.ni.facts import accuracy, input_facts, input_model
from labrig_drivers.ni.input_options import NiAnalogInputOptions, capabilities, wiring_of
from labrig_drivers.tolerances import standard_uncertainty
from labrig_drivers.worker_thread import PendingCall, WorkerThread

LAST_PIECE_S = 3e-3
"""Duration of the last piece that is read (s). Earlier pieces are decoded while sampling continues."""


STOP_S = 5.0
"""Deadline for stopping a task (s). It takes about 5 ms."""

FIRST_SHARE = 0.8
"""The first of three pieces is this fraction of all scans before the last piece."""

SHORT_SCANS = 2000
"""Acquisitions of up to this many scans are read in two pieces instead of three."""


class NiAnalogInput:
    """A Digitizer. Unless `start_trigger` is set, it is the trigger master: `start` begins the acquisition."""

    def __init__(self, name: str, options: NiAnalogInputOptions) -> None:
        self._name = name
        self._options = options
        self._capabilities = capabilities(options)
        model, self._inputs = input_model("ni.ai", options.model, options.card)
        self._device = NiDevice(name, options, model, partial(input_facts, inputs=self._inputs))
        self._task: Any | None = None
        self._plan: AcquisitionPlan | None = None
        self._scale: NDArray[np.float64] = np.zeros((0, 4))
        self._ends = (0, 0)  # lowest and highest code
        self._position = 0
        self._running = False
        self._reader: Any = None
        self._worker = WorkerThread(f"{name} stop")
        self._pending_stop: PendingCall | None = None

    def open(self) -> None:
        """Connect, and route the 10 MHz output if one is configured."""
        self._device.open()
        if self._options.export_clock:
            self._device.route("10MHzRefClock", self._options.export_clock)
        self._worker.start()

    def identify(self) -> Identity:
        """Product type and serial number of the device, version of NI-DAQmx."""
        return self._device.identify()

    def configure(self, plan: AcquisitionPlan) -> AcquisitionPlan:
        """Create and commit the task.

        Returns
        -------
        AcquisitionPlan
            The plan with the rate, ranges and skew read back from the device.

        Raises
        ------
        ConfigError
            If the plan is beyond the capabilities of the device.
        LimitExceeded
            If NI's driver rejects it.
        """
        from nidaqmx.stream_readers import AnalogUnscaledReader

        self._check(plan)
        self._clear()
        task = self._task = self._device.task("configure")
        with self._device.during("configure"):
            self._set_up(task, plan)
            rate = float(task.timing.samp_clk_rate)
            channels = [task.ai_channels[f"{self._device.resource}/{name}"] for name in plan.channels]
            scale = np.zeros((len(channels), 4))
            for row, channel in zip(scale, channels, strict=True):
                coefficients = channel.ai_dev_scaling_coeff
                row[: len(coefficients)] = coefficients
            self._scale = scale
            ranges = tuple(float(channel.ai_rng_high) for channel in channels)
            self._ends = _code_ends(channels[0])
            self._reader = AnalogUnscaledReader(task.in_stream)
            self._reader.verify_array_shape = False  # it would query the number of channels at every read
        stated = accuracy(self._inputs, self._capabilities.full_scale_v, self._options.card)
        self._plan = replace(
            plan,
            sample_rate_hz=rate,
            ranges_v=ranges,
            skew_s=self._skew(task, len(channels)),
            u_offset_v=standard_uncertainty(stated.zero_v),
            u_gain=standard_uncertainty(stated.gain),
        )
        return self._plan

    def arm(self) -> None:
        """Stop the previous acquisition; with a `start_trigger`, start the task so that it waits for the trigger."""
        task, _ = self._configured("arm")
        with self._device.during("arm"):
            self._stop(task)
            self._position = 0
            if self._options.start_trigger:
                task.start()
                self._running = True

    def start(self) -> None:
        """Begin the acquisition, if this digitizer is the trigger master."""
        task, _ = self._configured("start")
        if not self._running:
            with self._device.during("start"):
                task.start()
            self._running = True

    def read(self, timeout_s: float) -> Block:
        """Read the next of the two or three pieces of the acquisition; the last is at most 3 ms long.

        Parameters
        ----------
        timeout_s
            Longest time to wait for the samples (s).

        Returns
        -------
        Block
            ADC codes of shape (scans, channels) with their scaling polynomials.

        Raises
        ------
        DeadlineExceeded
            If the trigger or the sample clock did not come.
        SyncLost
            If samples were lost.
        """
        task, plan = self._configured("read")
        if not self._running or self._position >= plan.total_samples:
            raise ConnectionFailed("is not armed", device=self._name, action="read", remedy="call arm() first")
        count = self._next_piece(plan)
        wide = self._inputs.bits > 16
        codes: Any = np.empty((len(plan.channels), count), np.int32 if wide else np.int16)
        with self._device.during("read"):
            (self._reader.read_int32 if wide else self._reader.read_int16)(codes, count, timeout_s)
        first, self._position = self._position, self._position + count
        if self._position == plan.total_samples:
            self._pending_stop = self._worker.submit(task.stop)
        lowest, highest = self._ends
        overrange = (codes.min(axis=1) <= lowest) | (codes.max(axis=1) >= highest)
        return Block(codes.T, self._scale, first, overrange)

    def make_safe(self) -> None:
        """Stop the acquisition; an input drives nothing. Errors of a lost device are ignored."""
        task = self._task
        if task is not None and self._device.is_open:
            try:
                with self._device.during("make safe"):
                    self._stop(task, force=True)
            except LabrigError:
                self._plan = None  # the state of the task is unknown, so it must be configured again

    def rescue(self) -> None:
        """Free the inputs that a killed process may have left reserved (-50103), which requires a device reset.

        A gRPC device server keeps the tasks of clients that have disconnected.
        """
        self._device.connect()
        try:
            if not self._inputs_are_free():
                self._device.reset("make safe")
        finally:
            self.close()

    def close(self) -> None:
        """Close the task and disconnect; never raises for a lost device."""
        try:
            self._clear()
        except LabrigError:
            pass
        finally:
            self._worker.abandon()
            self._device.close()

    def _inputs_are_free(self) -> bool:
        """Whether a task on the first input can reserve its resources."""
        from nidaqmx.constants import TaskMode

        task = self._device.task("make safe")
        try:
            with self._device.during("make safe"):
                task.ai_channels.add_ai_voltage_chan(f"{self._device.resource}/{self._capabilities.channels[0]}")
                task.control(TaskMode.TASK_RESERVE)
        except LabrigError:
            return False
        finally:
            with self._device.during("make safe"):
                task.close()
        return True

    def _stop(self, task: Any, force: bool = False) -> None:
        """Wait for a pending stop, or stop the task if it is running (with `force`: in any case)."""
        pending, self._pending_stop = self._pending_stop, None
        if pending is not None:
            if not pending.wait(STOP_S):
                raise DeadlineExceeded(
                    "the acquisition task does not stop",
                    device=self._name,
                    action="stop",
                    limit=f"{STOP_S:g} s",
                    remedy="restart the NI services, or the device",
                )
            pending.result()
        elif self._running or force:
            task.stop()
        self._running = False

    def _check(self, plan: AcquisitionPlan) -> None:
        able = self._capabilities
        for channel in plan.channels:
            if channel not in able.channels:
                raise ConfigError(
                    f"has no channel {channel!r}",
                    device=self._name,
                    action="configure",
                    remedy="correct it under `wiring:`",
                )
        most = able.max_sample_rate_hz
        if len(plan.channels) > 1 and able.convert_interval_s:
            most = min(most, 1 / (able.convert_interval_s * len(plan.channels)))
        if plan.sample_rate_hz > most:
            raise ConfigError(
                f"cannot sample {len(plan.channels)} channels at {plan.sample_rate_hz:g} S/s",
                device=self._name,
                action="configure",
                limit=f"{most:g} S/s",
                remedy="lower acquisition.sample_rate",
            )

    def _set_up(self, task: Any, plan: AcquisitionPlan) -> None:
        from nidaqmx.constants import AcquisitionType, Signal, TaskMode, TerminalConfiguration

        wiring = {"rse": "RSE", "nrse": "NRSE", "differential": "DIFF"}[wiring_of(self._options, self._inputs)]
        full_scale = self._capabilities.full_scale_v
        task.ai_channels.add_ai_voltage_chan(
            ", ".join(f"{self._device.resource}/{channel}" for channel in plan.channels),
            terminal_config=TerminalConfiguration[wiring],
            min_val=-full_scale,
            max_val=full_scale,
        )
        task.timing.cfg_samp_clk_timing(
            plan.sample_rate_hz,
            source=self._device.terminal(self._options.sample_clock) if self._options.sample_clock else "",
            sample_mode=AcquisitionType.FINITE,
            samps_per_chan=plan.total_samples,
        )
        if self._capabilities.spread_step_s and len(plan.channels) > 1:
            # By default DAQmx allows at most 11 µs per channel, too little for a node behind some kΩ.
            task.timing.ai_conv_rate = len(plan.channels) * plan.sample_rate_hz
        self._device.lock(task)
        if self._options.start_trigger:
            task.triggers.start_trigger.cfg_dig_edge_start_trig(self._device.terminal(self._options.start_trigger))
        if self._options.export_start:
            task.export_signals.export_signal(Signal.START_TRIGGER, self._device.terminal(self._options.export_start))
        task.control(TaskMode.TASK_COMMIT)

    def _skew(self, task: Any, channels: int) -> tuple[float, ...]:
        """Delay of each channel (s): one conversion period per channel, or 0 with one ADC per channel."""
        if channels == 1 or self._inputs.simultaneous:
            return (0.0,) * channels
        with self._device.during("configure"):
            convert_hz = float(task.timing.ai_conv_rate)
        return tuple(k / convert_hz for k in range(channels))

    def _next_piece(self, plan: AcquisitionPlan) -> int:
        total, rest = plan.total_samples, plan.total_samples - self._position
        last = min(total, max(1, int(LAST_PIECE_S * plan.sample_rate_hz)))
        if rest <= last:
            return rest
        if self._position == 0 and total > SHORT_SCANS:
            return max(1, int(FIRST_SHARE * (total - last)))
        return rest - last

    def _configured(self, action: str) -> tuple[Any, AcquisitionPlan]:
        if self._task is None or self._plan is None:
            what = "is not configured; call configure() first" if self._device.is_open else "is not open"
            raise ConnectionFailed(what, device=self._name, action=action)
        return self._task, self._plan

    def _clear(self) -> None:
        task, self._task, self._plan, self._reader = self._task, None, None, None
        pending, self._pending_stop, self._running = self._pending_stop, None, False
        if task is not None and self._device.is_open:
            if pending is not None:
                pending.wait(STOP_S)
            with self._device.during("clear the task"):
                task.close()


def _code_ends(channel: Any) -> tuple[int, int]:
    """Lowest and highest code of a channel, scaled to the samples if these have more bits than the converter."""
    from nidaqmx.constants import DataJustification

    bits, size = round(channel.ai_resolution), channel.ai_raw_samp_size
    shift = size - bits if channel.ai_raw_samp_justification is DataJustification.LEFT else 0
    return -(2 ** (bits - 1)) << shift, (2 ** (bits - 1) - 1) << shift
