"""Going on with a run over pictures: what an earlier one has done is not done again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sav.runs.events import Note, OnEvent
from sav.runs.pictures.plan import PicturePlan
from sav.runs.pictures.results import PictureResults
from sav.runs.report import Found
from sav.spool import Rows, Spool
from sav.wording import count


def taken_over(plan: PicturePlan, results: PictureResults, on_event: OnEvent) -> tuple[Found, Sequence[int]]:
    """What was found by an earlier run that is gone on with, and which pictures are still to be done."""
    if not plan.resume:
        return Found(), range(len(plan.pictures))
    found = Found()

    def still_to_do() -> Iterator[tuple[int]]:
        nonlocal found
        for position in range(len(plan.pictures)):
            known = results.known(position)
            if known is None:
                yield (position,)
            else:
                found += known

    spool = Spool("CREATE TABLE todo (position INTEGER NOT NULL)")
    spool.add("INSERT INTO todo VALUES (?)", still_to_do())
    todo = Rows(spool, "todo", "position", int)
    on_event(Note(f"going on after {count(len(plan.pictures) - len(todo), 'picture')} of an earlier run"))
    return found, todo
