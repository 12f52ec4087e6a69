"""The page itself, in Gradio's parts: what is on it, and what happens when something is touched."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import gradio as gr

from sav.web.controls import Controls, make_controls, wish
from sav.web.desk import Desk
from sav.web.film import Film
from sav.web.picture import Picture
from sav.web.result import Result
from sav.web.said import Said
from sav.web.work import Wish

_STATIC = Path(__file__).parent / "static"
_SYSTEM_FONTS = ["system-ui", "sans-serif"]
# The table's first columns, of pictures and videos alike.
_COLUMNS = ("no.", "class", "score")
# Gradio's own signs of progress are left out, for the line above the picture says more.
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def make_page(desk: Desk) -> gr.Blocks:
    """All of it, wired to the desk."""
    with gr.Blocks(title="Segment Any Video", analytics_enabled=False, fill_width=True) as page:
        token = gr.State("")
        gr.HTML("<h1>Segment Any Video</h1>", js_on_load=_read("drop.js"))
        with gr.Row(equal_height=False):
            with gr.Column(scale=1, min_width=300):
                controls = make_controls(desk.config, desk.checkpoints)
            with gr.Column(scale=3, min_width=320):
                status = gr.HTML("", html_template=_read("status.html"), elem_id="sav-status")
                canvas = _canvas()
        events = _Events(desk)
        _wire(events, controls, [canvas, status, token, controls.start, controls.stop])
    # What takes the models waits in the desk's own line, where its place can be told.
    return page.queue(default_concurrency_limit=None)


def theme() -> gr.themes.Base:
    """Colours and fonts; the fonts are the visitor's own, so that nothing is fetched."""
    return gr.themes.Default(font=_SYSTEM_FONTS, font_mono=["ui-monospace", "monospace"])


def style() -> str:
    """CSS for the page as a whole."""
    return _read("page.css")


def _canvas() -> gr.HTML:
    """Where the picture or video is seen and clicked."""
    return gr.HTML(
        {},
        html_template=_read("canvas.html"),
        css_template=_read("canvas.css"),
        js_on_load=_read("canvas.js"),
        elem_id="sav-canvas",
    )


def _wire(events: _Events, controls: Controls, outputs: list[Any]) -> None:
    """Say what happens when something is touched."""
    canvas, _, token, *_ = outputs
    controls.file.change(events.opened, controls.file, outputs, **_QUIET)
    controls.start.click(events.found, [token, *controls.wishes], outputs, **_QUIET)
    controls.stop.click(events.stopped, None, None, queue=False, **_QUIET)
    controls.parts.change(events.drawn, [token, controls.parts], outputs, **_QUIET)
    canvas.act(events.acted, [token, *controls.models], outputs, trigger_mode="multiple", **_QUIET)


class _Events:
    """What happens, visitor by visitor; Gradio reads the types to know who wants to be told of what."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def opened(self, path: str | None, request: gr.Request) -> AsyncIterator[list[Any]]:
        async for said in self._desk.open(_visitor(request), path):
            yield _shown(said)

    async def found(
        self, key: str, detector: str, sam: str, words: str, classes: list[str], extent: str,
        request: gr.Request,
    ) -> AsyncIterator[list[Any]]:  # fmt: skip
        wished = wish(detector, sam, words, classes, extent)
        async for said in self._desk.find(_visitor(request), key, wished):
            yield _shown(said)

    async def acted(
        self, key: str, detector: str, sam: str, words: str, event: gr.EventData, request: gr.Request
    ) -> AsyncIterator[list[Any]]:
        async for said in self._desk.act(
            _visitor(request), key, Wish(detector, sam, words or ""), event._data
        ):
            yield _shown(said)

    async def drawn(self, key: str, parts: list[str]) -> list[Any]:
        return _shown(await self._desk.draw(key, parts))

    def stopped(self, request: gr.Request) -> None:
        self._desk.stop(_visitor(request))


def _visitor(request: gr.Request) -> str:
    return str(request.session_hash)


def _shown(said: Said) -> list[Any]:
    """What the canvas, the line above it, the visitor's key and the two buttons become."""
    if said.result is not None:
        return [on_canvas(said.result), _status(said), said.result.token, *_buttons(said)]
    if said.clears:
        return [{}, _status(said), "", *_buttons(said)]
    return [gr.skip(), _status(said), gr.skip(), *_buttons(said)]


def _buttons(said: Said) -> list[Any]:
    """*Segment*, which can be pressed where there is something to segment, and *Stop*, while that lasts."""
    if said.clears:
        return [gr.update(interactive=False), gr.update(interactive=False)]
    if said.at_work is None:
        return [gr.skip(), gr.skip()]
    return [gr.update(interactive=not said.at_work), gr.update(interactive=said.at_work)]


def _status(said: Said) -> str:
    kind = ' class="wrong"' if said.is_error else ""
    bar = f'<progress max="1" value="{said.share:.3f}"></progress>' if said.share is not None else ""
    return f"<p{kind}>{html.escape(said.line)}</p>{bar}"


def on_canvas(result: Result) -> dict[str, Any]:
    """What the browser needs to know of a result."""
    here = f"results/{result.token}"
    said: dict[str, Any] = {
        "kind": result.kind,
        "token": result.token,
        "source": f"{here}/source",
        "result": "",
        "files": [
            {"title": title, "name": name, "url": f"{here}/files/{name}?{result.version}"}
            for name, title in result.files.items()
        ],
        "columns": [],
        "rows": [],
    }
    if result.is_at_work:
        said["glimpse"] = f"{here}/glimpse?{result.glimpses}"
    if result.film is not None:
        return said | _of_film(result.film, result, here)
    if result.picture is not None:
        return said | _of_picture(result.picture, result, here)
    return said


def _of_picture(picture: Picture, result: Result, here: str) -> dict[str, Any]:
    height, width = picture.scene.size_hw
    rows = [
        _row(row, str(row["area"]), ", ".join(map(str, row["box"]))) | {"left": row["box"][0]}
        for row in picture.table()
    ]
    drawn = f"{here}/drawn?{result.version}" if rows else ""
    columns = [*_COLUMNS, "pixels", "box"]
    return {"width": width, "height": height, "columns": columns, "rows": rows, "result": drawn}


def _of_film(film: Film, result: Result, here: str) -> dict[str, Any]:
    height, width = film.size_hw
    said: dict[str, Any] = {
        "width": width,
        "height": height,
        "result": f"{here}/files/{film.run.name}?{result.made}",
        "columns": [*_COLUMNS, "frames", "seconds"],
        "rows": [
            _row(row, str(row["frames"]), f"{row['first']:.1f} to {row['last']:.1f}")
            | {"first": row["first"], "last": row["last"]}
            for row in film.table()
        ],
    }
    if result.picture is not None and film.chosen.any():
        said["still"] = {"url": f"{here}/drawn?{result.version}", **film.shown_at(result.paused)}
    return said


def _row(row: dict[str, Any], *more: str) -> dict[str, Any]:
    """A row of the table: whether it is selected, what it is called, and its cells."""
    return {
        "chosen": row["chosen"],
        "label": f"{row['name']} {row['number']}",
        "cells": [row["number"], row["name"], f"{row['score']:.2f}", *more],
    }


def _read(name: str) -> str:
    return (_STATIC / name).read_text(encoding="utf-8")
