"""What stands before the page: who may come in, through which doors, and what a browser is told to refuse."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# All that the page in the browser asks for. Gradio has more doors, such as those to files and to other hosts.
_DOORS = re.compile(
    r"/|/config/?|/theme\.css|/favicon\.ico|/robots\.txt|/manifest\.json|/(static|assets|svelte)/.*"
    r"|/results/[\w-]+/.*"
    r"|/gradio_api/(upload|upload_progress|queue/join|queue/data|cancel|reset/?|app_id/?|info/?"
    r"|startup-events|theme\.css|heartbeat/\w+|run/predict|component_server)"
)
_UPLOAD = "/gradio_api/upload"
# Bytes of what is no upload: a click, a choice.
_MOST_SAID = 1 << 18
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; connect-src 'self';"
    " worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
# Seconds that a wrong password costs.
_WRONG = 1.0


class Guard:
    """An ASGI application around another."""

    def __init__(
        self, app: ASGIApp, password: str, hosts: Sequence[str], has_room: Callable[[], bool] = lambda: True
    ) -> None:
        """Let in who knows the password and asks for one of the hosts; without hosts, for any.

        `has_room` says whether the disk has room for an upload.

        That the name of the host is known keeps other people's pages out of one on this machine, which send a
        browser here under names of their own (DNS rebinding).
        """
        self._app, self._password, self._hosts, self._has_room = app, password, hosts, has_room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        refusal = await self._refusal(scope)
        if refusal is None and scope["method"] == "POST" and scope["path"] != _UPLOAD:
            receive, refusal = await _checked_body(receive)
        if refusal is not None:
            await refusal(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, with_headers)

    async def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if self._hosts and _host(headers.get("host", "")) not in self._hosts:
            return PlainTextResponse("this host is not served here", 400)
        if self._password and not self._knows(headers.get("authorization", "")):
            if "authorization" in headers:
                await asyncio.sleep(_WRONG)
            asked = {"www-authenticate": 'Basic realm="Segment Any Video", charset="UTF-8"'}
            return PlainTextResponse("any name, and the password", 401, asked)
        if not _DOORS.fullmatch(scope["path"]):
            return PlainTextResponse("there is nothing here", 404)
        if scope["path"] == _UPLOAD and not self._has_room():
            return PlainTextResponse("the disk is full: try again later", 507)
        return None

    def _knows(self, authorization: str) -> bool:
        kind, _, coded = authorization.partition(" ")
        try:
            _, _, given = base64.b64decode(coded).partition(b":")
        except (binascii.Error, ValueError):
            return False
        return kind.lower() == "basic" and hmac.compare_digest(given, self._password.encode())


def _host(header: str) -> str:
    """The host in a Host header, without the port."""
    return re.sub(r":\d+$", "", header).strip("[]").lower()


async def _checked_body(receive: Receive) -> tuple[Receive, Response | None]:
    """Read what a browser says; what is too long, or would have the server fetch something, is refused."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return receive, PlainTextResponse("cut short", 400)
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > _MOST_SAID:
            return receive, PlainTextResponse("too long", 413)
    try:
        names_addresses = bool(body) and _names_addresses(json.loads(body))
    except (ValueError, RecursionError):
        names_addresses = False  # no JSON, so Gradio refuses it
    if names_addresses:
        return receive, PlainTextResponse("files come from your machine alone", 400)
    queue: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return queue.pop() if queue else await receive()

    return again, None


def _names_addresses(said: Any) -> bool:
    """Whether there is a file in it that is an address, which Gradio would fetch."""
    if isinstance(said, dict):
        path = said.get("path")
        if isinstance(path, str) and "://" in path:
            return True
        return any(map(_names_addresses, said.values()))
    return isinstance(said, list) and any(map(_names_addresses, said))
