"""The remote procedures of a virtual DAQmx server that read and write samples, named as in NI's service definition."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from ni.protobuf.types.waveform_conversion import float64_analog_waveform_to_protobuf
from nidaqmx import constants
from nidaqmx._stubs import nidaqmx_pb2 as pb
from nidaqmx.error_codes import DAQmxErrors as Code
from nitypes.waveform import AnalogWaveform, Timing
from numpy.typing import NDArray

from labrig.virtual_instruments.daqmx import attributes
from labrig.virtual_instruments.daqmx.errors import DaqmxFailure
from labrig.virtual_instruments.daqmx.input import Codes
from labrig.virtual_instruments.daqmx.output import OutputBuffer, check_range
from labrig.virtual_instruments.daqmx.reading import Reader, packed_doubles
from labrig.virtual_instruments.daqmx.tasks import TaskState, VirtualTask
from labrig.virtual_instruments.virtual_bench import VirtualBench

BY_CHANNEL = constants.FillMode.GROUP_BY_CHANNEL.value


class Transfers:
    """Read and write procedures of a DaqmxService.

    Parameters
    ----------
    bench
        The virtual bench.
    reader
        Reads the tasks.
    task_of
        Returns the task of a request.
    """

    def __init__(self, bench: VirtualBench, reader: Reader, task_of: Callable[[Any], VirtualTask]) -> None:
        self._bench = bench
        self._reader = reader
        self._task_of = task_of

    def ReadAnalogF64(self, request: Any) -> Any:
        """Read voltages (V) in the requested order."""
        task, by_channel = self._task_of(request), request.fill_mode_raw == BY_CHANNEL

        def packed(codes: Codes, status: int) -> bytes:
            volts = self._volts(task, codes)
            return packed_doubles(volts.T if by_channel else volts, len(codes), status)

        return self._reader.read(task, request.num_samps_per_chan, request.timeout, packed)

    def ReadAnalogScalarF64(self, request: Any) -> Any:
        """Read one voltage (V)."""
        task = self._task_of(request)

        def packed(codes: Codes, status: int) -> Any:
            value = float(self._volts(task, codes)[0, 0]) if len(codes) else 0.0
            return pb.ReadAnalogScalarF64Response(value=value, status=status)

        return self._reader.read(task, 1, request.timeout, packed)

    def ReadAnalogWaveforms(self, request: Any) -> Any:
        """Read waveforms with channel names, sample interval and start time by this computer's clock."""
        task, wanted = self._task_of(request), request.waveform_attribute_mode_raw

        def packed(codes: Codes, status: int) -> Any:
            volts = self._volts(task, codes)
            timing = self._timing_of(task) if wanted & constants.WaveformAttributeMode.TIMING.value else None
            waveforms = []
            for channel, samples in zip(task.channels, volts.T, strict=True):
                waveform = AnalogWaveform.from_array_1d(np.ascontiguousarray(samples), np.float64, timing=timing)
                if wanted & constants.WaveformAttributeMode.EXTENDED_PROPERTIES.value:
                    waveform.channel_name, waveform.units = channel.name, "Volts"
                waveforms.append(float64_analog_waveform_to_protobuf(waveform))
            return pb.ReadAnalogWaveformsResponse(waveforms=waveforms, samps_per_chan_read=len(codes), status=status)

        return self._reader.read(task, request.num_samps_per_chan, request.timeout, packed)

    def ReadBinaryI16(self, request: Any) -> Any:
        """Read ADC codes in the requested order."""
        task = self._task_of(request)
        if task.board.device.bits > 16:
            raise DaqmxFailure(Code.READ_DATA_TYPE_TOO_SMALL, f"Task Name: {task.name}", samples_read=0)
        return self._codes(task, request, pb.ReadBinaryI16Response)

    def ReadBinaryI32(self, request: Any) -> Any:
        """Read ADC codes of more than 16 bits in the requested order."""
        return self._codes(self._task_of(request), request, pb.ReadBinaryI32Response)

    def _codes(self, task: VirtualTask, request: Any, reply: Callable[..., Any]) -> Any:
        def packed(codes: Codes, status: int) -> Any:
            samples = (codes.T if request.fill_mode_raw == BY_CHANNEL else codes).ravel().tolist()
            return reply(read_array=samples, samps_per_chan_read=len(codes), status=status)

        return self._reader.read(task, request.num_samps_per_chan, request.timeout, packed)

    def ReadRaw(self, request: Any) -> Any:
        """Read interleaved codes, in the order in which multiplexed boards deliver them."""

        def packed(codes: Codes, status: int) -> Any:
            width = codes.dtype.itemsize
            raw = codes.astype(f"<i{width}", copy=False).tobytes()
            return pb.ReadRawResponse(read_array=raw, samps_read=len(codes), num_bytes_per_samp=width, status=status)

        return self._reader.read(self._task_of(request), request.num_samps_per_chan, request.timeout, packed)

    def WriteAnalogF64(self, request: Any) -> Any:
        """Write voltages (V)."""
        samples = np.array(request.write_array, dtype=float)
        written = self._write(request, samples, request.num_samps_per_chan, request.data_layout_raw)
        return pb.WriteAnalogF64Response(samps_per_chan_written=written)

    def WriteAnalogWaveforms(self, request: Any) -> Any:
        """Write one waveform (V) per channel."""
        samples = np.concatenate([np.array(waveform.y_data, dtype=float) for waveform in request.waveforms])
        count = len(request.waveforms[0].y_data)
        written = self._write(request, samples, count, BY_CHANNEL)
        return pb.WriteAnalogWaveformsResponse(samps_per_chan_written=written)

    def WriteAnalogScalarF64(self, request: Any) -> Any:
        """Write one voltage (V)."""
        self._write(request, np.array([request.value]), 1, BY_CHANNEL)
        return pb.WriteAnalogScalarF64Response()

    def WriteBinaryI16(self, request: Any) -> Any:
        """Write DAC codes in the requested order."""
        samples = np.array(request.write_array, dtype=float) * self._output_step_v(self._task_of(request))
        written = self._write(request, samples, request.num_samps_per_chan, request.data_layout_raw)
        return pb.WriteBinaryI16Response(samps_per_chan_written=written)

    def WriteRaw(self, request: Any) -> Any:
        """Write interleaved DAC codes."""
        samples = np.frombuffer(request.write_array, dtype="<i2") * self._output_step_v(self._task_of(request))
        written = self._write(request, samples, request.num_samps, constants.FillMode.GROUP_BY_SCAN_NUMBER.value)
        return pb.WriteRawResponse(samps_per_chan_written=written)

    def _write(self, request: Any, samples: NDArray[np.float64], count: int, layout: int) -> int:
        """Write (n,) samples (V) of `count` per channel in a layout; `request` has the other arguments."""
        task, auto_start, timeout_s = self._task_of(request), request.auto_start, request.timeout
        channels = [channel.physical for channel in task.channels]
        if task.is_input or not channels or len(samples) != count * len(channels):
            raise DaqmxFailure(Code.WRITE_NUM_CHANS_MISMATCH, f"Task Name: {task.name}")
        shaped = samples.reshape(len(channels), count).T if layout == BY_CHANNEL else samples.reshape(count, -1)
        device = task.board.device
        if task.clock is None:
            if not auto_start and task.state is not TaskState.RUNNING:
                code = Code.CANNOT_WRITE_WHEN_AUTO_START_FALSE_AND_TASK_NOT_RUNNING
                raise DaqmxFailure(code, f"Task Name: {task.name}")
            check_range(shaped, device.ao_full_scale_v)
            implicit = task.state is not TaskState.RUNNING
            task.start()
            task.board.hold(self._bench.clock(), dict(zip(channels, shaped[-1].tolist(), strict=True)))
            if implicit:  # an implicit start only lasts for the write
                task.stop()
            return count
        buffer = OutputBuffer.of(channels, shaped, device.ao_full_scale_v, device.ao_bits)
        if task.state is TaskState.RUNNING:
            deadline = math.inf if timeout_s < 0 else self._bench.clock() + timeout_s
            if not task.wait_for_room(count, deadline):
                raise DaqmxFailure(Code.SAMPLES_CAN_NOT_YET_BE_WRITTEN, f"Task Name: {task.name}")
        else:
            task.commit(TaskState.RESERVED)
        task.write(buffer)
        if auto_start:
            task.start()
        return count

    def _timing_of(self, task: VirtualTask) -> Timing:
        """Timing of the samples read last."""
        acquisition = task.acquisition
        assert acquisition is not None
        interval_s = 1 / acquisition.rate_hz
        ago_s = 0.0
        if acquisition.t0 is not None:  # otherwise there was no trigger
            ago_s = self._bench.clock() - acquisition.t0 - acquisition.given * interval_s
        first = datetime.now(UTC) - timedelta(seconds=ago_s)
        return Timing.create_with_regular_interval(timedelta(seconds=interval_s), first)

    def _volts(self, task: VirtualTask, codes: Codes) -> NDArray[np.float64]:
        """(n, C) voltages (V), using the coefficients that clients can query."""
        coefficients = np.array([attributes.scaling(task, channel) for channel in task.channels])
        return coefficients[:, 0] + codes.astype(float) * coefficients[:, 1]

    def _output_step_v(self, task: VirtualTask) -> float:
        return 2 * task.board.device.ao_full_scale_v / 2**task.board.device.ao_bits
