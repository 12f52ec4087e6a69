"""The server: the page, the results, and who sweeps up behind them; it calls nobody."""

from __future__ import annotations

import contextlib
import logging
import mimetypes
import os
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from sav.errors import SavError, SettingError
from sav.files import staging_folder
from sav.web.config import LOOPBACK, WebConfig
from sav.web.desk import Desk
from sav.web.guard import Guard
from sav.web.models import LoadedModels, list_checkpoints
from sav.web.presence import Presence
from sav.web.results import Results
from sav.web.uploads import VIDEO

_log = logging.getLogger(__name__)
# Said to Gradio before it is imported: no statistics, no question after newer versions, nothing from a hub.
_SILENT = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
# Seconds between two looks at what is too old.
_SWEEP = 20.0
_NOT_CACHED = {"cache-control": "private, no-store"}


@contextlib.contextmanager
def serving(config: WebConfig, models: LoadedModels | None = None) -> Iterator[Site]:
    """A site that is ready to be asked; its folder and all that is in it go with the block.

    Args:
        config: The settings.
        models: In place of those in the folder, for tests.

    Raises:
        CheckpointError: There are no checkpoints to choose from.
        SettingError: The port is taken, or there is no such address.
    """
    checkpoints = list_checkpoints(config.model_dir)
    listening = _listening(config)
    with (
        listening,
        staging_folder(Path(tempfile.gettempdir()) / "sav-web") as root,
        _environment({**_SILENT, "GRADIO_TEMP_DIR": str(root / "uploads")}),
    ):
        desk = Desk(config, checkpoints, models or LoadedModels(checkpoints, config), root)
        ended = threading.Event()
        sweeper = threading.Thread(target=_sweep, args=(desk.results, ended), name="sweeper", daemon=True)
        sweeper.start()
        try:
            yield Site(desk, listening)
        finally:
            ended.set()
            desk.close()
            sweeper.join()


@contextlib.contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Settings that Gradio reads from the environment, for as long as the block lasts."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class Site:
    """A server that is ready.

    Attributes:
        desk: Where visitors are served.
        address: Where it can be seen.
    """

    def __init__(self, desk: Desk, listening: socket.socket) -> None:
        """Put the page, the results and the guard together."""
        import uvicorn

        self.desk = desk
        self._socket = listening
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        self.address = f"http://{shown}:{port}"
        settings = uvicorn.Config(
            make_app(desk), log_level="warning", ws="none", timeout_graceful_shutdown=2, server_header=False
        )
        self._server = uvicorn.Server(settings)

    def run(self) -> None:
        """Serve until a signal, or `stop`, ends it."""
        self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Have `run` return soon."""
        self._server.should_exit = True


def make_app(desk: Desk) -> Any:
    """The page behind its guard, as an ASGI application."""
    import gradio as gr

    from sav.web.page import make_page, style, theme

    async def result(request: Request) -> Response:
        return await run_in_threadpool(_result, desk.results, request.path_params)

    app: Any = Starlette(
        routes=[Route("/results/{token}/{what}", result), Route("/results/{token}/files/{name}", result)]
    )
    gr.mount_gradio_app(
        app,
        make_page(desk),
        path="",
        footer_links=[],
        run_history=False,
        max_file_size=int(desk.config.max_megabytes * 1e6),
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        show_error=False,
        theme=theme(),
        css=style(),
    )
    hosts = LOOPBACK if desk.config.is_local else ()
    present = Presence(app, desk.leave)
    return Guard(present, desk.config.password, hosts, desk.results.has_room)


def _result(results: Results, asked: dict[str, str]) -> Response:
    """A file of a result, or what is shown of it."""
    try:
        found = results.get(asked["token"])
        if "name" in asked:
            path = results.file(found, asked["name"])
            return FileResponse(
                path, filename=asked["name"], headers=_NOT_CACHED, content_disposition_type="inline"
            )
        if asked["what"] == "source" and found.kind == VIDEO:
            kind = mimetypes.guess_type(found.upload.name)[0] or ""
            return FileResponse(
                found.upload,
                media_type=kind if kind.startswith("video/") else "video/mp4",
                headers=_NOT_CACHED,
            )
        if asked["what"] == "glimpse" and found.glimpse:
            return Response(found.glimpse, media_type="image/jpeg", headers=_NOT_CACHED)
        if asked["what"] in ("source", "drawn"):
            content = results.picture_bytes(found, asked["what"] == "source")
            return Response(content, media_type="image/jpeg", headers=_NOT_CACHED)
    except (SavError, OSError) as error:
        return PlainTextResponse(str(error) if isinstance(error, SavError) else "it is gone", 404)
    return PlainTextResponse("there is nothing here", 404)


def _listening(config: WebConfig) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(128)  # who asks before all is ready waits
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise SettingError(
            f"cannot listen at {config.host}, port {config.port}: {error.strerror or error}; give another"
            " --port or --host"
        ) from None
    return listening


def _sweep(results: Results, ended: threading.Event) -> None:
    while not ended.wait(_SWEEP):
        try:
            results.sweep()
        except OSError as error:
            _log.warning("cannot remove what is too old: %s", error)
