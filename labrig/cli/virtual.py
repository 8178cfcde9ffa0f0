"""virtual: serve the instruments of a configuration on loopback, for any client, around one simulated board."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from types import FrameType

from labrig.cli.options import add_config, assembled
from labrig.errors import LabrigError

GONE_S = 0.5
"""How long after its file the end of a parent may be noticed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    serve = actions.add_parser("serve", help="serve until SIGTERM, Ctrl-C, or the terminal closes")
    serve.add_argument("--json", action="store_true", help="one JSON line per endpoint, then ready")
    serve.add_argument("--debug", action="store_true", help="show the traceback of an internal error")
    serve.add_argument("--until-eof", action="store_true", help="end when stdin closes, too")
    add_config(serve)
    serve.set_defaults(parser=serve)


def execute(arguments: argparse.Namespace) -> int:
    from labrig.assembly.wire import virtual_instruments
    from labrig.cli.interrupts import ending_signals

    done = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        done.set()

    for number in ending_signals():
        signal.signal(number, end)
    if arguments.until_eof:
        threading.Thread(target=_wait_for_eof, args=(done,), daemon=True).start()
    try:
        servers = virtual_instruments(assembled(arguments))
    except LabrigError:
        if arguments.until_eof and done.wait(GONE_S):  # whoever began it has gone, and its file too: nobody asks
            return 0
        raise
    try:
        for server in servers:
            for endpoint in server.start():
                line = {"name": endpoint.name, "model": endpoint.model, "resource": endpoint.resource}
                _say(
                    arguments,
                    {"event": "serving", **line},
                    f"{endpoint.name:<10} {endpoint.model:<14} {endpoint.resource}",
                )
        _say(arguments, {"event": "ready"}, "ready; Ctrl-C ends it")
        done.wait()
    finally:
        for server in servers:
            server.stop()
    return 0


def _say(arguments: argparse.Namespace, line: dict[str, str], text: str) -> None:
    print(json.dumps(line) if arguments.json else text, flush=True)


def _wait_for_eof(done: threading.Event) -> None:
    while sys.stdin.readline():
        pass
    done.set()
