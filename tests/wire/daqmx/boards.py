"""Boards with a DAQmx server around them, and the real client's way in."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import grpc
import nidaqmx
import numpy as np
from labrig_drivers.ni.analog_input import NiAnalogInput
from labrig_drivers.ni.analog_output import NiAnalogOutput
from labrig_drivers.ni.input_options import NiAnalogInputOptions
from labrig_drivers.ni.output_options import NiAnalogOutputOptions
from nidaqmx.system import System

from labrig.instruments.data import AcquisitionPlan, Block
from labrig.network.physics import Edge, Source
from labrig.network.resistive.network import ResistiveNetwork
from labrig.signals.tones import Tone, ToneProgram
from labrig.simulation.imperfections import Imperfections, imperfections
from labrig.simulation.world import BoardWiring, SourceStage, World
from labrig.virtual_instruments.daqmx import DaqmxServer, VirtualDevice
from labrig.virtual_instruments.daqmx.errors import wording
from labrig.virtual_instruments.virtual_bench import VirtualBench

PROGRAMS = {
    "ao0": ToneProgram(0.4),
    "ao1": ToneProgram(-0.7),
    "ao2": ToneProgram(0.0, (Tone(350.0, 0.2),)),
    "ao3": ToneProgram(0.1, (Tone(350.0, 0.05, np.pi), Tone(1100.0, 0.3))),
    "ao4": ToneProgram(0.0, (Tone(350.0, 0.5), Tone(1100.0, 0.5))),
}

QUIET = imperfections({"converters": True}, seed=0)
NOISY = imperfections({"noise": 1e-3, "digitizer_gain": 1e-3, "digitizer_offset": 1e-3, "converters": True}, seed=0)
AO, AI = "PXI1Slot3", "PXI1Slot4"
AO_STEP_V = 20 / 2**16


@dataclass
class Wire:
    bench: VirtualBench
    server: DaqmxServer
    port: int

    @property
    def world(self) -> World:
        return self.bench.world


def chain(nodes: int = 14, step_v: float = AO_STEP_V) -> World:
    """Nodes in a row, 100 µS between neighbours, each driven through 1 kΩ and sensed. step_v: of the sources."""
    names = tuple(f"n{k}" for k in range(nodes))
    edges = tuple(Edge(f"e{k}", names[k], names[k + 1]) for k in range(nodes - 1))
    graph = ResistiveNetwork(names, edges, (), (), tuple(Source(name, 1000.0) for name in names))
    sources = {f"awg/ao{k}": name for k, name in enumerate(names)}
    senses = {f"daq/ai{k}": name for k, name in enumerate(names)}
    stages = dict.fromkeys(sources, SourceStage(1.0, step_v))
    return World(graph, BoardWiring(sources, senses, {}), stages, np.full(nodes - 1, 1e-4))


@contextmanager
def wire(
    world: World | None = None,
    wrong: Imperfections = QUIET,
    sample_clock: str = "",
    on_demand_done: bool = True,
) -> Iterator[Wire]:
    """A PXIe-6738 and a PXIe-6363 around a world. Time starts at 0, so that it rounds finely."""
    origin = time.monotonic()
    bench = VirtualBench(world or chain(), wrong, seed=0, clock=lambda: time.monotonic() - origin)
    boards = [
        VirtualDevice.of("PXIe-6738", name=AO, instrument="awg", serial=0x01ABCDEF),
        VirtualDevice.of("PXIe-6363", name=AI, instrument="daq", serial=0x01C0FFEE, sample_clock=sample_clock),
    ]
    server = DaqmxServer(bench, [replace(board, on_demand_done=on_demand_done) for board in boards])
    port = server.start()
    try:
        yield Wire(bench, server, port)
    finally:
        server.stop()


@contextmanager
def refused(server: DaqmxServer, procedure: str, number: int, code: int) -> Iterator[None]:
    """Call `number` of a procedure, counted from now, fails with an error of DAQmx."""
    call, calls = server._call, server.calls[procedure]

    def answer(name: str, method: Any, request: Any, context: Any) -> Any:
        if name == procedure and server.calls[name] - calls + 1 == number:
            server.calls[name] += 1
            context.set_trailing_metadata((("ni-error", str(code)),))
            context.abort(grpc.StatusCode.UNKNOWN, wording(code))
        return call(name, method, request, context)

    with patch.object(server, "_call", answer):
        yield


@dataclass
class Client:
    """NI's package, connected."""

    options: nidaqmx.GrpcSessionOptions
    system: System

    def task(self, name: str = "") -> Any:
        return nidaqmx.Task(name, grpc_options=self.options)


@contextmanager
def client(port: int) -> Iterator[Client]:
    unlimited = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=unlimited) as channel:
        options = nidaqmx.GrpcSessionOptions(channel, "")
        yield Client(options, System.remote(options))


def analog_input(port: int, **options: Any) -> NiAnalogInput:
    entry = {"driver": "ni.ai", "model": "PXIe-6363", "resource": AI, "grpc": f"127.0.0.1:{port}", "full_scale": "2 V"}
    return NiAnalogInput("daq", NiAnalogInputOptions.model_validate(entry | options))


def analog_output(port: int, **options: Any) -> NiAnalogOutput:
    entry = {"driver": "ni.ao", "model": "PXIe-6738", "resource": AO, "grpc": f"127.0.0.1:{port}"}
    entry["start_trigger"] = f"/{AI}/ai/StartTrigger"
    return NiAnalogOutput("awg", NiAnalogOutputOptions.model_validate(entry | options))


def plan(channels: int = 14, rate_hz: float = 50e3, settle: int = 250, window: int = 1000) -> AcquisitionPlan:
    names = tuple(f"ai{k}" for k in range(channels))
    return AcquisitionPlan(rate_hz, settle, window, names, (2.0,) * channels, (0.0,) * channels)


def acquire(ai: NiAnalogInput, ao: NiAnalogOutput, total: int, timeout_s: float = 2.0) -> list[Block]:
    """One acquisition of what is loaded, as a rig does it."""
    ai.arm()
    ao.arm()
    ao.start()
    ai.start()
    blocks: list[Block] = []
    while not blocks or blocks[-1].start_index + len(blocks[-1].codes) < total:
        blocks.append(ai.read(timeout_s))
    return blocks


def levels(*volts: float) -> Mapping[str, ToneProgram]:
    return {f"ao{k}": ToneProgram(v) for k, v in enumerate(volts)}
