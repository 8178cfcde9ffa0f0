"""`labrig virtual serve` as a child process, as used with other programs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def serving(config: str, *more: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Serve a configuration; yields the process and the resource of each instrument by name."""
    command = [sys.executable, "-m", "labrig", "virtual", "serve", config, "--json", *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            resources = {}
            for line in child.stdout:
                event = json.loads(line)
                if event["event"] == "ready":
                    break
                assert event["event"] == "serving", line
                resources[event["name"]] = event["resource"]
            yield child, resources
        finally:
            child.kill()


@contextmanager
def served(config: str, *more: str) -> Iterator[dict[str, str]]:
    """Serve a configuration, yield the resource of each instrument by name, and check that SIGTERM ends it cleanly."""
    with serving(config, *more) as (child, resources):
        try:
            yield resources
        finally:
            child.send_signal(signal.SIGTERM)
            code = child.wait(10)
        assert code == 0


def grpc_address(resource: str) -> tuple[str, str, str]:
    """Host, port and device of `grpc://HOST:PORT/DEVICE`."""
    address, _, device = resource.removeprefix("grpc://").partition("/")
    host, _, port = address.rpartition(":")
    return host, port, device
