"""virtual: serve the instruments of a configuration on loopback, for any client, around one simulated board."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from contextlib import ExitStack
from types import FrameType

from labrig.cli.options import add_config, assembled


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    serve = actions.add_parser("serve", help="serve until SIGTERM or Ctrl-C")
    serve.add_argument("--json", action="store_true", help="one JSON line per endpoint, then ready")
    serve.add_argument("--debug", action="store_true", help="show the traceback of an internal error")
    serve.add_argument("--until-eof", action="store_true", help="end when stdin closes, too")
    add_config(serve, bench="wire")


def execute(arguments: argparse.Namespace) -> int:
    from labrig.assembly.wire import virtual_instruments

    done = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        if done.is_set():  # asked twice: whatever the first waits for
            os._exit(130)
        done.set()

    with ExitStack() as stack:
        for number in (signal.SIGTERM, signal.SIGINT):
            stack.callback(signal.signal, number, signal.signal(number, end))
        servers = virtual_instruments(assembled(arguments))
        for server in servers:
            stack.callback(server.stop)
        for server in servers:
            for endpoint in server.start():
                line = {"name": endpoint.name, "model": endpoint.model, "resource": endpoint.resource}
                _say(
                    arguments,
                    {"event": "serving", **line},
                    f"{endpoint.name:<10} {endpoint.model:<14} {endpoint.resource}",
                )
        _say(arguments, {"event": "ready"}, "ready; Ctrl-C ends it")
        if arguments.until_eof:
            threading.Thread(target=_wait_for_eof, args=(done,), daemon=True).start()
        done.wait()
    return 0


def _say(arguments: argparse.Namespace, line: dict[str, str], text: str) -> None:
    print(json.dumps(line) if arguments.json else text, flush=True)


def _wait_for_eof(done: threading.Event) -> None:
    while sys.stdin.readline():
        pass
    done.set()
