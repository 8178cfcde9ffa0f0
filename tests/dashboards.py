"""The dashboard as a child process, and requests to it as clients of any kind send them."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from busy import stretched
from websockets.sync.client import ClientConnection, connect


@dataclass(frozen=True)
class Dashboard:
    """A dashboard that is served: its process, port and token."""

    process: subprocess.Popen[str]
    port: int
    token: str

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, headers: Mapping[str, str] = {}) -> tuple[int, dict[str, str], str]:
        """Status, headers and text of an answer; `headers` replace those that a browser would send."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=stretched(40))
        try:
            cookie = f"labrig_dashboard_{self.port}={self.token}"
            connection.putrequest("GET", path, skip_host=True)
            for name, value in {"Host": f"127.0.0.1:{self.port}", "Cookie": cookie, **headers}.items():
                if value:
                    connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read().decode()
        finally:
            connection.close()

    @contextmanager
    def live(self, run: str, headers: Mapping[str, str] = {}) -> Iterator[ClientConnection]:
        """Connect to what a page listens to."""
        given = {"Cookie": f"labrig_dashboard_{self.port}={self.token}", "Origin": self.address, **headers}
        with connect(
            f"ws://127.0.0.1:{self.port}/live/{run}", proxy=None, max_size=None, ping_interval=None,
            additional_headers={key: value for key, value in given.items() if value}, open_timeout=stretched(20),
        ) as socket:  # fmt: skip
            yield socket


@contextmanager
def served(path: Path) -> Iterator[Dashboard]:
    """Serve a run or a folder of runs, and check that Ctrl-C ends it and that nothing went wrong."""
    command = [sys.executable, "-m", "labrig", "dashboard", str(path), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            address = urlsplit(json.loads(process.stdout.readline())["address"])
            assert address.port is not None
            yield Dashboard(process, address.port, parse_qs(address.query)["token"][0])
            process.send_signal(signal.SIGINT)
            code = process.wait(stretched(20))
            complaints = process.stderr.read()
            assert (code, complaints) == (130, "labrig: interrupted\n"), complaints
        finally:
            process.kill()
