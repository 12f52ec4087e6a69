"""Runs into a folder that has results, of earlier runs and of the user's own."""

import errno
import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

from sav.errors import DONE, FAILED, PARTLY_DONE, ResultsError
from sav.folder import placing
from sav.folder.ledger import STATE, Ledger
from sav.formats.registry import FORMATS, format_names
from sav.formats.yolo import YoloWriter
from sav.media.pictures import find_pictures, write_picture
from sav.runs.pictures import drawing
from sav.runs.pictures.plan import plan_pictures
from sav.segmenter import Segmenter
from sav.store import About, Store
from tests.runs.stored_runs import done, seen
from tests.stubs import StubDetector, StubSam, picture

ALL = format_names(False)


def run(pictures, out, formats=ALL, detector=None, regions=False, **options):
    """A run as seg.py does it; with `regions` there are `sam/` pictures, though of nothing."""
    found = find_pictures([str(path) for path in pictures])
    plan = plan_pictures(found, out, formats, regions=regions, **options)
    return done(plan, Segmenter(detector or StubDetector(), StubSam(), regions=False))


def names_in(coco):
    return [image["file_name"] for image in json.loads(coco.read_text())["images"]]


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, name in enumerate("abc"):
        write_picture(folder / f"{name}.png", picture(number))
    return sorted(folder.iterdir())


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.mark.parametrize("parts", [[[0], [1], [2]], [[2], [0, 1]], [[0, 1], [1, 2]], [[1], [0, 1, 2]]])
def test_several_runs_give_what_one_gives(pictures, out, tmp_path, parts):
    run(pictures, tmp_path / "one")
    for part in parts:
        assert run([pictures[number] for number in part], out).status == DONE
    assert seen(out) == seen(tmp_path / "one")


def test_a_rerun_gives_the_same_bytes_also_in_what_is_hidden(pictures, out):
    everything = []
    for _ in range(2):
        run(pictures, out)
        files = [path for path in out.rglob("*") if path.is_file() and path.suffix != ".sqlite"]
        with Store.open(out / STATE / "run.sqlite") as store:
            claims = {key: Ledger(out).claim(key) for key in ("", "a", "b", "c")}
            everything.append(({path: path.read_bytes() for path in files}, list(store.scenes()), claims))
    assert everything[0] == everything[1]


def test_a_picture_done_again_replaces_what_there_was_of_it(pictures, out):
    run(pictures, out)
    cut_out = sorted((out / "annotations" / "cutout").glob("b_*"))
    assert len(cut_out) == 2
    write_picture(pictures[1], picture(9))
    assert run(pictures[1:2], out, detector=StubDetector(boxes_xyxy=[(5, 5, 25, 25)])).status == DONE
    assert sorted((out / "annotations" / "cutout").glob("b_*")) == cut_out[:1]
    coco = json.loads((out / "annotations" / "coco.json").read_text())
    assert sorted(annotation["image_id"] for annotation in coco["annotations"]) == [1, 1, 2, 3, 3]


def test_a_label_file_corrected_by_hand_is_kept_by_every_later_run(pictures, out, capsys):
    run(pictures[:1], out)
    mine = out / "annotations" / "labelme" / "a.json"
    mine.write_text('{"corrected": true}')
    assert run(pictures[1:], out).status == DONE
    assert capsys.readouterr().err == ""
    assert run(pictures, out).status == PARTLY_DONE
    assert mine.read_text() == '{"corrected": true}'
    plan = plan_pictures(pictures, out, ALL)
    assert list(plan.kept) == [mine]
    assert [line.partition(":")[0] for line in plan.kept_lines] == [f"{mine} is not as this program wrote it"]
    assert run(pictures, out, overwrite=True).status == DONE
    assert b"corrected" not in mine.read_bytes()


@pytest.mark.parametrize("name", ["coco.json", "csv/objects.csv", "cvat.xml"])
def test_what_tells_of_all_pictures_and_was_changed_is_kept_and_the_rest_is_done(
    pictures, out, tmp_path, name
):
    run(pictures[:1], out)
    path = out / "annotations" / name
    path.write_bytes(mine := path.read_bytes() + b"\n")
    (line,) = plan_pictures(pictures[1:], out, ALL).kept_lines
    assert line.startswith(f"{path} is not as this program wrote it: it is kept") and "--overwrite" in line
    assert run(pictures[1:], out).status == PARTLY_DONE
    run(pictures, tmp_path / "one")
    assert seen(out) == {**seen(tmp_path / "one"), f"annotations/{name}": mine}
    assert run(pictures[1:], out, overwrite=True).status == DONE
    assert seen(out) == seen(tmp_path / "one")


def test_what_was_changed_while_a_run_was_at_work_is_kept_and_nothing_is_lost(pictures, out, capsys):
    plan = plan_pictures(pictures, out, ["coco"])
    (out / "annotations").mkdir(parents=True)
    (out / "annotations" / "coco.json").write_text("mine")
    report = done(plan, Segmenter(StubDetector(), StubSam(), regions=False))
    assert (report.done, report.status) == (3, PARTLY_DONE)
    assert "coco.json is not as this program wrote it" in capsys.readouterr().err
    (out / "annotations" / "coco.json").rename(out / "mine.json")
    run(pictures[:1], out)
    assert names_in(out / "annotations" / "coco.json") == ["a.png", "b.png", "c.png"]


@pytest.mark.parametrize("where", ["our", "mask", "annotations/labelme", "annotations/yolo/images"])
def test_pictures_may_lie_where_results_go(out, where):
    folder = out / where
    folder.mkdir(parents=True)
    own = {}
    for number, name in enumerate(("a.jpg", "a_our.jpg", "a_mask.png", "b.png", "b_our.jpg")):
        write_picture(folder / name, picture(number))
        own[folder / name] = (folder / name).read_bytes()
    for _ in range(2):
        report = run([folder], out, ["coco", "labelme", "yolo"], overwrite=True)
        assert report.wanted == 5
        assert all(path.read_bytes() == content for path, content in own.items())
        plan = plan_pictures(find_pictures([str(folder)]), out, ["coco", "labelme", "yolo"], overwrite=True)
        assert set(plan.kept) <= own.keys()
        assert all("read by this run" in line for line in plan.kept_lines)
    assert sorted(names_in(out / "annotations" / "coco.json")) == sorted(path.name for path in own)


def test_masks_of_the_users_own_are_kept(pictures, out, capsys):
    (out / "mask").mkdir(parents=True)
    (out / "mask" / "a_mask.png").write_text("mine")
    (out / "mask" / "notes.txt").write_text("mine")
    assert run(pictures, out).status == PARTLY_DONE
    found = seen(out)
    assert found["mask/a_mask.png"] == found["mask/notes.txt"] == b"mine"
    assert {"our/a_our.jpg", "mask/b_mask.png"} <= found.keys()


def test_results_are_no_pictures_of_the_next_run(pictures, out):
    run(pictures, out)
    with pytest.raises(ValueError, match="is a result of an earlier run"):
        run([out / "our"], out)
    write_picture(out / "our" / "new.png", picture(7))
    plan = plan_pictures(find_pictures([str(out / "our")]), out, ALL)
    assert [path.name for path in plan.pictures] == ["new.png"]
    assert plan.left_out == 3
    assert run([out / "our"], out.parent / "other").status == DONE


def test_pictures_of_the_same_name_from_two_folders_both_have_results(pictures, out, tmp_path):
    other = tmp_path / "other" / "a.png"
    other.parent.mkdir()
    write_picture(other, picture(8))
    for _ in range(2):
        assert run(pictures[:1], out).status == run([other], out).status == DONE
    assert sorted(path.name for path in (out / "our").iterdir()) == ["a_our.jpg", "a_png_our.jpg"]
    assert names_in(out / "annotations" / "coco.json") == ["a.png", "a.png"]


def test_a_folder_of_pictures_that_was_moved_gives_the_same_results(pictures, out, tmp_path):
    run(pictures, out)
    before = seen(out)
    moved = shutil.move(tmp_path / "pictures", tmp_path / "moved")
    assert run([moved], out).status == DONE
    assert seen(out) == before


def test_results_that_somebody_removed_are_not_told_of(pictures, out):
    run(pictures[:2], out)
    for name in ("our", "mask", "annotations"):
        shutil.rmtree(out / name)
    run(pictures[2:], out)
    assert names_in(out / "annotations" / "coco.json") == ["c.png"]


def test_other_formats_and_removed_ones_tell_of_all_pictures(pictures, out):
    run(pictures[:2], out, ["coco"])
    run(pictures[2:], out, ["csv"])
    assert (out / "annotations" / "csv" / "objects.csv").read_text().count(".png") == 6
    (out / "annotations" / "coco.json").unlink()
    run(pictures[2:], out, ["coco"])
    assert names_in(out / "annotations" / "coco.json") == ["a.png", "b.png", "c.png"]


def test_a_run_of_which_nothing_comes_leaves_what_there_was(pictures, out):
    run(pictures[:2], out)
    before = seen(out)
    pictures[2].write_text("no picture")
    assert run(pictures[2:], out).status == FAILED
    assert seen(out) == before


def test_old_pictures_of_plain_sam_go_unless_somebody_changed_them(pictures, out):
    run(pictures, out, regions=True)
    (out / "sam" / "b_sam.jpg").write_text("mine")
    run(pictures[:2], out)
    assert sorted(path.name for path in (out / "sam").iterdir()) == ["b_sam.jpg", "c_sam.jpg"]
    run(pictures, out)
    assert [path.name for path in (out / "sam").iterdir()] == ["b_sam.jpg"]


def other_detector():
    detector = StubDetector()
    detector.categories = {0: "cat", 1: "bird", 2: "tree"}
    return detector


def test_a_detector_with_other_classes_is_told_before_it_works(pictures, out):
    run(pictures, out)
    before = seen(out)
    detector = other_detector()
    with pytest.raises(ValueError, match=r"other classes, of b\.png for one: give another folder") as raised:
        run([pictures[0], pictures[2]], out, detector=detector)
    assert str(out) in str(raised.value)
    assert detector.configs == []
    assert seen(out) == before


def test_a_detector_with_other_classes_may_do_all_pictures_again(pictures, out, tmp_path):
    run(pictures, out)
    assert run(pictures, out, detector=other_detector()).status == DONE
    run(pictures, tmp_path / "one", detector=other_detector())
    assert seen(out) == seen(tmp_path / "one")


def test_with_overwrite_nothing_tells_of_two_sets_of_classes(pictures, out, tmp_path):
    run(pictures, out)
    assert run(pictures[:1], out, ["coco", "yolo"], other_detector(), overwrite=True).status == DONE
    run(pictures[:1], tmp_path / "one", ["coco", "yolo"], other_detector())
    of_annotations = [
        {name: text for name, text in seen(folder).items() if name.startswith("annotations")}
        for folder in (out, tmp_path / "one")
    ]
    assert of_annotations[0] == of_annotations[1]
    assert (out / "our" / "b_our.jpg").exists()


@pytest.mark.parametrize("pictures_again", [1, 3])
def test_what_belongs_to_a_file_changed_by_hand_stays_with_it(pictures, out, capsys, pictures_again):
    run(pictures, out)
    labels = out / "annotations" / "yolo" / "labels" / "a.txt"
    for path in (labels, out / "annotations" / "labelme" / "a.json"):
        path.write_text(path.read_text() + "\n")
    before = seen(out)
    again = pictures[-pictures_again:]
    assert run(again, out, ["coco"], other_detector(), overwrite=pictures_again == 1).status == DONE
    after = seen(out)
    stay = {"labelme/a.json", "labelme/a.jpg", "yolo/images/a.jpg", "yolo/labels/a.txt", "yolo/classes.txt"}
    stay = {f"annotations/{name}" for name in (*stay, "yolo/dataset.yaml")}
    assert {name for name in after if name.startswith("annotations")} == {*stay, "annotations/coco.json"}
    assert all(after[name] == before[name] for name in stay)
    gone = len(before.keys() - after.keys())
    said = capsys.readouterr().err
    assert f"removed: {gone} annotation files of a detector with other classes" in said

    assert run(again, out, ["coco"], other_detector()).status == DONE
    assert "removed" not in capsys.readouterr().err


@pytest.mark.parametrize("pictures_again", [1, 3])
def test_classes_of_two_detectors_are_not_mixed_for_a_file_changed_by_hand(pictures, out, pictures_again):
    run(pictures, out, ["yolo"])
    labels = out / "annotations" / "yolo" / "labels" / "a.txt"
    labels.write_text(labels.read_text() + "\n")
    before = seen(out)
    with pytest.raises(ResultsError, match=r"labels/a\.txt was changed by hand") as raised:
        run(pictures[-pictures_again:], out, ["yolo"], other_detector(), overwrite=pictures_again == 1)
    assert str(labels) in str(raised.value)
    assert seen(out) == before
    assert run(pictures, out, ["yolo"], other_detector(), overwrite=True).status == DONE


def test_formats_that_tell_of_an_earlier_run_alone_are_named(pictures, out, capsys):
    run(pictures[:2], out, ["coco", "yolo", "labelme"])
    run(pictures[:2], out, ["coco"])
    assert capsys.readouterr().err == ""
    alone = StubDetector(boxes_xyxy=[(5, 5, 25, 25)])
    assert run(pictures[:1], out, ["csv"], alone).status == DONE
    said = capsys.readouterr().err
    assert said.startswith(
        f"note: coco, labelme, yolo in {out / 'annotations'} stay as an earlier run left them"
    )
    assert said.count("\n") == 1
    run(pictures[:1], out, ["coco", "csv", "yolo", "labelme"], alone)
    assert capsys.readouterr().err == ""
    run(pictures[2:], out, ["coco"])
    assert capsys.readouterr().err.startswith("note: csv in ")


@pytest.mark.parametrize("name", ["our", "mask", "annotations", "annotations/yolo", ".sav"])
def test_a_file_in_the_place_of_a_folder_is_told_before_a_run(pictures, out, name):
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("mine")
    with pytest.raises(NotADirectoryError) as raised:
        run(pictures, out)
    assert str(out / name) in str(raised.value)
    assert seen(out) == ({} if STATE in name else {name: b"mine"})


def test_a_picture_that_nobody_foresaw_is_named_and_the_others_are_done(pictures, out, capsys):
    class OddSam(StubSam):
        def embed(self, images_bgr):
            if (images_bgr[0] == picture(1)).all():
                raise KeyError("a bug\nof two lines")
            return super().embed(images_bgr)

    plan = plan_pictures(pictures, out, ALL)
    report = done(plan, Segmenter(StubDetector(), OddSam(), regions=False))
    assert (report.done, report.status) == (2, PARTLY_DONE)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "b.png: KeyError: 'a bug" in said[0]


@pytest.mark.parametrize("broken", ["our", "yolo"])
def test_what_cannot_be_drawn_or_written_of_one_picture_is_named_and_the_rest_is_there(
    pictures, out, capsys, monkeypatch, broken
):
    def fail(*arguments):
        raise RuntimeError("odd")

    if broken == "our":
        monkeypatch.setitem(drawing._DRAW, "our", fail)
    else:
        monkeypatch.setattr(YoloWriter, "_lines", fail)
    report = run(pictures, out)
    assert (report.done, report.status) == (3, PARTLY_DONE)
    said = capsys.readouterr().err
    assert said.count("is left out: RuntimeError: odd") == 3
    found = seen(out)
    assert not [name for name in found if broken in name and not name.endswith(("yaml", "classes.txt"))]
    assert {"mask/a_mask.png", "annotations/coco.json", "annotations/labelme/c.json"} <= found.keys()


def test_a_full_disk_ends_a_run_with_one_line_and_what_is_done_is_whole(pictures, out, capsys, monkeypatch):
    move, refused = placing.rename, []

    def full(source, target):
        if refused or "/b" in target:  # from the second picture on
            refused.append(target)
            raise OSError(errno.ENOSPC, "No space left on device", str(source))
        move(source, target)

    run(pictures[:1], out)
    monkeypatch.setattr(placing, "rename", full)
    report = run(pictures, out)
    assert report.status == PARTLY_DONE
    assert "No space left on device; ended after 1 of 3 pictures" in report.problem
    monkeypatch.undo()
    assert set(names_in(out / "annotations" / "coco.json")) >= {"a.png"}
    assert run(pictures, out).status == DONE


def test_a_damaged_store_ends_a_run_before_it_begins(pictures, out):
    run(pictures, out)
    before = seen(out)
    store = out / STATE / "run.sqlite"
    store.write_bytes(store.read_bytes()[:5000].ljust(9000, b"\xa5"))
    with pytest.raises(ResultsError, match=r"run\.sqlite is damaged.*move it away"):
        run(pictures[:1], out)
    assert seen(out) == before
    store.unlink()
    assert run(pictures, out).status == DONE
    assert seen(out) == before


def test_a_scene_that_is_gone_is_named_until_its_picture_is_done_again(pictures, out, capsys):
    run(pictures, out)
    with Store.join(out / STATE / "run.sqlite", About(categories={})) as store:
        store.remove("b")
    assert run(pictures[:1], out).status == PARTLY_DONE
    said = capsys.readouterr().err
    assert said.count("error") == 1
    assert "coco, cvat, csv cannot tell of b.png: " in said
    assert names_in(out / "annotations" / "coco.json") == ["a.png", "c.png"]
    assert run(pictures[1:2], out).status == DONE
    assert names_in(out / "annotations" / "coco.json") == ["a.png", "b.png", "c.png"]


@pytest.mark.parametrize("files", [0, 1])
def test_a_disk_that_is_full_within_the_first_picture_leaves_nothing_untold(
    pictures, out, monkeypatch, capsys, files
):
    move, moved = placing.rename, []

    def full(source, target):
        if "our" in str(target) or "mask" in str(target) or moved:
            moved.append(target)
        if len(moved) > files:
            raise OSError(errno.ENOSPC, "No space left on device", str(source))
        move(source, target)

    (out / "our").mkdir(parents=True)
    (out / "mask").mkdir(parents=True)
    (out / "our" / "mine.txt").touch()
    (out / "mask" / "mine.txt").touch()
    monkeypatch.setattr(placing, "rename", full)
    report = run(pictures[:1], out, ["coco"])
    monkeypatch.undo()
    assert len([name for name in seen(out) if "a_" in name]) == files
    assert (report.done, report.status) == (0, PARTLY_DONE if files else FAILED)
    assert report.problem.endswith("; ended after 0 of 1 picture")
    assert str(report).startswith(
        "0 of 1 picture: some files are in " if files else "0 of 1 picture: nothing"
    )
    assert (out / STATE / "run.sqlite").exists() == bool(files)
    assert run(pictures, out).status == DONE


@pytest.mark.parametrize("name", ALL)
def test_no_format_writes_files_that_the_registry_does_not_name(pictures, out, name):
    run(pictures, out, [name])
    patterns = [*FORMATS[name].common, *FORMATS[name].each]
    for path in (out / "annotations").rglob("*.*"):
        relative = path.relative_to(out / "annotations")
        assert any(relative.match(pattern) for pattern in patterns)


def test_two_runs_at_once_lose_nothing(pictures, out):
    plans = [plan_pictures([path], out, ["coco", "yolo"]) for path in pictures]
    for plan in plans:
        assert done(plan, Segmenter(StubDetector(), StubSam(), regions=False)).status == DONE
    assert names_in(out / "annotations" / "coco.json") == ["a.png", "b.png", "c.png"]


def test_pictures_of_one_name_in_two_runs_at_once_both_have_results(pictures, out, tmp_path, capsys):
    write_picture(tmp_path / "a.png", picture(8))
    plans = [plan_pictures([path], out, ALL, regions=False) for path in (pictures[0], tmp_path / "a.png")]
    for plan in plans:
        assert done(plan, Segmenter(StubDetector(), StubSam(), regions=False)).status == DONE
    assert names_in(out / "annotations" / "coco.json") == ["a.png", "a.png"]
    assert sorted(path.name for path in (out / "our").iterdir()) == ["a_our.jpg", "a_png_our.jpg"]
    before = seen(out)
    assert run([tmp_path / "a.png", pictures[0]], out).status == DONE
    assert seen(out) == before
    assert capsys.readouterr().err == ""


def test_a_name_that_another_run_gave_a_picture_meanwhile_is_kept(pictures, out, tmp_path):
    write_picture(tmp_path / "a.png", picture(8))
    both = plan_pictures([pictures[0], tmp_path / "a.png"], out, ["coco"])
    run([tmp_path / "a.png"], out, ["coco"])
    assert done(both, Segmenter(StubDetector(), StubSam(), regions=False)).status == DONE
    assert names_in(out / "annotations" / "coco.json") == ["a.png", "a.png"]


def test_the_same_pictures_in_two_runs_at_once_are_ours_for_both(pictures, out, capsys):
    plans = [plan_pictures(pictures, out, ALL) for _ in range(2)]
    for plan in plans:
        assert done(plan, Segmenter(StubDetector(), StubSam(), regions=False)).status == DONE
    assert run(pictures, out).status == DONE
    assert capsys.readouterr().err == ""


def test_what_another_run_writes_while_this_one_is_planned_is_ours(pictures, out, monkeypatch):
    make, made = Ledger.__init__, []

    def make_too_early(ledger, folder):
        make(ledger, folder)
        made.append(ledger)
        if len(made) == 1:
            run(pictures, out)

    monkeypatch.setattr(Ledger, "__init__", make_too_early)
    plan = plan_pictures(pictures, out, ALL)
    assert not plan.kept
    assert plan.output.ledger is made[0]


def test_processes_at_work_in_one_folder_do_each_other_no_harm(pictures, out, tmp_path, capfd):
    run(pictures, tmp_path / "one")
    capfd.readouterr()
    processes = []
    for number in range(4):
        pid = os.fork()
        if pid == 0:
            status = 9
            try:
                status = run(pictures[number % 2 :], out).status
            finally:
                os._exit(status)
        processes.append(pid)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in processes] == [DONE] * 4
    assert run(pictures, out).status == DONE
    assert capfd.readouterr().err == ""
    assert seen(out) == seen(tmp_path / "one")


def test_a_name_that_was_reserved_for_nothing_is_free_again(pictures, out):
    run(pictures[1:2], out)
    plan = replace(plan_pictures(pictures[:1], out, []), drawn=())
    assert done(plan, Segmenter(StubDetector(), StubSam(), regions=False)).done == 0
    assert list(Ledger(out).keys()) == ["b"]


def test_results_may_be_read_only_and_folders_links(pictures, out, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    out.mkdir()
    (out / "our").symlink_to(tmp_path / "elsewhere")
    run(pictures, out)
    os.chmod(out / "our" / "a_our.jpg", 0o444)  # noqa: PTH101
    assert run(pictures, out).status == DONE
    assert (out / "our").is_symlink()
    assert len(list((tmp_path / "elsewhere").iterdir())) == 3
    assert np.array_equal(*[len(list((out / name).iterdir())) for name in ("our", "mask")])


def test_pictures_whose_scenes_are_gone_are_named(pictures, out, capsys):
    run(pictures, out, ["coco"])
    (out / STATE / "run.sqlite").unlink()
    assert run(pictures[:1], out, ["coco"]).status == PARTLY_DONE
    line = "coco cannot tell of b.png, c.png: what was found in them is gone; segment them again"
    assert line in capsys.readouterr().err
