"""The addresses of the dashboard, as a Starlette application.

| address | answer |
|---|---|
| `/`, `/run/NAME`, `/compare?a=NAME&b=NAME` | a page |
| `/api/runs`, `/api/compare?a=NAME&b=NAME` | what the pages show, as JSON |
| `/report/NAME` | the report of a run as it is now |
| `/live/NAME` | a WebSocket: what is known of the run, then what is added to it, every second |
| `/static/…` | scripts and style |
"""

from __future__ import annotations

import asyncio
from importlib.resources import files
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from labrig.dashboard.access import HOSTS, Guard
from labrig.dashboard.following import Following
from labrig.dashboard.views import Views
from labrig.errors import StorageError
from labrig.json_text import json_text
from labrig.runs.report.page import POLICY

EVERY_S = 1.0
"""Time from one reading of a run's folder to the next (s)."""
STATIC = Path(str(files("labrig.dashboard").joinpath("static")))


def application(views: Views, token: str, port: int) -> Starlette:
    """Return the application for these runs; `port` is the port at which it is served."""

    async def start(request: Request) -> Response:
        if views.only is not None:
            return RedirectResponse(f"/run/{views.only}", 303)
        return FileResponse(STATIC / "runs.html")

    async def runs(request: Request) -> Response:
        return _json(await run_in_threadpool(views.runs))

    async def comparison(request: Request) -> Response:
        names = request.query_params.get("a", ""), request.query_params.get("b", "")
        found = await run_in_threadpool(views.comparison, names)
        return _unknown() if found is None else _json(found)

    async def report(request: Request) -> Response:
        try:
            page = await run_in_threadpool(views.report, request.path_params["name"])
        except StorageError as error:
            return PlainTextResponse(f"{error}\n", 500)
        headers = {"Content-Security-Policy": f"{POLICY}; frame-ancestors 'self'"}
        return _unknown() if page is None else Response(page, media_type="text/html", headers=headers)

    async def live(socket: WebSocket) -> None:
        name = socket.path_params["name"]
        following = await run_in_threadpool(views.follow, name)
        if following is None:
            await socket.send_denial_response(_unknown())
            return
        await socket.accept()
        tasks = [asyncio.create_task(_send(socket, following)), asyncio.create_task(_gone(socket))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception) and not isinstance(ended, WebSocketDisconnect):
                raise ended

    async def run(request: Request) -> Response:
        found = await run_in_threadpool(views.folder, request.path_params["name"])
        return _unknown() if found is None else FileResponse(STATIC / "run.html")

    async def compare(request: Request) -> Response:
        return FileResponse(STATIC / "compare.html")

    return Starlette(
        routes=[
            Route("/", start),
            Route("/run/{name}", run),
            Route("/compare", compare),
            Route("/api/runs", runs),
            Route("/api/compare", comparison),
            Route("/report/{name}", report),
            WebSocketRoute("/live/{name}", live),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=list(HOSTS), www_redirect=False),
            Middleware(Guard, token=token, port=port),
        ],
    )


async def _send(socket: WebSocket, following: Following) -> None:
    """Send what is known of a run, then, every EVERY_S, what was added and what else has changed."""
    steps = evaluations = 0
    before: dict[str, Any] = {}
    while True:
        now = following.since(steps, evaluations)
        added = {"series": now.pop("series"), "evaluations": now.pop("evaluations")}
        changed = {name: value for name, value in now.items() if before.get(name) != value}
        if changed or added["series"]["step"] or added["evaluations"]:
            await socket.send_text(json_text({**changed, **added}))
        steps += len(added["series"]["step"])
        evaluations += len(added["evaluations"])
        before = now
        await asyncio.sleep(EVERY_S)
        await run_in_threadpool(following.look)


async def _gone(socket: WebSocket) -> None:
    """Return when the page has disconnected; its messages are ignored."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


def _json(values: object) -> Response:
    return Response(json_text(values), media_type="application/json")


def _unknown() -> Response:
    return PlainTextResponse("404: there is no such run\n", 404)
