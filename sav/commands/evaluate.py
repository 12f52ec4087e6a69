"""Compare a run with ground truth: mIoU, precision and recall of masks, HOTA, MOTA and IDF1 of tracks."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from sav.commands import cli, flags
from sav.commands.arguments import Parser, place, shorten
from sav.commands.console import tell, tell_error, tell_note
from sav.errors import DONE, PARTLY_DONE, EvaluationError, PackageMissingError
from sav.wording import count

if TYPE_CHECKING:
    from sav.evaluate.compare import Comparison, TrackScores
    from sav.evaluate.masks import MaskScore, MaskScores

_TRACK_COLUMNS = {
    "hota": "HOTA", "deta": "DetA", "assa": "AssA", "mota": "MOTA", "idf1": "IDF1", "switches": "IDSW",
    "false_positives": "FP", "misses": "FN", "ids": "IDs", "true_ids": "true IDs",
}  # fmt: skip
_MASK_COLUMNS = {
    "mean_iou": "mIoU", "precision": "precision", "recall": "recall", "matched_iou": "IoU of matches",
    "true": "true", "found": "found", "matched": "matched",
}  # fmt: skip


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's flags."""
    parser = Parser(main_flag="--json", description=__doc__)
    parser.add_argument("run", type=place, metavar="RUN",
                        help="the folder of a run's results, the video that it wrote, coco.json or"
                             " mot.txt")  # fmt: skip
    parser.add_argument("truth", type=place, metavar="TRUTH",
                        help="COCO instances JSON, MOTChallenge's gt.txt, or the folder of a sequence, or of"
                             " several")  # fmt: skip
    parser.add_argument("--json", type=place, metavar="FILE", help="also write the scores here")
    flags.add_program_flags(parser.add_argument_group("general"))
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> int:
    """Compare what can be compared, and print a table of it."""
    from sav.evaluate.compare import compare

    comparison = compare(Path(args.run), Path(args.truth))
    if args.json:
        _check_free(Path(args.json), comparison)
    scores, status = dict[str, Any](), DONE
    if masks := comparison.score_masks():
        tell(_table(f"masks, {count(masks.pictures, 'picture')}", _MASK_COLUMNS, list(_mask_rows(masks)), 3))
        _tell_what_is_left_out(masks)
        scores["masks"] = _masks_as_json(masks)
    try:
        if tracks := comparison.score_tracks():
            tell(_table("tracks, percent", _TRACK_COLUMNS, list(_track_rows(tracks)), 1))
            if tracks.frames_without_truth:
                tell_note(f"left out: {count(tracks.frames_without_truth, 'frame')} without ground truth")
            if tracks.frames_not_found:
                frames = count(tracks.frames_not_found, "true frame")
                tell_note(f"left out: {frames} that the run does not have")
            scores["tracks"] = dataclasses.asdict(tracks)
    except PackageMissingError as error:
        if not masks:
            raise
        tell_error(error)
        status = PARTLY_DONE
    if args.json:
        _write(Path(args.json), scores)
    return status


def _check_free(path: Path, comparison: Comparison) -> None:
    """Check that the scores can be written at `path`, and replace nothing that they are made from.

    Raises:
        EvaluationError: If they would.
        OSError: If they cannot be written.
    """
    from sav.files import check_folder

    check_folder(path.absolute().parent)
    if path.resolve() in {file.resolve() for file in comparison.files}:
        raise EvaluationError(f"--json {path} would replace what is evaluated; give another name")


def _tell_what_is_left_out(masks: MaskScores) -> None:
    if masks.pictures_without_truth:
        tell_note(f"left out: {count(masks.pictures_without_truth, 'picture')} without ground truth")
    if masks.pictures_not_found:
        tell_note(f"left out: {count(masks.pictures_not_found, 'true picture')} that the run does not have")
    if masks.classes_without_truth:
        names = ", ".join(map(shorten, masks.classes_without_truth))
        tell_note(f"left out: objects of classes that the ground truth does not have: {names}")
    if masks.classes_not_known:
        names = ", ".join(map(shorten, masks.classes_not_known))
        tell_note(f"counted as not found: objects of classes that the run does not have: {names}")


def _mask_rows(masks: MaskScores) -> Iterator[tuple[str, dict[str, Any]]]:
    """A row a class that has objects, and one of all."""
    for name, score in masks.classes.items():
        if score.true or score.found:
            yield name, _mask_row(score)
    yield "all", _mask_row(masks.all)


def _mask_row(score: MaskScore) -> dict[str, Any]:
    return {column: getattr(score, column) for column in _MASK_COLUMNS}


def _masks_as_json(masks: MaskScores) -> dict[str, Any]:
    left_out = {
        field.name: getattr(masks, field.name)
        for field in dataclasses.fields(masks)
        if field.name != "classes"
    }
    classes = {name: _mask_row(score) for name, score in masks.classes.items()}
    return {"all": _mask_row(masks.all), "classes": classes, **left_out}


def _track_rows(tracks: TrackScores) -> Iterator[tuple[str, dict[str, Any]]]:
    """A row a sequence, and one of all if there are several."""
    for name, score in tracks.sequences.items():
        yield name, dataclasses.asdict(score)
    if len(tracks.sequences) > 1:
        yield "all", dataclasses.asdict(tracks.all)


def _table(
    title: str, columns: Mapping[str, str], rows: Sequence[tuple[str, dict[str, Any]]], digits: int
) -> str:
    """Numbers in columns under their headers, a row a name."""
    width = max(len(title), *(len(shorten(name)) for name, _ in rows))
    lines = [(title, list(columns.values()))]
    lines += [(shorten(name), [_cell(row[column], digits) for column in columns]) for name, row in rows]
    widths = [max(len(cells[place]) for _, cells in lines) for place in range(len(columns))]
    return "\n".join(
        f"{name:<{width}}" + "".join(f"  {cell:>{space}}" for cell, space in zip(cells, widths, strict=True))
        for name, cells in lines
    )


def _cell(value: float | None, digits: int) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.{digits}f}"


def _write(path: Path, scores: dict[str, Any]) -> None:
    from sav.files import whole_file

    with whole_file(path) as partial:
        partial.write_text(json.dumps(scores, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 if all was done, 1 if part of it, 2 if none."""
    return cli.guarded(run, parse(argv))


def script() -> NoReturn:
    """Run the command as a program of its own."""
    cli.script(main, is_all_said=True)
