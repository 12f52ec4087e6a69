from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from sav.data.types import UNLABELLED
from sav.formats.png import PngWriter, davis_palette
from sav.formats.target import Target
from tests.formats.conftest import NAMES, PIECES, PIXEL, REGION, RING, VIDEO


def read(folder, kind, name="street_000000"):
    return Image.open(folder / "png" / kind / f"{name}.png")


def test_pillow_reads_ids_and_classes(save, awkward_video):
    folder = save("png", awkward_video[:1], VIDEO)
    instances, classes = np.array(read(folder, "instances")), np.array(read(folder, "classes"))
    assert read(folder, "instances").mode == "I;16"
    assert set(np.unique(instances)) == {0, 3, 7, 9}
    for track_id, mask, number in ((3, RING, 1), (7, PIECES, 2), (9, PIXEL, 2)):
        assert ((instances == track_id) == mask).all()
        assert (classes[mask] == number).all()
    lines = (folder / "png" / "classes.txt").read_text(encoding="utf-8").splitlines()
    assert lines == [f"{number} {name}" for number, name in enumerate([*NAMES.values(), UNLABELLED], 1)]


def test_davis_has_its_palette_and_the_first_255_ids(save, make_scene):
    scene = make_scene(np.stack([RING, PIECES]), track_ids=[255, 256], name="f", is_tracked=True)
    folder = save("png", [scene], VIDEO)
    davis = read(folder, "davis", "f")
    assert davis.mode == "P"
    assert davis.getpalette()[:12] == [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0]
    assert davis.getpalette()[-3:] == [224, 224, 192]
    assert set(np.unique(np.array(davis))) == {0, 255}
    assert set(np.unique(np.array(read(folder, "instances", "f")))) == {0, 255, 256}


def test_all_colours_of_the_palette_differ():
    assert len(np.unique(davis_palette(), axis=0)) == 256


def test_regions_have_the_ids_after_the_objects_and_a_class_of_their_own(save, awkward_scene):
    folder = save("png", [awkward_scene(regions=True)])
    instances = np.array(read(folder, "instances", "bild_ü"))
    alone = REGION & ~(RING | PIECES | PIXEL)
    assert (instances[alone] == 5).all()
    assert (np.array(read(folder, "classes", "bild_ü"))[alone] == len(NAMES) + 1).all()


def test_the_smaller_object_lies_on_top(save, make_scene):
    everything = np.ones((40, 60), bool)
    folder = save("png", [make_scene(np.stack([RING, everything]), name="a.png")])
    assert (np.array(read(folder, "instances", "a")) == np.where(RING, 1, 2)).all()


def test_ids_beyond_16_bits_are_left_out_and_told_once(save, make_scene, caplog):
    scene = make_scene(np.stack([RING, PIECES]), track_ids=[65535, 65536], name="f", is_tracked=True)
    folder = save("png", [scene, replace(scene)], VIDEO)
    assert set(np.unique(np.array(read(folder, "instances", "f")))) == {0, 65535}
    assert len(caplog.records) == 1


def test_more_classes_than_8_bits_can_number_are_an_error(tmp_path):
    with pytest.raises(ValueError, match="254 classes at most, the detector knows 255"):
        PngWriter(Target(tmp_path, {i: f"class {i}" for i in range(255)}))
