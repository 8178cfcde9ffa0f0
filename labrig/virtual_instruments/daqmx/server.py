"""A virtual NI gRPC device server: the real `nidaqmx` package talks to boards of one bench's world.

Served are analog input and output voltage tasks with a sample clock or on demand, digital start triggers, the
events of events.py and the properties of attributes.py; every other procedure answers UNIMPLEMENTED, as an
older server would.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn

import grpc
from nidaqmx._stubs import nidaqmx_pb2 as pb
from nidaqmx.error_codes import DAQmxErrors

from labrig.simulation.faults import ConnectionFault, DelayFault, SilenceFault
from labrig.virtual_instruments.daqmx.calls import MOST_WAITING, THREADS, Abandoned
from labrig.virtual_instruments.daqmx.device import DeviceState, VirtualDevice
from labrig.virtual_instruments.daqmx.errors import DaqmxFailure
from labrig.virtual_instruments.daqmx.service import ATTRIBUTE_GROUPS, EVENTS, WAITS, DaqmxService
from labrig.virtual_instruments.virtual_bench import VirtualBench

__all__ = ["DaqmxServer", "VirtualDevice"]

_SERVICE = "nidaqmx_grpc.NiDAQmx"
_POLL_S = 0.02

_EVENT_S = 0.005
"""How late an event may be told."""


class DaqmxServer:
    """start() gives the port; stop() ends every call, also one that waits.

    calls: how often each procedure was called, by name.
    """

    def __init__(
        self,
        bench: VirtualBench,
        devices: Sequence[VirtualDevice],
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._bench = bench
        self._boards = {name: DeviceState(device, bench) for name, device in _by_name(devices, bench).items()}
        self._service = DaqmxService(bench, self._boards)
        self._address = f"{host}:{port}"
        self.calls: dict[str, int] = defaultdict(int)
        self._calls = self._service.calls
        self._ended = self._calls.ended
        self._server: grpc.Server | None = None

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks that clients have not cleared."""
        with self._bench.lock:
            return self._service.tasks

    @property
    def waiting(self) -> int:
        """Calls that may be waiting: reads, events, and those for the end of a task."""
        return self._calls.waiting

    def start(self) -> int:
        """Outputs go to 0 V, as on power-up; returns the port."""
        with self._bench.lock:
            for board in self._boards.values():
                board.power_up()
        pool = futures.ThreadPoolExecutor(THREADS, thread_name_prefix="daqmx")
        unlimited = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
        self._server = grpc.server(pool, options=[*unlimited, ("grpc.so_reuseport", 0)])
        handlers = {name: self._handler(name, method) for name, method in self._methods().items()}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, handlers),))
        port = self._server.add_insecure_port(self._address)
        self._server.start()
        return port

    def stop(self) -> None:
        self._ended.set()
        if self._server is not None:
            self._server.stop(None).wait()
            self._server = None

    def _methods(self) -> dict[str, Callable[[Any], Any]]:
        """Every procedure that is served, by name."""
        methods: dict[str, Callable[[Any], Any]] = {}
        for method in pb.DESCRIPTOR.services_by_name["NiDAQmx"].methods:
            name: str = method.name
            for part in self._service.parts:
                if hasattr(part, name):
                    methods[name] = getattr(part, name)
            for group in ATTRIBUTE_GROUPS:
                if name.startswith(f"Get{group}Attribute"):
                    methods[name] = self._property(name, group)
        return methods

    def _property(self, name: str, group: str) -> Callable[[Any], Any]:
        reply = getattr(pb, f"{name}Response")
        field = "value_raw" if "value_raw" in reply.DESCRIPTOR.fields_by_name else "value"
        return lambda request: reply(**{field: self._service.attribute(group, request)})

    def _handler(self, name: str, method: Callable[[Any], Any]) -> grpc.RpcMethodHandler:
        def answer(request: Any, context: grpc.ServicerContext) -> bytes:
            reply = self._call(name, method, request, context)
            return reply if isinstance(reply, bytes) else reply.SerializeToString()

        def wait(request: Any, context: grpc.ServicerContext) -> bytes:
            with self._room(context):
                return answer(request, context)

        def tell(request: Any, context: grpc.ServicerContext) -> Iterator[bytes]:
            with self._room(context):
                yield from news(request, context)

        def news(request: Any, context: grpc.ServicerContext) -> Iterator[bytes]:
            event = self._call(name, method, request, context)
            context.send_initial_metadata(())  # the client waits for it: the event is registered
            while context.is_active() and not self._ended.is_set():
                with self._bench.lock:
                    message = event.news(self._bench.clock())
                    over = event.over
                if over:
                    return
                if message is not None:
                    yield message.SerializeToString()
                else:
                    self._ended.wait(_EVENT_S)

        read = getattr(pb, f"{name}Request").FromString
        if name in EVENTS:
            return grpc.unary_stream_rpc_method_handler(tell, request_deserializer=read)
        respond = wait if name in WAITS else answer
        return grpc.unary_unary_rpc_method_handler(respond, request_deserializer=read)

    @contextmanager
    def _room(self, context: grpc.ServicerContext) -> Iterator[None]:
        with self._calls.room() as free:
            if not free:
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{MOST_WAITING} calls wait already")
            yield

    def _call(self, name: str, method: Callable[[Any], Any], request: Any, context: grpc.ServicerContext) -> Any:
        """What the service answers; its errors and faults of the bench end the call."""
        self.calls[name] += 1
        if missing := number_choices(request):
            text = f"The value for {missing} was not specified or out of range"
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, text)
        with self._bench.lock:
            instruments = self._service.instruments_of(request)
        try:
            self._must_be_there(instruments)
            with self._calls.answering(context.is_active), self._bench.lock:
                reply = method(request)
            self._must_be_there(instruments)
        except Abandoned:
            context.abort(grpc.StatusCode.CANCELLED, "nobody waits for the answer")
        except DaqmxFailure as failure:
            return _abort(context, failure.code, failure.text, failure.samples_read)
        self._answer_late(instruments, context)
        return reply

    def _must_be_there(self, instruments: Sequence[str]) -> None:
        if any(self._bench.faults.active(name, ConnectionFault) for name in instruments):
            raise DaqmxFailure(DAQmxErrors.DEV_CANNOT_BE_ACCESSED)

    def _answer_late(self, instruments: Sequence[str], context: grpc.ServicerContext) -> None:
        """Or never: what was asked is done by now."""
        for name in instruments:
            for late in self._bench.faults.on_message(name, DelayFault):
                self._ended.wait(late.delay_s)
            if self._bench.faults.active(name, SilenceFault):
                self._keep_silent(context)

    def _keep_silent(self, context: grpc.ServicerContext) -> NoReturn:
        while context.is_active() and not self._ended.wait(_POLL_S):
            pass
        context.abort(grpc.StatusCode.CANCELLED, "no answer")


def number_choices(request: Any) -> str | None:
    """Give every choice of a request as its number, in `<field>_raw`; the name of one that the client left out.

    The service definition lets a client send a choice by name (`sample_mode`) or by number (`sample_mode_raw`): NI's
    `nidaqmx` sends numbers, NI's gRPC examples names. The named values of the choices served here are the numbers.
    """
    for choice in request.DESCRIPTOR.oneofs:
        given = request.WhichOneof(choice.name)
        if given is None:
            return choice.name.removesuffix("_enum")
        if f"{given}_raw" in request.DESCRIPTOR.fields_by_name:
            setattr(request, f"{given}_raw", getattr(request, given))
    return None


def _by_name(devices: Sequence[VirtualDevice], bench: VirtualBench) -> dict[str, VirtualDevice]:
    """By casefolded name. A board whose inputs and outputs are two instruments is named twice and becomes one."""
    boards: dict[str, VirtualDevice] = {}
    for device in devices:
        other = boards.get(device.name.casefold())
        if other is not None:
            drives = any(channel.startswith(f"{device.instrument}/") for channel in bench.world.wiring.sources)
            inputs, outputs = (other, device) if drives else (device, other)
            device = replace(inputs, ao_instrument=outputs.instrument)
        boards[device.name.casefold()] = device
    return boards


def _abort(context: grpc.ServicerContext, code: int, text: str, samples_read: int | None) -> NoReturn:
    """End the call as NI's server does: the error in the trailing metadata."""
    metadata = [("ni-error", str(code))]
    if samples_read is not None:
        metadata.append(("ni-samps-per-chan-read", str(samples_read)))
    context.set_trailing_metadata(tuple(metadata))
    context.abort(grpc.StatusCode.UNKNOWN, text)
