import numpy as np
import torch

from sav.data.instances import Instances
from sav.data.masks import Masks
from sav.data.types import Frame
from sav.stages.look import look
from sav.stages.scenes import Cutter
from sav.stages.unexplained import unexplained
from sav.uploads import uploaded
from tests.stubs import StubDetector, StubSam, picture

CPU = torch.device("cpu")


def square(top, left, side, size_hw=(100, 100)) -> np.ndarray:
    mask = np.zeros(size_hw, bool)
    mask[top : top + side, left : left + side] = True
    return mask


OBJECTS = Masks.from_dense(np.stack([square(0, 0, 40)]))


def found(masks: Masks) -> Instances:
    """What SAM finds by itself, the surest first."""
    scores = np.linspace(1, 0.9, len(masks), dtype=np.float32)
    return Instances.unlabelled(masks, scores, np.arange(len(masks)))


def regions_of(*everything):
    return unexplained(found(Masks.from_dense(np.stack(everything))), OBJECTS)


def test_a_mask_on_an_object_is_explained_by_it():
    assert len(regions_of(square(5, 5, 20), square(20, 0, 30))) == 0


def test_a_mask_beside_all_objects_is_kept_whole():
    (region,) = regions_of(square(0, 0, 10), square(60, 60, 20))
    assert (region.id, region.class_name) == (1, "unlabelled")
    assert region.score == np.float32(0.9)
    assert (region.mask == square(60, 60, 20)).all()


def test_pixels_on_an_object_stay_with_it():
    wide = square(0, 30, 60)
    wide[38:] = False
    (region,) = regions_of(wide)
    assert (region.mask == (wide & ~square(0, 0, 40))).all()
    assert region.box_xyxy.tolist() == [40, 0, 90, 38]


def test_the_share_that_counts_as_explained_is_three_tenths():
    strip = np.zeros((100, 100), bool)
    strip[0:10, 10:110] = True  # 30 of 90 columns lie on the object: a third
    assert len(regions_of(strip)) == 0
    strip[0:10, 10:14] = False  # 26 of 86: a little more than three tenths
    assert len(regions_of(strip)) == 0
    strip[0:10, 14:16] = False  # 24 of 84: a little less
    assert len(regions_of(strip)) == 1


def test_more_than_a_hundred_pixels_must_lie_outside():
    assert len(regions_of(square(60, 60, 10))) == 0
    larger = square(60, 60, 10)
    larger[50, 50] = True
    assert len(regions_of(larger)) == 1


def test_nothing_and_no_objects_are_normal():
    nothing = Masks.empty((100, 100))
    assert len(unexplained(found(nothing), OBJECTS)) == 0
    assert len(unexplained(found(nothing), nothing)) == 0
    assert len(unexplained(found(OBJECTS), nothing)) == 1


def test_both_models_are_given_one_picture_that_is_uploaded_once_and_then_forgotten():
    sam, seen = StubSam(), []

    class Watching(StubDetector):
        def __call__(self, images_bgr):
            seen.extend(uploaded(image, CPU) for image in images_bgr)
            return super().__call__(images_bgr)

    detector, embed = Watching(), sam.embed
    sam.embed = lambda images: seen.extend(uploaded(image, CPU) for image in images) or embed(images)
    frames = [Frame(picture(0)), Frame(picture(1))]
    looked = look(detector, frames)
    scenes = Cutter(sam, detector.categories)(looked)

    assert len(seen) == 4 and seen[0] is seen[2] and seen[1] is seen[3]
    assert [scene.frame for scene in scenes] == frames
    assert all(type(scene.frame.image) is np.ndarray for scene in scenes)
    assert uploaded(looked[0].shared, CPU) is not uploaded(looked[0].shared, CPU)
