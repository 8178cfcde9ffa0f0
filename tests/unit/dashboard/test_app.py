"""The socket of a page: a fault in it comes to light, and a page that has gone is no fault."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

import pytest

import labrig
from labrig.dashboard.app import application
from labrig.dashboard.following import Following
from labrig.dashboard.views import Views

PORT = 4711
SCOPE = {
    "type": "websocket",
    "path": "/live/run",
    "query_string": b"token=secret",
    "headers": [(b"host", b"127.0.0.1:4711"), (b"origin", b"http://127.0.0.1:4711")],
    "subprotocols": [],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    labrig.train("xor.yaml", run_dir=folder / "run", plots=False, settings={"learning.epochs": 1})
    return folder


def listen(runs: Path, sent: Callable[[str], None], heard: Callable[[], bool]) -> None:
    """Listen as a page does that is told by `sent`, until `heard` says that it goes."""

    async def page() -> None:
        begun = False

        async def receive() -> dict[str, Any]:
            nonlocal begun
            if not begun:
                begun = True
                return {"type": "websocket.connect"}
            while not heard():
                await asyncio.sleep(0.01)
            return {"type": "websocket.disconnect", "code": 1001}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent(message["type"])

        await asyncio.wait_for(application(Views(runs), "secret", PORT)(dict(SCOPE), receive, send), 20)

    asyncio.run(page())


def test_a_page_is_told_until_it_goes(runs: Path) -> None:
    told: list[str] = []
    listen(runs, told.append, lambda: "websocket.send" in told)
    assert told == ["websocket.accept", "websocket.send"]


def test_a_page_that_went_without_a_word_is_no_fault(runs: Path) -> None:
    def sent(what: str) -> None:
        if what == "websocket.send":
            raise ConnectionResetError

    listen(runs, sent, lambda: False)


def test_a_fault_is_not_kept_quiet(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*counts: int) -> dict[str, Any]:
        raise ZeroDivisionError("a fault in labrig")

    monkeypatch.setattr(Following, "since", faulty)
    with pytest.raises(ZeroDivisionError, match="a fault in labrig"):
        listen(runs, lambda what: None, lambda: False)
