"""dashboard: show runs in a browser, live; only this computer can see it."""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labrig.cli.options import DEFAULT_RUNS_DIR, add_runs_dir, count, folder_named
from labrig.json_text import json_text

_ENDING_S = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "path",
        nargs="?",
        type=folder_named,
        metavar="RUN | RUNS_DIR",
        help="a run, or a folder of runs (default: runs)",
    )
    add_runs_dir(parser)
    parser.add_argument("--port", type=count, default=0, metavar="N", help="port (default: any that is free)")
    parser.add_argument("--open", action="store_true", help="open the page in the default browser")
    parser.add_argument("--until-eof", action="store_true", help="end when stdin closes, as when the parent exits")


def execute(arguments: argparse.Namespace) -> int:
    """Print the address and serve the dashboard until Ctrl-C."""
    from labrig.dashboard.serving import serve
    from labrig.dashboard.views import views_of
    from labrig.runs.folder import run_at

    path: Path = arguments.path or arguments.runs_dir
    run = run_at(path, arguments.runs_dir)

    def ready(address: str) -> None:
        line = {"event": "dashboard", "address": address}
        end = "" if arguments.until_eof else "\n(Ctrl-C ends it)"  # beside a run, Ctrl-C is for the run
        print(json_text(line) if arguments.json else f"dashboard: {address}{end}", flush=True)
        if arguments.open:  # a browser may take long, or return only when it is closed
            threading.Thread(target=_open, args=(address,), daemon=True).start()

    if run is None and path == DEFAULT_RUNS_DIR:
        path.mkdir(parents=True, exist_ok=True)  # a run may begin later
    until = sys.stdin.read if arguments.until_eof else None
    serve(views_of(path if run is None else run.path), arguments.port, ready, until)
    return 0


def _open(address: str) -> None:
    import webbrowser

    if not webbrowser.open(address):
        print("labrig: no browser was found: open the address by hand", file=sys.stderr, flush=True)


@contextmanager
def beside(runs_dir: Path) -> Iterator[None]:
    """Show the runs of a folder in the browser while the context is open, by means of a child process."""
    runs_dir.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-P", "-m", "labrig", "dashboard", str(runs_dir), "--open", "--until-eof"]
    # A session of its own: Ctrl-C is meant for the run, which still has a step to finish and something to show.
    shown = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=sys.stderr.fileno(), start_new_session=True)
    try:
        yield
    finally:
        try:
            shown.communicate(timeout=_ENDING_S)
        except subprocess.TimeoutExpired:
            shown.kill()
            shown.wait()
