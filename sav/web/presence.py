"""Tells when a visitor's page is gone: the heartbeat, one request that lasts as long as the page, ends."""

from __future__ import annotations

import re
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

_HEARTBEAT = re.compile(r"/gradio_api/heartbeat/(\w+)")


class Presence:
    """An ASGI application around another.

    Gradio's own event for that is not sent if the connection ends just while a beat is on its way.
    """

    def __init__(self, app: ASGIApp, leave: Callable[[str], None]) -> None:
        """Call `leave` with the visitor whose page is gone."""
        self._app, self._leave = app, leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        heartbeat = _HEARTBEAT.fullmatch(scope.get("path", ""))
        try:
            await self._app(scope, receive, send)
        finally:
            if heartbeat:
                self._leave(heartbeat[1])
