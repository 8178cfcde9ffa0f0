"""Access control: the token of this start of the dashboard, and the origin of a request. Starlette checks the host.

A page of another site can send requests to this computer. But it cannot know the token, its requests carry its own
origin, and a host name that it resolves to this computer is not in the list of allowed hosts.

Another user of this computer cannot know the token either, with one exception: with `--open` (and `labrig run
--dashboard`) the address is an argument of the browser's command line, which other users can list as long as that
command runs. On a computer that is shared, open the printed address by hand.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS = ("127.0.0.1", "localhost")
COOKIE = "labrig_dashboard"
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'; "
    "object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Headers of every answer that does not have its own."""


def new_token() -> str:
    """Return a token for one start of the dashboard."""
    return secrets.token_urlsafe(32)


@dataclass
class Guard:
    """Answers 401 to requests without the token and 403 to pages of another origin; passes on all other requests.

    The token comes in the address once, `?token=…`; it is then kept in a cookie and disappears from the address.

    Parameters
    ----------
    app
        The application that it protects.
    token
        The token that requests must carry.
    port
        Port of the dashboard, which is part of its own origins.
    """

    app: ASGIApp
    token: str
    port: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refused = self._refused(HTTPConnection(scope))
        if refused is not None:
            if scope["type"] == "websocket":
                await receive()  # websocket.connect comes before an answer
            await refused(scope, receive, _with_headers(send))
            return
        await self.app(scope, receive, _with_headers(send))

    def _refused(self, asked: HTTPConnection) -> Response | None:
        """Return the answer to a request that is refused; None if the request is passed on."""
        in_address = asked.query_params.get("token")
        if not self._knows(asked.cookies.get(self._cookie) if in_address is None else in_address):
            return PlainTextResponse("401: open the address that labrig dashboard printed\n", 401)
        origin = asked.headers.get("origin")
        if (origin is not None or asked.scope["type"] == "websocket") and origin not in self._origins:
            return PlainTextResponse("403: this page is not part of the dashboard\n", 403)
        if in_address is None or asked.scope["type"] == "websocket":
            return None
        rest = urlencode([pair for pair in asked.query_params.multi_items() if pair[0] != "token"])
        answer = RedirectResponse(asked.url.path + (f"?{rest}" if rest else ""), 303)
        answer.set_cookie(self._cookie, self.token, httponly=True, samesite="strict")
        return answer

    def _knows(self, given: str | None) -> bool:
        """Compare in constant time, so that the time of an answer tells nothing about the token."""
        return secrets.compare_digest((given or "").encode(), self.token.encode())

    @property
    def _cookie(self) -> str:
        """Name of the cookie. Cookies are shared by all ports of a host, so the port is in its name."""
        return f"{COOKIE}_{self.port}"

    @property
    def _origins(self) -> tuple[str, ...]:
        return tuple(f"http://{host}:{self.port}" for host in HOSTS)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
