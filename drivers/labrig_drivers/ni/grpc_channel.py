"""The gRPC channel to an NI device server: bounded calls, large replies, and Ctrl-C kept out of the library.

NI's package gives no deadline, so a server that hangs would hang the caller; gRPC's limit of 4 MB a message would end
a read of 16 channels at 100 000 samples. And a Ctrl-C that strikes the main thread between two lines of the library
can leave one of its locks held for ever. So calls of the main thread run in a thread of their own, where no signal
arrives: Ctrl-C ends the wait for the reply, never the call, which goes on until its deadline.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import grpc

from labrig_drivers.thread_apart import Pending, ThreadApart

DEADLINE_S = 3.0
"""Longest time a call may take beyond what it was asked to wait. Making a task takes some 20 ms."""

SILENT_S = 1.0
"""The same once a call was not answered, until one is: making safe and closing are a dozen calls."""

UNLIMITED = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]

ABANDONED_S = 0.3
"""How long a call waits for one that Ctrl-C, or a signal handler, has left under way: it could take effect after this
one."""


class BoundedChannel(grpc.Channel):
    """address: host:port. What NI's package asks of a channel; unary calls are bounded, and it makes no others."""

    def __init__(self, address: str) -> None:
        self._inner = grpc.insecure_channel(address, options=UNLIMITED)
        self._apart = ThreadApart(f"gRPC {address}")
        self._under_way: Pending | None = None  # the last call of the main thread
        self._deadline_s = DEADLINE_S

    def unary_unary(self, *arguments: Any, **options: Any) -> Any:
        call = self._inner.unary_unary(*arguments, **options)

        def bounded(request: Any, timeout: float | None = None, **more: Any) -> Any:
            asked = getattr(request, "timeout", 0.0) or getattr(request, "time_to_wait", 0.0)
            within = self._deadline_s + asked if timeout is None else timeout
            return self._run(lambda: self._heeded(lambda: call(request, timeout=within, **more)))

        return bounded

    def _run(self, call: Callable[[], Any]) -> Any:
        """What `call` returns or raises. The main thread's calls run apart, other threads run their own."""
        before, self._under_way = self._under_way, None
        if before is not None:
            before.wait(ABANDONED_S)
        if threading.current_thread() is not threading.main_thread():
            return call()
        try:
            pending = self._under_way = self._apart.submit(call)
            pending.wait(None)
        except BaseException:
            self._apart.end()  # the next call gets a new thread: nothing waits behind what was given up
            raise
        self._under_way = None
        return pending.result()

    def _heeded(self, call: Callable[[], Any]) -> Any:
        """The call, and whether it was answered, were it with an error."""
        try:
            reply = call()
        except grpc.RpcError as error:
            # What gRPC raises is a call, too; its typing does not say so.
            late = error.code() == grpc.StatusCode.DEADLINE_EXCEEDED  # type: ignore[attr-defined]
            self._deadline_s = min(SILENT_S, DEADLINE_S) if late else DEADLINE_S
            raise
        self._deadline_s = DEADLINE_S
        return reply

    def unary_stream(self, *arguments: Any, **options: Any) -> Any:
        return self._inner.unary_stream(*arguments, **options)

    def stream_unary(self, *arguments: Any, **options: Any) -> Any:
        return self._inner.stream_unary(*arguments, **options)

    def stream_stream(self, *arguments: Any, **options: Any) -> Any:
        return self._inner.stream_stream(*arguments, **options)

    def subscribe(self, *arguments: Any, **options: Any) -> Any:
        return self._inner.subscribe(*arguments, **options)

    def unsubscribe(self, callback: Any) -> Any:
        return self._inner.unsubscribe(callback)

    def close(self) -> None:
        self._run(self._inner.close)
        self._apart.end()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
