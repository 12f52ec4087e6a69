from collections import Counter
from pathlib import Path

from tools.finetune.settings import settings
from tools.finetune.sources import Sample
from tools.finetune.splitting import hold_back, repeats
from tools.training.boxes import Boxes


def sample(number, classes):
    boxes = Boxes.from_xywh([(1, 1, 5, 5)] * len(classes), list(classes))
    return Sample(f"{number}.jpg", Path(f"{number}.jpg"), (10, 10), boxes)


def test_a_fifth_is_held_back_of_every_class_the_same_every_time():
    samples = [sample(number, [0] if number % 5 else [0, 1]) for number in range(100)]
    train, val = hold_back(samples)
    assert len(train) + len(val) == 100 and not {one.told for one in train} & {one.told for one in val}
    counts = Counter(number for one in val for number in set(one.boxes.class_ids.tolist()))
    assert counts[1] == 4 and 18 <= counts[0] <= 22
    assert [one.told for one in hold_back(samples)[1]] == [one.told for one in val]


def test_a_class_with_two_pictures_is_measured_and_one_with_a_single_picture_is_learnt():
    samples = [sample(number, [0]) for number in range(10)] + [
        sample(10 + number, [1]) for number in range(2)
    ]
    train, val = hold_back([*samples, sample(99, [2])])
    assert sum(1 in one.boxes.class_ids for one in val) == 1 == sum(1 in one.boxes.class_ids for one in train)
    assert any(2 in one.boxes.class_ids for one in train)


def test_pictures_of_a_rare_class_are_shown_more_often():
    classes = [{0}] * 975 + [{0, 1}] * 20 + [set()] * 5
    often = repeats(classes)
    assert often[0] == 1 and often[980] == 2 and often[-1] == 1
    assert repeats([{0}] * 3) == [1, 1, 1] and repeats([]) == []


def test_few_pictures_keep_the_backbone_and_get_enough_steps():
    few, many = (settings(count, "cpu", None, None, None) for count in (20, 5000))
    assert (few["freeze"], many["freeze"]) == (10, 0)
    for given, count in ((few, 20), (many, 5000)):
        assert given["epochs"] * count / given["batch"] >= 500
    asked = {"batch": 4, "epochs": 3, "freeze": 0, "imgsz": 96}
    assert asked.items() <= settings(20, "cpu", 4, 3, 0, imgsz=96).items()
