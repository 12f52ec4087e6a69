import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from sav.errors import SettingError
from tools.objects365.layout import Index
from tools.objects365.names import package_names
from tools.objects365.prepare import prepare
from tools.training.listing import Truth


def copied(stand_in, tmp_path):
    return Path(shutil.copytree(stand_in, tmp_path / "data", symlinks=True))


def listed(work, split):
    return (work / f"{split}.txt").read_text().splitlines()


def snapshot(work):
    return {path: path.stat().st_mtime_ns for path in work.rglob("*.txt")}


def test_each_defect_is_named_with_its_picture(stand_in):
    with (stand_in / "yolo" / "defects.csv").open() as file:
        found = {
            (row["picture"].rpartition("_")[2], row["defect"]): int(row["count"])
            for row in csv.DictReader(file)
        }
    assert found == {
        ("00900000.jpg", "missing"): 1,
        ("00900037.jpg", "empty file"): 1,
        ("00900074.jpg", "cut off"): 1,
        ("00900111.jpg", "bytes after its end"): 1,
        ("00900148.jpg", "cannot be read"): 1,
        ("00900185.jpg", "another shape than its annotations say"): 1,
        ("00900222.jpg", "duplicate boxes"): 1,
        ("00900222.jpg", "boxes without size"): 2,
        ("00900222.jpg", "boxes clipped to the picture"): 1,
        ("00900222.jpg", "boxes outside the picture"): 1,
        ("00900222.jpg", "crowd boxes"): 1,
        ("00900222.jpg", "boxes of fake objects, kept"): 1,
        ("00900222.jpg", "boxes of reflections, kept"): 1,
        ("00900222.jpg", "boxes of no class"): 1,
        ("00900259.jpg (id 999999)", "listed twice"): 1,
        ("00999998.jpg", "crowd boxes"): 1,
        ("00999998.jpg", "no boxes left"): 1,
    }
    sums = json.loads((stand_in / "yolo" / "report.json").read_text())
    assert sums["train"]["pictures"] == 18 and sums["train"]["boxes of no picture"] == 1
    assert sums["val"]["pictures"] == 12 and set(sums["val"]) == {"pictures", "boxes"}


def test_ultralytics_reads_what_is_prepared_and_finds_no_fault(stand_in):
    from tools.training.quiet import quiet_ultralytics

    work = stand_in / "yolo"
    with quiet_ultralytics() as ultralytics:
        from ultralytics.data.dataset import YOLODataset
        from ultralytics.data.utils import check_det_dataset

        described = check_det_dataset(str(work / "data.yaml"), autodownload=False)
        assert list(described["names"].values()) == package_names()
        data = YOLODataset(
            img_path=described["val"],
            data=described,
            task="detect",
            imgsz=64,
            augment=False,
            hyp=ultralytics.utils.DEFAULT_CFG,
        )
    truth = Truth.load(work)
    assert [Path(label["im_file"]).name for label in data.labels] == [Path(name).name for name in truth.names]
    for place, label in enumerate(data.labels):
        own = truth.boxes[truth.pictures == place]
        order, others = np.lexsort((own.xyxy[:, 0], own.class_ids)), label["cls"][:, 0].argsort(kind="stable")
        assert sorted(label["cls"][:, 0].tolist()) == own.class_ids[order].tolist() and len(others) == len(
            own
        )
    for path in work.glob("*.cache"):
        path.unlink()


def test_no_picture_is_copied_or_written_to(stand_in):
    work = stand_in / "yolo"
    for split in ("train", "val"):
        for line in listed(work, split):
            assert (work / line).is_file() and (work / line).resolve().is_relative_to(stand_in / split)
    assert not [path for path in work.rglob("*.jpg") if path.resolve().is_relative_to(work)]


def test_preparing_again_changes_nothing_and_decodes_nothing(stand_in, tmp_path, monkeypatch):
    data = copied(stand_in, tmp_path)
    before = snapshot(data / "yolo")
    decoded = []
    from tools.training import placing

    plain = placing.picture_size
    monkeypatch.setattr(placing, "picture_size", lambda path: decoded.append(path.name) or plain(path))
    first = prepare(data, data / "yolo", 1)
    assert snapshot(data / "yolo") == before and first["train"]["pictures"] == 18
    assert len(decoded) == 6  # those that were left out; the missing one is not even opened


def test_what_was_broken_off_goes_on_and_ends_as_if_it_had_not(stand_in, tmp_path, monkeypatch):
    from tools.training.placing import Place

    data, plain, count = copied(stand_in, tmp_path), Place.put, iter(range(9))

    def put(place, *given):
        if next(count, None) is None:
            raise KeyboardInterrupt
        return plain(place, *given)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Place, "put", put)
        prepare(data, tmp_path / "work", 1)
    assert not (tmp_path / "work" / "data.yaml").exists()
    prepare(data, tmp_path / "work", 1)
    for name in ("train.txt", "val.txt", "defects.csv", "data.yaml", "report.json"):
        assert (tmp_path / "work" / name).read_text() == (stand_in / "yolo" / name).read_text()


def test_what_was_missing_or_broken_is_taken_when_it_is_there(stand_in, tmp_path):
    data = copied(stand_in, tmp_path)
    whole = next((data / "val").rglob("*.jpg")).read_bytes()
    for number in (900_000, 900_037):
        folder = "patch0" if number == 900_000 else "patch15"
        (data / "train" / folder / f"objects365_v1_{number:08d}.jpg").write_bytes(whole)
    assert prepare(data, data / "yolo", 1)["train"]["pictures"] == 20
    (data / "train" / "patch0" / "objects365_v1_00900000.jpg").unlink()
    assert prepare(data, data / "yolo", 1)["train"]["pictures"] == 19


@pytest.mark.parametrize("form", ["publisher", "versions", "flat"])
def test_the_layouts_that_people_have_give_the_same(stand_in, tmp_path, form):
    data = copied(stand_in, tmp_path)
    shutil.rmtree(data / "yolo")
    for split in ("train", "val"):
        for path in list((data / split).rglob("*.jpg")):
            place = {
                "publisher": data / "images" / path.name.split("_")[1] / path.parent.name,
                "versions": data / split / "images" / path.name.split("_")[1] / path.parent.name,
                "flat": data / "images" / split,
            }[form]
            place.mkdir(parents=True, exist_ok=True)
            path.rename(place / path.name)
    if form == "flat":
        for path in data.rglob("*.json"):
            path.rename(data / path.name)
    work = tmp_path / "elsewhere"
    sums = prepare(data, work, 1)
    assert sums["train"]["pictures"] == 18 and sums["val"]["pictures"] == 12
    names = [Path(line).name for line in listed(work, "train")]
    assert sorted(names) == sorted(Path(line).name for line in listed(stand_in / "yolo", "train"))


def test_several_processes_prepare_the_same(stand_in, tmp_path, monkeypatch):
    from tools.objects365 import annotations
    from tools.objects365 import prepare as preparing

    data = copied(stand_in, tmp_path)
    monkeypatch.setattr(annotations, "_JSON_PER_BUCKET", 4000)
    monkeypatch.setattr(preparing, "ProcessPoolExecutor", _Threads)
    sums = prepare(data, tmp_path / "work", 3)
    assert sums["train"] == json.loads((stand_in / "yolo" / "report.json").read_text())["train"]
    for name in ("train.txt", "val.txt", "defects.csv"):
        assert (tmp_path / "work" / name).read_text() == (stand_in / "yolo" / name).read_text()


class _Threads:
    """Stands for the pool of processes, each of which takes seconds to start: what goes there is pickled."""

    def __init__(self, count, mp_context):
        self.count = count

    def __enter__(self):
        return self

    def __exit__(self, *ended):
        return None

    def map(self, function, numbers):
        import pickle

        for number in numbers:
            yield pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(function))(number)))


def test_a_picture_is_found_by_its_name_and_in_its_folder_alone(tmp_path):
    for name in ("a/x.jpg", "b/x.jpg", "b/y.JPG", ".hidden/z.jpg", "work/w.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b" / "loop").symlink_to(tmp_path, target_is_directory=True)
    index = Index.scan(tmp_path, tmp_path / "work")
    assert index.find(["x.jpg", "y.JPG", "z.jpg", "w.jpg", "n.jpg"]) == [
        tmp_path / "a",
        tmp_path / "b",
        None,
        None,
        None,
    ]
    assert Index.scan(tmp_path / "work", tmp_path).find(["n.jpg"]) == [None]


def test_a_disk_that_is_too_full_is_told_before_anything_is_made(stand_in, tmp_path, monkeypatch):
    from tools.training import resources

    monkeypatch.setattr(resources.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9, 9, 9))
    with pytest.raises(SettingError, match="make room"):
        prepare(stand_in, tmp_path / "work", 1)
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("gone", ["folder", "json", "pictures", "classes"])
def test_what_is_not_as_it_must_be_is_one_line_that_says_what_to_do(stand_in, tmp_path, gone):
    data = copied(stand_in, tmp_path)
    shutil.rmtree(data / "yolo")
    if gone == "folder":
        shutil.rmtree(data)
    elif gone == "json":
        (data / "val" / "zhiyuan_objv2_val.json").unlink()
    elif gone == "pictures":
        for path in data.rglob("*.jpg"):
            path.unlink()
    else:
        path = data / "val" / "zhiyuan_objv2_val.json"
        content = json.loads(path.read_text())
        content["categories"][0]["name"] = "Human"
        path.write_text(json.dumps(content))
    with pytest.raises(SettingError) as caught:
        prepare(data, data / "yolo", 1)
    assert str(data) in str(caught.value) and "\n" not in str(caught.value)


def test_the_description_says_nothing_of_where_it_lies(stand_in):
    content = yaml.safe_load((stand_in / "yolo" / "data.yaml").read_text())
    assert content == {"train": "train.txt", "val": "val.txt", "names": dict(enumerate(package_names()))}


def test_where_folders_cannot_be_linked_pictures_are_hard_links(stand_in, tmp_path, monkeypatch):
    from tools.training import links

    monkeypatch.setattr(links, "_link_folder", lambda folder, link: False)
    data, work = copied(stand_in, tmp_path), tmp_path / "work"
    for _ in range(2):
        prepare(data, work, 1)
        assert listed(work, "train") == listed(stand_in / "yolo", "train")
    for line in listed(work, "train"):
        assert (work / line).stat().st_nlink == 2 and not (work / line).is_symlink()
