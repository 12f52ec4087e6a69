"""The desk where visitors are served: what they drop, ask for and click, and what they are told meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from sav.data.types import Frame
from sav.errors import SavError, SettingError
from sav.looks import PARTS
from sav.media.pictures import read_picture, readable
from sav.web.clicks import MASK, Click
from sav.web.config import WebConfig
from sav.web.film import Film
from sav.web.line import Job, Line
from sav.web.models import Checkpoints, LoadedModels
from sav.web.picture import Picture
from sav.web.result import Result
from sav.web.results import Opening, Results
from sav.web.said import Said, selected
from sav.web.service import Service, discreet
from sav.web.uploads import PICTURE, VIDEO, check_video, kind_of_upload
from sav.web.work import Wish, find_in_picture, find_in_video, mask_at
from sav.wording import count


class Desk:
    """Serves all visitors; what takes the models waits in one line.

    Attributes:
        config: What visitors may ask for.
        checkpoints: What they may choose from.
        results: What they got.
    """

    def __init__(self, config: WebConfig, checkpoints: Checkpoints, models: LoadedModels, root: Path) -> None:
        """Open the desk; `root` is an empty folder for uploads and results."""
        self.config, self.checkpoints = config, checkpoints
        self.results = Results(root)
        self._service = Service()
        self._models = models

    def close(self) -> None:
        """End all work."""
        self._service.close()

    @property
    def line(self) -> Line:
        """Where visitors wait whose wish takes the models."""
        return self._service.line

    async def open(self, visitor: str, path: str | None) -> AsyncIterator[Said]:
        """Look at a file that was dropped, and show it."""
        self.line.stop(visitor)
        opening = self.results.expect(visitor)
        try:
            yield Said("reading the file" if path else "", clears=True)
            if path is None:
                return
            said = await self._service.answered(lambda: self._opened(opening, Path(path)), Path(path))
            if not opening.is_left:
                yield said
        finally:
            self.results.expect_no_more(opening)

    async def find(self, visitor: str, token: str, wish: Wish) -> AsyncIterator[Said]:
        """Have the models look at the file, and tell how far they are."""
        result = self._known(token)
        if isinstance(result, Said):
            yield result
            return
        do = self._in_picture if result.kind == PICTURE else self._in_video
        async for said in self._service.served(visitor, lambda job: do(job, result, wish), result):
            yield said

    async def act(self, visitor: str, token: str, wish: Wish, said: Any) -> AsyncIterator[Said]:
        """Do what a click on the picture or on its table asks for."""
        result = self._known(token)
        if isinstance(result, Said):
            yield result
            return
        try:
            click = Click.read(said)
        except SettingError as error:
            yield Said(str(error), is_error=True)
            return
        if click.do == MASK:
            work = partial(self._mask, result=result, wish=wish, click=click)
            async for answer in self._service.served(visitor, work, result):
                yield answer
        else:
            yield await self._service.answered(lambda: self._changed(result, click), result.upload)

    async def draw(self, token: str, parts: Iterable[str]) -> Said:
        """Draw a picture with these of `PARTS`."""
        shown: dict[str, Any] = {part: part in parts for part in PARTS}
        known = self._known(token)
        if isinstance(known, Said) or known.kind != PICTURE:
            return Said()

        def drawn(picture: Picture) -> Picture:
            return replace(picture, draw=replace(picture.draw, **shown))

        return await self._service.answered(
            lambda: Said(result=self.results.change(token, drawn)), known.upload
        )

    def stop(self, visitor: str) -> None:
        """Stop what the visitor has at work; of a video, what is done is saved."""
        self.line.stop(visitor)

    def leave(self, visitor: str) -> None:
        """The visitor has closed the page: stop, and free the memory."""
        self.line.stop(visitor)
        self.results.let_go(visitor)

    def _known(self, token: str) -> Result | Said:
        try:
            return self.results.get(token)
        except SavError as error:
            return Said(str(error) if token else "drop a picture or a video first", is_error=True)

    def _opened(self, opening: Opening, path: Path) -> Said:
        kind = kind_of_upload(path)
        if kind == VIDEO:
            check_video(path, self.config)
            result = self.results.add(opening.visitor, path, kind, opening=opening)
            return Said("a video: press Segment", result=result, at_work=False)
        image = read_picture(path, self.config.max_megapixels)
        frame = Frame(image, name=readable(path.name))
        result = self.results.add(opening.visitor, path, kind, Picture.untouched(frame), opening)
        height, width = frame.size_hw
        line = f"{width}x{height} pixels: press Segment, or point at things"
        return Said(line, result=result, at_work=False)

    def _in_picture(self, job: Job, result: Result, wish: Wish) -> Said:
        scene = find_in_picture(job, self._models, result, wish)
        changed = self.results.change(result.token, lambda picture: picture.with_found(scene))
        line = count(len(scene.objects), "object")
        if wish.everything:
            line += f" and {count(len(scene.regions), 'unlabelled region')}"
        if kept := int(changed.known.is_pointed.sum()):
            line += f"; {kept} that you pointed at stay{'s' if kept == 1 else ''}"
        return Said(line, result=changed)

    def _in_video(self, job: Job, result: Result, wish: Wish) -> Said:
        done = find_in_video(job, self._models, result, wish, self.config)
        report = done.report
        result.done(Film.of(report.saved[0], result.upload))
        line = f"{count(report.done, 'frame')}, {count(report.found.objects, 'object')}"
        if job.is_stopped:
            line += "; stopped: the video ends there"
        elif report.problem:
            line += f"; {report.problem}"
        lines = [line, *done.lines] if not job.is_stopped else [line]
        return Said("; ".join(discreet(one, result.upload) for one in lines), result=result)

    def _mask(self, job: Job, result: Result, wish: Wish, click: Click) -> Said:
        place = click.within(result.known.scene.size_hw)
        masks, boxes = mask_at(job, self._models, result, wish, place)
        if not masks.areas.all():
            raise SettingError("SAM finds nothing there")
        changed = self.results.change(result.token, lambda known: known.with_masks(masks, boxes, click.name))
        return Said(f"{click.name}: {count(int(masks.areas[0]), 'pixel')}", result=changed)

    def _changed(self, result: Result, click: Click) -> Said:
        """The picture, or the frame at which a video is paused, after a click that needs no model."""
        if result.kind == VIDEO:
            changed, number = self.results.pause(result.token, click)
        else:
            changed = self.results.change(result.token, lambda picture: picture.after(click))
            number = int(changed.known.chosen.sum())
        return Said(selected(number), result=changed)
