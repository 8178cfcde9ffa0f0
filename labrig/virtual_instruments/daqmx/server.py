"""A virtual NI gRPC device server for the real `nidaqmx` package, with the boards of one bench.

It serves analog input and output voltage tasks, clocked or on demand, digital start triggers, the events of events.py
and the properties of attributes.py. All other procedures return UNIMPLEMENTED, as on an older server.
"""

from __future__ import annotations

import time
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
from labrig.virtual_instruments.daqmx.device import DeviceState
from labrig.virtual_instruments.daqmx.errors import DaqmxFailure
from labrig.virtual_instruments.daqmx.models import VirtualDevice
from labrig.virtual_instruments.daqmx.service import ATTRIBUTE_GROUPS, EVENTS, WAITS, DaqmxService
from labrig.virtual_instruments.same_user import is_same_user
from labrig.virtual_instruments.virtual_bench import VirtualBench

__all__ = ["DaqmxServer", "VirtualDevice"]

_SERVICE = "nidaqmx_grpc.NiDAQmx"
_POLL_S = 0.02

OF_OUTPUTS = ("ao_channels", "ao_max_rate_hz", "ao_rates_hz", "ao_bank", "ao_full_scale_v", "ao_bits", "ao_settle_s")
"""Attributes of a VirtualDevice that describe its outputs."""

_ADMITTED_S = 10.0
_MOST_ADMITTED = 1000

_EVENT_S = 0.005
"""Largest delay of an event (s)."""


class DaqmxServer:
    """A server; `start` returns its port, and `stop` ends all calls, including waiting ones.

    Parameters
    ----------
    bench
        The virtual bench.
    devices
        The boards.
    host, port
        Address to listen on; port 0 is any free one.

    Attributes
    ----------
    calls
        Number of calls of each procedure, by name.
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
        for board in self._boards.values():
            if board.device.chassis:
                self._boards[board.device.chassis.casefold()].insert(board)
        self._service = DaqmxService(bench, self._boards)
        self._address = f"{host}:{port}"
        self.calls: dict[str, int] = defaultdict(int)
        self._calls = self._service.calls
        self._ended = self._calls.ended
        self._server: grpc.Server | None = None
        self._listening = ("", 0)
        self._admitted: dict[str, float] = {}  # client → until when

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks that clients have not cleared."""
        with self._bench.lock:
            return self._service.tasks

    @property
    def waiting(self) -> int:
        """Number of calls that may be waiting: reads, events, waits for the end of a task."""
        return self._calls.waiting

    def start(self) -> int:
        """Set the outputs to 0 V, as at power-up, and start serving; returns the port."""
        with self._bench.lock:
            for board in self._boards.values():
                board.power_up()
        pool = futures.ThreadPoolExecutor(THREADS, thread_name_prefix="daqmx")
        unlimited = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
        self._server = grpc.server(pool, options=[*unlimited, ("grpc.so_reuseport", 0)])
        handlers = {name: self._handler(name, method) for name, method in self._methods().items()}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, handlers),))
        port = self._server.add_insecure_port(self._address)
        self._listening = self._address.rpartition(":")[0], port
        self._server.start()
        return port

    def stop(self) -> None:
        """Stop serving and end all calls, including waiting ones."""
        self._ended.set()
        if self._server is not None:
            self._server.stop(None).wait()
            self._server = None

    def _methods(self) -> dict[str, Callable[[Any], Any]]:
        """All procedures served, by name."""
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

        def stream(request: Any, context: grpc.ServicerContext) -> Iterator[bytes]:
            with self._room(context):
                yield from messages(request, context)

        def messages(request: Any, context: grpc.ServicerContext) -> Iterator[bytes]:
            event = self._call(name, method, request, context)
            context.send_initial_metadata(())  # tells the waiting client that the event is registered
            while context.is_active() and not self._ended.is_set():
                with self._bench.lock:
                    message = event.next_message(self._bench.clock())
                    over = event.over
                if over:
                    return
                if message is not None:
                    yield message.SerializeToString()
                else:
                    self._ended.wait(_EVENT_S)

        read = getattr(pb, f"{name}Request").FromString
        if name in EVENTS:
            return grpc.unary_stream_rpc_method_handler(stream, request_deserializer=read)
        respond = wait if name in WAITS else answer
        return grpc.unary_unary_rpc_method_handler(respond, request_deserializer=read)

    @contextmanager
    def _room(self, context: grpc.ServicerContext) -> Iterator[None]:
        with self._calls.room() as free:
            if not free:
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{MOST_WAITING} calls are already waiting")
            yield

    def _call(self, name: str, method: Callable[[Any], Any], request: Any, context: grpc.ServicerContext) -> Any:
        """Return the reply of the service. Errors of the service, and faults of the bench, end the call."""
        self.calls[name] += 1
        if not self._admits(context.peer()):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "this server only obeys programs of its own user")
        if missing := number_choices(request):
            text = f"The value for {missing} was not specified or out of range"
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, text)
        with self._bench.lock:
            instruments = self._service.instruments_of(request)
        try:
            self._require_connected(instruments)
            with self._calls.answering(context.is_active), self._bench.lock:
                if self._ended.is_set():  # a server that was stopped changes nothing any more
                    raise Abandoned
                reply = method(request)
            self._require_connected(instruments)
        except Abandoned:
            context.abort(grpc.StatusCode.CANCELLED, "the client has disconnected or the server is stopping")
        except DaqmxFailure as failure:
            return _abort(context, failure.code, failure.text, failure.samples_read)
        self._delay_reply(instruments, context)
        return reply

    def _admits(self, peer: str) -> bool:
        """Whether a client (`ipv4:HOST:PORT`) may command the boards. The answer expires, because ports are reused."""
        kind, _, address = peer.partition(":")
        if kind != "ipv4" or time.monotonic() < self._admitted.get(peer, 0.0):
            return True
        host, _, port = address.rpartition(":")
        if not is_same_user((host, int(port)), self._listening):
            return False
        if len(self._admitted) > _MOST_ADMITTED:
            self._admitted.clear()
        self._admitted[peer] = time.monotonic() + _ADMITTED_S
        return True

    def _require_connected(self, instruments: Sequence[str]) -> None:
        if any(self._bench.faults.active(name, ConnectionFault) for name in instruments):
            raise DaqmxFailure(DAQmxErrors.DEV_CANNOT_BE_ACCESSED)

    def _delay_reply(self, instruments: Sequence[str], context: grpc.ServicerContext) -> None:
        """Delay or suppress the reply to a call that has been executed, if the configured faults say so."""
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
    """Convert every enum of a request to its number, in `<field>_raw`.

    Clients may send an enum by name (`sample_mode`) or by number (`sample_mode_raw`): NI's `nidaqmx` sends numbers,
    NI's gRPC examples names. The values of the named enums served here are the numbers.

    Returns
    -------
    str or None
        Name of an enum that the client did not send, if any.
    """
    for choice in request.DESCRIPTOR.oneofs:
        given = request.WhichOneof(choice.name)
        if given is None:
            return choice.name.removesuffix("_enum")
        if f"{given}_raw" in request.DESCRIPTOR.fields_by_name:
            setattr(request, f"{given}_raw", getattr(request, given))
    return None


def _by_name(devices: Sequence[VirtualDevice], bench: VirtualBench) -> dict[str, VirtualDevice]:
    """Devices by casefolded name. A board used as two instruments (inputs and outputs) is listed twice and merged."""
    boards: dict[str, VirtualDevice] = {}
    for device in devices:
        other = boards.get(device.name.casefold())
        if other is not None:
            drives = any(channel.startswith(f"{device.instrument}/") for channel in bench.world.wiring.sources)
            inputs, outputs = (other, device) if drives else (device, other)
            own = {key: getattr(outputs, key) for key in OF_OUTPUTS}
            device = replace(inputs, ao_instrument=outputs.instrument, **own)
        boards[device.name.casefold()] = device
    return boards


def _abort(context: grpc.ServicerContext, code: int, text: str, samples_read: int | None) -> NoReturn:
    """End the call like NI's server, with the error in the trailing metadata."""
    metadata = [("ni-error", str(code))]
    if samples_read is not None:
        metadata.append(("ni-samps-per-chan-read", str(samples_read)))
    context.set_trailing_metadata(tuple(metadata))
    context.abort(grpc.StatusCode.UNKNOWN, text)
