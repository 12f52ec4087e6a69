import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from sav.formats.registry import FORMATS, format_names, resolve_formats, writer_class
from sav.formats.writer import AnnotationWriter
from tests.formats.conftest import RING


@pytest.mark.parametrize("for_video", [False, True])
def test_every_line_of_the_registry_leads_to_a_writer(for_video):
    for name in format_names(for_video):
        assert issubclass(writer_class(name, for_video), AnnotationWriter)


def test_video_can_be_saved_in_every_format():
    assert format_names(for_video=True) == list(FORMATS)


def test_names_come_once_and_in_the_registrys_order():
    assert resolve_formats(["csv", "coco", "csv"], for_video=False) == ["coco", "csv"]
    assert resolve_formats(["all"], for_video=True) == list(FORMATS)
    assert "mot" not in resolve_formats(["all"], for_video=False)


@pytest.mark.parametrize(
    ("names", "message"),
    [(["coko"], "there is no format 'coko'; there are coco, yolo"), (["mot"], "'mot' is for video alone")],
)
def test_what_cannot_be_saved_is_named(names, message):
    with pytest.raises(ValueError, match=message):
        resolve_formats(names, for_video=False)


def test_the_numbers_of_a_class_go_together_as_the_page_says(save, make_scene):
    categories = {0: "person", 4: "dog"}  # a box file may leave numbers out
    scene = make_scene(RING[None], class_ids=[4], categories=categories)
    folder = save(["coco", "csv", "yolo", "png"], [scene], categories=categories)
    (annotation,) = json.loads((folder / "coco.json").read_text())["annotations"]
    (row,) = csv.DictReader((folder / "csv" / "objects.csv").read_text().splitlines())
    assert (row["class_id"], annotation["category_id"]) == ("4", 5)
    assert (folder / "yolo" / "labels" / "a.txt").read_text()[:2] == "1 "
    assert np.unique(np.array(Image.open(folder / "png" / "classes" / "a.png"))).tolist() == [0, 2]


def test_the_registry_imports_nothing_heavy():
    script = (
        "import sys, sav.formats.registry;"
        "print([name for name in ('torch', 'cv2', 'av', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
