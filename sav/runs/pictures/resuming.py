"""Going on with a run over pictures: what an earlier one has done is not done again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from sav.runs.events import Note, OnEvent
from sav.runs.pictures.plan import PicturePlan
from sav.runs.pictures.results import PictureResults
from sav.runs.report import Found
from sav.spool import Rows, Spool
from sav.wording import count

# Of the reasons why pictures are done again, those that are told, the most frequent first.
_MOST_REASONS = 3


def taken_over(plan: PicturePlan, results: PictureResults, on_event: OnEvent) -> tuple[Found, Sequence[int]]:
    """What was found by an earlier run that is gone on with, and which pictures are still to be done."""
    if not plan.resume:
        return Found(), range(len(plan.pictures))
    found, reasons = Found(), Counter[str]()

    def still_to_do() -> Iterator[tuple[int]]:
        nonlocal found
        for position in range(len(plan.pictures)):
            known = results.known(position)
            if isinstance(known, Found):
                found += known
            else:
                reasons[known] += 1
                yield (position,)

    spool = Spool("CREATE TABLE todo (position INTEGER NOT NULL)")
    spool.add("INSERT INTO todo VALUES (?)", still_to_do())
    results.earlier.note_moved()
    todo = Rows(spool, "todo", "position", int)
    on_event(Note(_line(len(plan.pictures) - len(todo), reasons)))
    return found, todo


def _line(known: int, reasons: Counter[str]) -> str:
    """What is taken over, and why something is done again; pictures without a reason are new."""
    again = [(why, number) for why, number in reasons.most_common() if why]
    told = [f"{number} ({why})" for why, number in again[:_MOST_REASONS]]
    others = sum(number for _, number in again[_MOST_REASONS:])
    told += [f"{others} (for other reasons)"] if others else []
    done_again = f"; done again: {', '.join(told)}" if told else ""
    return f"going on after {count(known, 'picture')} of an earlier run{done_again}"
