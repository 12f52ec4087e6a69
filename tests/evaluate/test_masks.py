import pytest

from sav.errors import EvaluationError
from sav.evaluate.coco import read_coco
from sav.evaluate.masks import score_masks
from tests.evaluate.conftest import thing


@pytest.fixture
def scores(coco):
    """Scores of what was found in pictures against what is true."""

    def compare(found, truth, classes=("person", "dog", "unlabelled"), true_classes=("dog", "person")):
        return score_masks(
            read_coco(coco(found, "found.json", classes)), read_coco(coco(truth, "truth.json", true_classes))
        )

    return compare


def test_every_figure_is_the_one_worked_out_by_hand(scores):
    # A person found to four fifths, one found to a quarter, one not; and of a dog what is no dog.
    truth = [
        thing("person", 0, 0, 10, 10), thing("person", 20, 0, 30, 10), thing("person", 0, 12, 5, 20),
        thing("dog", 30, 10, 40, 20),
    ]  # fmt: skip
    found = [thing("person", 0, 0, 10, 8), thing("person", 20, 0, 25, 5), thing("dog", 12, 10, 18, 20)]
    of = scores({"a.jpg": found}, {"a.jpg": truth})

    person = of.classes["person"]
    assert (person.true, person.found, person.matched) == (3, 2, 1)
    assert person.mean_iou == pytest.approx((0.8 + 0.25) / 3)
    assert person.matched_iou == pytest.approx(0.8)
    assert (person.precision, person.recall) == (pytest.approx(1 / 2), pytest.approx(1 / 3))

    dog = of.classes["dog"]
    assert (dog.mean_iou, dog.precision, dog.recall, dog.matched_iou) == (0, 0, 0, None)
    assert (of.all.true, of.all.found, of.all.matched) == (4, 3, 1)
    assert of.all.mean_iou == pytest.approx(1.05 / 4)


def test_a_mask_is_the_counterpart_of_one_object_only(scores):
    twice = [thing("dog", 0, 0, 10, 10), thing("dog", 0, 0, 10, 9)]
    dog = scores({"a.jpg": twice}, {"a.jpg": [thing("dog", 0, 0, 10, 10)]}).classes["dog"]
    assert (dog.true, dog.found, dog.matched, dog.mean_iou) == (1, 2, 1, 1)


def test_a_mask_of_another_class_is_none(scores):
    of = scores({"a.jpg": [thing("dog", 0, 0, 9, 9)]}, {"a.jpg": [thing("person", 0, 0, 9, 9)]})
    assert (of.all.matched, of.classes["dog"].precision, of.classes["person"].recall) == (0, 0, 0)


@pytest.mark.parametrize(("found", "true"), [(0, 0), (0, 2), (2, 0)])
def test_no_objects_have_no_shares(found, true, scores):
    things = [thing("dog", 0, 0, 9, 9), thing("dog", 20, 0, 29, 9)]
    score = scores({"a.jpg": things[:found]}, {"a.jpg": things[:true]}).all
    assert (score.found, score.true, score.matched) == (found, true, 0)
    assert score.precision == (0 if found else None)
    assert score.recall == score.mean_iou == (0 if true else None)
    assert score.matched_iou is None


def test_what_lies_in_a_crowd_is_neither_right_nor_wrong(scores):
    crowd = thing("person", 0, 0, 20, 20, iscrowd=1)
    alone = thing("person", 30, 0, 40, 10)
    inside = [thing("person", 0, 0, 5, 20), thing("person", 8, 3, 14, 9)]
    half_out = thing("person", 15, 0, 30, 10)
    person = scores({"a.jpg": [*inside, half_out, alone]}, {"a.jpg": [crowd, alone]}).classes["person"]
    assert (person.true, person.found, person.matched) == (1, 2, 1)


def test_a_crowd_takes_no_object_from_what_lies_in_it(scores):
    crowd, one = thing("dog", 0, 0, 20, 20, ignore=1), thing("dog", 2, 2, 9, 9)
    dog = scores({"a.jpg": [one]}, {"a.jpg": [crowd, one]}).classes["dog"]
    assert (dog.true, dog.found, dog.matched) == (1, 1, 1)


def test_pictures_and_classes_that_do_not_meet_are_counted_and_named(scores):
    dog, person = thing("dog", 0, 0, 9, 9), thing("person", 0, 0, 9, 9)
    cat, bus, region = (thing(name, 20, 0, 29, 9) for name in ("cat", "bus", "unlabelled"))
    of = scores(
        {"a.jpg": [dog, cat, region], "b.jpg": [dog], "c.jpg": []},
        {"a.png": [dog, bus], "z.jpg": [person]},
        classes=("dog", "cat", "unlabelled"),
        true_classes=("dog", "person", "bus"),
    )
    assert (of.pictures, of.pictures_without_truth, of.pictures_not_found) == (1, 2, 1)
    assert (of.classes_without_truth, of.classes_not_known) == (("cat",), ("bus",))
    assert (of.all.true, of.all.found, of.all.matched) == (2, 1, 1)


def test_nothing_in_common_is_an_error_that_shows_both_sides(scores):
    with pytest.raises(
        ValueError, match=r"no picture of .*found.json \(a\) is in .*truth.json \(b, c, d, ...\)"
    ):
        scores({"a.jpg": []}, {f"{name}.jpg": [] for name in "bcde"})
    with pytest.raises(EvaluationError, match=r"no class of .*found.json \(cat\) is in .*truth.json \(dog\)"):
        scores({"a.jpg": []}, {"a.jpg": []}, classes=("cat",), true_classes=("dog",))


def test_a_picture_in_two_sizes_is_an_error(coco):
    truth = read_coco(coco({"a.jpg": []}, "truth.json"))
    found = read_coco(coco({"a.jpg": []}, "found.json", width=41))
    with pytest.raises(EvaluationError, match="a has 41x20 and 40x20 pixels"):
        score_masks(found, truth)
