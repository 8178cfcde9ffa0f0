"""virtual: serve a configuration's instruments on the loopback interface, connected to one simulated board."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from contextlib import AbstractContextManager, ExitStack
from types import FrameType
from typing import TYPE_CHECKING, Any

from labrig.cli.options import add_config, assembled, file_named
from labrig.errors import LabrigError
from labrig.json_text import json_text

if TYPE_CHECKING:
    from labrig.assembly.benches.wire import Serving

PARENT_EXIT_S = 0.5
"""Longest time between the parent deleting the configuration and its exit being noticed (s)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    serve = actions.add_parser("serve", help="serve until SIGTERM, Ctrl-C, or the terminal closes")
    serve.add_argument("--json", action="store_true", help="one JSON line per endpoint, then ready")
    serve.add_argument("--debug", action="store_true", help="show the traceback of an internal error")
    serve.add_argument("--until-eof", action="store_true", help="also stop when stdin closes")
    serve.add_argument("--fixture", type=file_named, metavar="FILE", help="calibration fixture that replaces the board")
    add_config(serve, bench="wire")
    serve.set_defaults(parser=serve)


def execute(arguments: argparse.Namespace) -> int:
    """Serve until a signal or, with --until-eof, the end of stdin; returns the exit code."""
    from labrig.interrupts import ending_signals

    done = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        if done.is_set():  # second signal: stop at once, whatever the first is waiting for
            os._exit(130)
        done.set()

    with ExitStack() as stack:
        for number in ending_signals():
            stack.callback(signal.signal, number, signal.signal(number, end))
        requests = _Requests(done)
        if arguments.until_eof:
            threading.Thread(target=requests.answer, daemon=True).start()
        instruments = _instruments(arguments, done)
        if instruments is None:
            return 0
        options: dict[str, dict[str, Any]] = {}
        serving = stack.enter_context(instruments)
        requests.serving = serving
        for endpoint in serving.endpoints:
            options[endpoint.name] = dict(endpoint.overrides)
            line = {"name": endpoint.name, "model": endpoint.model, "resource": endpoint.resource}
            _emit(
                arguments,
                {"event": "serving", **line},
                f"{endpoint.name:<10} {endpoint.model:<14} {endpoint.resource}",
            )
        # A separate line, so that each address occurs once in the lines above, for scripts that search them.
        _emit(arguments, {"event": "ready", "options": options}, "ready; press Ctrl-C to stop")
        done.wait()
    return 0


def _instruments(arguments: argparse.Namespace, done: threading.Event) -> AbstractContextManager[Serving] | None:
    """Return the instruments to serve; None if the parent process has exited and deleted the configuration."""
    from dataclasses import replace

    from labrig.assembly.benches.wire import virtual_instruments
    from labrig.calibration.fixture import Fixture

    try:
        # With --until-eof the parent is a wire bench, which has printed the warnings already.
        assembly = assembled(arguments, warn=not arguments.until_eof)
        if arguments.fixture is not None:
            assembly = replace(assembly, fixture=Fixture.from_text(arguments.fixture.read_text(encoding="utf-8")))
        return virtual_instruments(assembly)
    except LabrigError:
        if arguments.until_eof and done.wait(PARENT_EXIT_S):
            return None
        raise


def _emit(arguments: argparse.Namespace, line: dict[str, object], text: str) -> None:
    print(json_text(line) if arguments.json else text, flush=True)


class _Requests:
    """Answers requests of the parent process on stdin, one JSON object per line; `done` is set when stdin closes.

    {"activation": [V, …], "tone": false} requests the exact outputs: {"event": "outputs", "outputs": [V, …]}.
    {"playing": true} requests the state of the sources: {"event": "playing", "now_s": s, "channels": {NAME: {"on":
    bool, "since_s": s}}}; a channel at 0 V or with its output open is not on, and times are on the monotonic clock.
    """

    def __init__(self, done: threading.Event) -> None:
        self._done = done
        self.serving: Serving | None = None

    def answer(self) -> None:
        """Answer until stdin closes."""
        import numpy as np

        try:
            while line := sys.stdin.readline():
                if self.serving is not None and line.strip():
                    asked = json.loads(line)
                    if "playing" in asked:
                        print(json_text({"event": "playing", **self.serving.playing()}), flush=True)
                        continue
                    outputs = self.serving.true_outputs(np.array(asked["activation"]), asked["tone"])
                    print(json_text({"event": "outputs", "outputs": outputs.tolist()}), flush=True)
        finally:  # whatever happens, this process must not outlive its parent
            self._done.set()
