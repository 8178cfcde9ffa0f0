"""The gRPC channel to an NI device server: deadlines, large replies, and safe handling of Ctrl-C.

NI's package sets no deadlines, so a hanging server would hang the caller, and gRPC's limit of 4 MB per message would
break a read of 16 channels × 100 000 samples. Ctrl-C inside the gRPC library can leave one of its locks held forever,
so calls from the main thread run in a worker thread, which receives no signals: Ctrl-C ends the wait for the reply,
while the call itself continues until its deadline.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import grpc
from typing_extensions import override

from labrig_drivers.worker_thread import PendingCall, WorkerThread

DEADLINE_S = 3.0
"""Deadline of a call beyond its own timeout (s). Creating a task takes about 20 ms."""

SILENT_S = 1.0
"""Deadline of calls after an unanswered call, until a call is answered (s): `make_safe` and `close` make a dozen."""

OPTIONS = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_http_proxy", 0),  # http_proxy is for the web; gRPC would ask the proxy even for 127.0.0.1
]

UNFINISHED_S = 0.3
"""Longest wait for a call that Ctrl-C or a signal handler left unfinished (s); it could still act after the next."""


class BoundedChannel(grpc.Channel):
    """A channel whose unary calls have deadlines. NI's package makes no other calls.

    Parameters
    ----------
    address
        `host:port` of the server.
    """

    def __init__(self, address: str) -> None:
        self._inner = grpc.insecure_channel(address, options=OPTIONS)
        self._worker = WorkerThread(f"gRPC {address}")
        self._main_call: PendingCall | None = None  # the last call of the main thread
        self._deadline_s = DEADLINE_S

    @override
    def unary_unary(self, *arguments: Any, **options: Any) -> Any:
        call = self._inner.unary_unary(*arguments, **options)

        def bounded(request: Any, timeout: float | None = None, **more: Any) -> Any:
            asked = getattr(request, "timeout", 0.0) or getattr(request, "time_to_wait", 0.0)
            deadline_s = self._deadline_s + asked if timeout is None else timeout
            return self._run(lambda: self._adapt_deadline(lambda: call(request, timeout=deadline_s, **more)))

        return bounded

    def _run(self, call: Callable[[], Any]) -> Any:
        """Make a call, in the worker thread if this is the main thread."""
        before, self._main_call = self._main_call, None
        if before is not None:
            before.wait(UNFINISHED_S)
        if threading.current_thread() is not threading.main_thread():
            return call()
        try:
            pending = self._main_call = self._worker.submit(call)
            pending.wait(None)
        except BaseException:
            self._worker.abandon()  # the next call gets a new thread and does not wait for this one
            raise
        self._main_call = None
        return pending.result()

    def _adapt_deadline(self, call: Callable[[], Any]) -> Any:
        """Make a call and set the next deadline by whether it was answered; an error is an answer, too."""
        try:
            reply = call()
        except grpc.RpcError as error:
            # The exceptions gRPC raises are also calls, with a code; its type stubs do not say so.
            late = error.code() == grpc.StatusCode.DEADLINE_EXCEEDED  # type: ignore[attr-defined]
            self._deadline_s = min(SILENT_S, DEADLINE_S) if late else DEADLINE_S
            raise
        self._deadline_s = DEADLINE_S
        return reply

    @override
    def unary_stream(self, *arguments: Any, **options: Any) -> Any:
        return self._inner.unary_stream(*arguments, **options)

    @override
    def stream_unary(self, *arguments: Any, **options: Any) -> Any:
        return self._inner.stream_unary(*arguments, **options)

    @override
    def stream_stream(self, *arguments: Any, **options: Any) -> Any:
        return self._inner.stream_stream(*arguments, **options)

    @override
    def subscribe(self, *arguments: Any, **options: Any) -> Any:
        return self._inner.subscribe(*arguments, **options)

    @override
    def unsubscribe(self, callback: Any) -> Any:
        return self._inner.unsubscribe(callback)

    @override
    def close(self) -> None:
        self._run(self._inner.close)
        self._worker.abandon()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
