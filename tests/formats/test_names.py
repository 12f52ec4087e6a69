"""Class and file names that are hard to write, in every format, each read by its own reader."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml

from sav.data.types import UNLABELLED
from sav.formats.registry import format_names
from sav.media.video import VideoInfo
from tests.formats.conftest import RING, VIDEO

NAMES = dict(
    enumerate(
        [
            "=cmd|' /C calc'!A0", "two\nlines", "a\rb\tc", "nul\0 bell\a", "half \ud800", "犬 \U0001f415",
            "..", "/etc/x", "CON", "", "  ", "dog", "dog", "Dog", UNLABELLED, "n" * 300, "犬" * 200,
            "<a href='x'>&amp;\"", "- x: #y", "null",
        ]
    )
)  # fmt: skip
# What files call them where they can hold everything.
CALLED = {**NAMES, 9: "class 9", 10: "class 10", 12: "dog (12)", 20: f"{UNLABELLED} (20)"}


@pytest.fixture
def saved(save, make_scene) -> Path:
    """Pictures with an object of every class, in every format."""
    scene = make_scene(
        np.repeat(RING[None], len(NAMES), axis=0), RING[None], class_ids=list(NAMES), categories=NAMES,
        name="-\udc80 \x1b\n.png",
    )  # fmt: skip
    return save(format_names(False), [scene], categories=NAMES)


def seen(name: str, lost: str, by: str = "\ufffd") -> str:
    return "".join(by if character in lost else character for character in name)


def test_coco_and_labelme_give_every_name_back(saved):
    table = json.loads((saved / "coco.json").read_text(encoding="utf-8"))
    assert {cat["id"] - 1: cat["name"] for cat in table["categories"]} == CALLED
    assert [one["category_id"] - 1 for one in table["annotations"]] == list(CALLED)
    assert table["images"][0]["file_name"] == "-\udc80 \x1b\n.png"
    (path,) = (saved / "labelme").glob("*.json")
    table = json.loads(path.read_text(encoding="utf-8"))
    assert [shape["label"] for shape in table["shapes"]] == list(CALLED.values())
    assert (saved / "labelme" / table["imagePath"]).exists()


def test_yolo_gives_all_but_broken_characters_back(saved):
    table = yaml.safe_load((saved / "yolo" / "dataset.yaml").read_bytes())
    assert table["names"] == {number: seen(CALLED[number], "\ud800") for number in NAMES}


def test_cvat_gives_back_what_xml_can_hold_and_labels_are_listed_once(saved):
    root = ElementTree.parse(saved / "cvat.xml").getroot()
    labels = [name.text for name in root.iterfind("meta/task/labels/label/name")]
    assert labels == [seen(name, "\0\a\ud800") for name in CALLED.values()]
    assert len(set(labels)) == len(labels)
    assert [mask.get("label") for mask in root.iter("mask")] == labels
    assert root.find("image").get("name") == "-\ufffd \ufffd\n.png"


def test_a_table_gives_names_back_behind_an_apostrophe_if_they_look_like_formulas(saved):
    with (saved / "csv" / "objects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    wanted = [seen(name, "\0\ud800") for name in CALLED.values()]
    assert [row["class"] for row in rows] == [f"'{name}" if name[0] in "=-" else name for name in wanted]
    assert {row["name"] for row in rows} == {"'-\ufffd \x1b\n.png"}


@pytest.mark.parametrize(("file", "names"), [("yolo/classes.txt", 20), ("png/classes.txt", 21)])
def test_lists_have_a_line_a_class(saved, file, names):
    lines = (saved / file).read_text(encoding="utf-8").splitlines()
    assert len(lines) == names
    assert lines[1].endswith("two lines") and lines[4].endswith("half \ufffd")


def test_cut_outs_have_names_that_every_system_takes(saved):
    names = [path.name for path in (saved / "cutout").iterdir()]
    assert len(names) == len(NAMES)
    assert all(len(name.encode(errors="surrogateescape")) <= 255 for name in names)
    ends = [name.partition(f"_{number:03d}_")[2] for number, name in enumerate(sorted(names), 1)]
    labels = [end.removesuffix(".png") for end in ends]
    assert labels[6:9] == ["class_6", "etc_x", "CON"]
    assert labels[9:13] == ["class_9", "class_10", "dog", "dog_12"]
    assert labels[15].startswith("nnn") and labels[16].startswith("犬犬")


def test_a_video_of_any_name_in_every_format(save, make_scene):
    scene = make_scene(
        np.repeat(RING[None], len(NAMES), axis=0), class_ids=list(NAMES), categories=NAMES,
        name="clip_000000", is_tracked=True,
    )  # fmt: skip
    video = VideoInfo(VIDEO.size_hw, VIDEO.frame_rate, VIDEO.time_base, name="../\ud800?token=1.mp4")
    folder = save(format_names(True), [scene], video, categories=NAMES)
    table = json.loads((folder / "youtubevis" / "instances.json").read_text(encoding="utf-8"))
    assert [cat["name"] for cat in table["categories"]] == [CALLED[number] for number in NAMES]
    (name,) = table["videos"][0]["file_names"]
    assert name == "_token_1/clip_000000.jpg"
    root = ElementTree.parse(folder / "cvat.xml").getroot()
    assert [track.get("label") for track in root.iter("track")] == [
        name.text for name in root.iterfind("meta/task/labels/label/name")
    ]
    lines = (folder / "mots" / "classes.txt").read_text(encoding="utf-8").splitlines()
    assert [line.partition(" ")[0] for line in lines] == [str(100 + number) for number in NAMES]
    with (folder / "csv" / "tracks.csv").open(encoding="utf-8", newline="") as file:
        assert [row["class"] for row in csv.DictReader(file)][11:13] == ["dog", "dog (12)"]


def test_frames_have_one_name_in_all_formats(save, awkward_video):
    folder = save(format_names(True), awkward_video, VIDEO)
    names = [f"street_{index:06d}" for index in range(4)]
    pictures = [f"{name}.jpg" for name in names]
    assert [
        image["file_name"] for image in json.loads((folder / "coco.json").read_text())["images"]
    ] == pictures
    video = json.loads((folder / "youtubevis" / "instances.json").read_text())["videos"][0]
    assert video["file_names"] == [f"street/{name}" for name in pictures]
    with (folder / "csv" / "objects.csv").open(encoding="utf-8", newline="") as file:
        assert sorted({row["name"] for row in csv.DictReader(file)}) == pictures
    for place in ("yolo/images", "yolo/labels", "labelme", "png/instances", "png/classes", "png/davis"):
        assert sorted({path.stem for path in (folder / place).iterdir()}) == names


def test_frames_of_a_folder_keep_the_users_files(save, awkward_video):
    scenes = [
        replace(scene, frame=replace(scene.frame, name=f"{index}.png"))
        for index, scene in enumerate(awkward_video)
    ]
    folder = save(["coco", "youtubevis"], scenes, VIDEO)
    images = json.loads((folder / "coco.json").read_text())["images"]
    assert [image["file_name"] for image in images] == ["0.png", "1.png", "2.png", "3.png"]
    video = json.loads((folder / "youtubevis" / "instances.json").read_text())["videos"][0]
    assert video["file_names"][0] == "street/0.png"
