"""A page that is gone is noticed, however its connection ended."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("starlette")

from sav.web.presence import Presence


@pytest.mark.parametrize("ending", [None, OSError, asyncio.CancelledError])
@pytest.mark.parametrize(
    ("path", "left"), [("/gradio_api/heartbeat/abc1", ["abc1"]), ("/gradio_api/queue/data", []), ("/", [])]
)
def test_who_is_gone_is_told_when_the_heartbeat_ends_and_not_before(path, left, ending):
    gone = []

    async def app(scope, receive, send):
        assert not gone
        if ending:
            raise ending

    async def serve():
        try:
            await Presence(app, gone.append)({"type": "http", "path": path}, None, None)
        except (OSError, asyncio.CancelledError):
            assert ending

    asyncio.run(serve())
    assert gone == left
