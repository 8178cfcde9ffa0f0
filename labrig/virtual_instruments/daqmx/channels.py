"""The remote procedures of a virtual DAQmx server that add and change channels, named as in NI's service definition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nidaqmx import constants
from nidaqmx._stubs import nidaqmx_pb2 as pb
from nidaqmx.error_codes import DAQmxErrors as Code
from nidaqmx.utils import unflatten_channel_string

from labrig.signals.tones import ToneProgram
from labrig.virtual_instruments.daqmx import attributes
from labrig.virtual_instruments.daqmx.device import DeviceState
from labrig.virtual_instruments.daqmx.errors import DaqmxFailure
from labrig.virtual_instruments.daqmx.functions import function_program
from labrig.virtual_instruments.daqmx.settings import Channel
from labrig.virtual_instruments.daqmx.tasks import VirtualTask


class Channels:
    """Channel procedures of a DaqmxService.

    Parameters
    ----------
    task_of
        Returns the task of a request.
    board_named
        Returns the board with a name.
    """

    def __init__(self, task_of: Callable[[Any], VirtualTask], board_named: Callable[[str], DeviceState]) -> None:
        self._task_of = task_of
        self._board_named = board_named

    def CreateAIVoltageChan(self, request: Any) -> Any:
        """Add analog inputs to a task."""
        self._add(request, "ai", (request.min_val, request.max_val))
        return pb.CreateAIVoltageChanResponse()

    def CreateAOVoltageChan(self, request: Any) -> Any:
        """Add analog outputs to a task."""
        self._add(request, "ao", (request.min_val, request.max_val))
        return pb.CreateAOVoltageChanResponse()

    def CreateAOFuncGenChan(self, request: Any) -> Any:
        """Add outputs that act as function generators."""
        kind = constants.FuncGenType(request.type_raw)
        program = function_program(kind, request.freq, request.amplitude, request.offset)
        highest = abs(request.offset) + abs(request.amplitude)
        if not 0 < highest <= self._board_of(request).device.ao_full_scale_v:
            raise DaqmxFailure(Code.INVALID_ATTRIBUTE_VALUE, "Property: DAQmx_AO_FuncGen_Amplitude")
        self._add(request, "ao", (-highest, highest), program)
        return pb.CreateAOFuncGenChanResponse()

    def SetChanAttributeDouble(self, request: Any) -> Any:
        """Set limits of channels; an input uses the narrowest range that covers its limits."""
        limits: dict[int, str] = {
            pb.CHANNEL_ATTRIBUTE_AI_MIN: "lowest_v",
            pb.CHANNEL_ATTRIBUTE_AI_MAX: "highest_v",
            pb.CHANNEL_ATTRIBUTE_AO_MIN: "lowest_v",
            pb.CHANNEL_ATTRIBUTE_AO_MAX: "highest_v",
        }
        limit = attributes.look_up(limits, request.attribute_raw)
        self._task_of(request).change(names_in(request.channel), **{limit: request.value})
        return pb.SetChanAttributeDoubleResponse()

    def SetChanAttributeInt32(self, request: Any) -> Any:
        """Set the terminal configuration of inputs."""
        attributes.look_up({pb.CHANNEL_ATTRIBUTE_AI_TERM_CFG: None}, request.attribute_raw)
        task, names = self._task_of(request), names_in(request.channel)
        for channel in task.named(names):
            self._check_terminal(task, task.board, channel.physical, request.value_raw)
        task.change(names, terminal=request.value_raw)
        return pb.SetChanAttributeInt32Response()

    def _board_of(self, request: Any) -> DeviceState:
        physical = [name.removeprefix("/") for name in unflatten_channel_string(request.physical_channel)]
        if not physical:
            raise DaqmxFailure(Code.PHYSICAL_CHANNEL_NOT_SPECIFIED)
        return self._board_named(physical[0].partition("/")[0])

    def _add(self, request: Any, kind: str, limits: tuple[float, float], function: ToneProgram | None = None) -> None:
        task, board = self._task_of(request), self._board_of(request)
        physical = [name.removeprefix("/") for name in unflatten_channel_string(request.physical_channel)]
        names = _virtual_names(request.name_to_assign_to_channel, physical)
        channels = []
        for name, full in zip(names, physical, strict=True):
            device, _, channel = full.partition("/")
            known: Sequence[str] = board.ai_names if kind == "ai" else board.ao_names
            if self._board_named(device) is not board or channel.casefold() not in known:
                details = f"Device: {device}\nPhysical Channel Name: {channel}\nTask Name: {task.name}"
                raise DaqmxFailure(Code.PHYSICAL_CHAN_DOES_NOT_EXIST, details)
            if kind == "ai":
                self._check_terminal(task, board, channel.casefold(), request.terminal_config_raw)
            if not limits[0] < limits[1]:
                raise DaqmxFailure(Code.MIN_NOT_LESS_THAN_MAX, f"Task Name: {task.name}")
            range_v = board.range_for(kind, *limits)
            terminal = getattr(request, "terminal_config_raw", 0)
            channels.append(Channel(name, channel.casefold(), kind, *limits, range_v, terminal, function))
        task.add(board, channels)

    def _check_terminal(self, task: VirtualTask, board: DeviceState, channel: str, wanted: int) -> None:
        possible = board.terminals_of(channel)
        if wanted not in (constants.TerminalConfiguration.DEFAULT.value, *(each.value for each in possible)):
            details = (
                f"Property: DAQmx_AI_TermCfg\nYou Can Select: {', '.join(each.name for each in possible)}\n"
                f"Physical Channel Name: {board.device.name}/{channel}\nTask Name: {task.name}"
            )
            raise DaqmxFailure(Code.INVALID_ATTRIBUTE_VALUE, details)


def names_in(channel: str) -> tuple[str, ...]:
    """Casefolded names of the channels in a request; an empty tuple means all channels."""
    return tuple(name.casefold() for name in unflatten_channel_string(channel)) if channel else ()


def _virtual_names(assigned: str, physical: Sequence[str]) -> list[str]:
    if not assigned:
        return list(physical)
    names = unflatten_channel_string(assigned)
    return names if len(names) == len(physical) else [f"{assigned}{k}" for k in range(len(physical))]
