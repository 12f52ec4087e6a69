"""Which boxes stay of a batch: those that ultralytics keeps of each picture."""

import math

import cv2
import numpy as np
import pytest
import torch

from sav.detectors.door import import_ultralytics
from sav.detectors.suppression import PICTURE, Limits, candidates, chosen, suppressed, upright_around

CLASSES = 5


def tables(batch, count, seed=0):
    """`(batch, 4 + CLASSES, count)`: boxes that overlap, some no numbers, as a head gives them."""
    draw = torch.Generator().manual_seed(seed)
    boxes = torch.rand(batch, 4, count, generator=draw) * torch.tensor([400, 300, 120, 120]).view(-1, 1)
    scores = torch.rand(batch, CLASSES, count, generator=draw) ** 4
    return torch.cat([boxes, scores], 1)


def theirs(table, limits, **more):
    """`(N, 6)` a picture, by ultralytics."""
    wanted = None if limits.are_wanted is None else limits.are_wanted.nonzero().flatten().tolist()
    settings = {"conf_thres": limits.conf, "iou_thres": limits.iou, "max_det": limits.max_det}
    nms = import_ultralytics().utils.nms.non_max_suppression
    more |= {"classes": wanted, "agnostic": limits.names_once, "max_time_img": 1000.0}
    return nms(table.clone(), **settings, **more)


def kept_of(table, limits):
    """`(K, 7)`, before a picture gets too many."""
    return suppressed(candidates(table, CLASSES, False), limits, len(table), CLASSES)


def rows_of(kept, picture, limits):
    return kept[kept[:, PICTURE] == picture][: limits.max_det, :6]


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(
    "limits",
    [
        Limits(0.25, 0.7, 300),
        Limits(0.0, 0.3, 20),
        Limits(0.999, 0.7, 300),
        Limits(0.1, 0.5, 300, torch.tensor([False, True, False, False, True])),
        Limits(0.1, 0.5, 300, names_once=True),
    ],
)
def test_upright_boxes_are_those_that_ultralytics_keeps(batch, limits):
    table = tables(batch, 700)
    kept = kept_of(table, limits)
    for picture, wanted in enumerate(theirs(table, limits, nc=CLASSES)):
        torch.testing.assert_close(rows_of(kept, picture, limits), wanted, rtol=0, atol=1e-4)


def test_many_boxes_are_compared_picture_by_picture_with_the_same_outcome(monkeypatch):
    table, limits = tables(3, 500), Limits(0.1, 0.5, 300)
    together = kept_of(table, limits)
    monkeypatch.setattr("sav.detectors.suppression._MOST_AT_ONCE", 100)
    monkeypatch.setattr("sav.detectors.suppression._MOST_UPRIGHT", 150)
    apart = kept_of(table, limits)
    for picture, wanted in enumerate(theirs(table, limits, nc=CLASSES, max_nms=150)):
        torch.testing.assert_close(rows_of(apart, picture, limits), wanted, rtol=0, atol=1e-4)
    assert len(together) >= len(apart) > 100


def test_boxes_that_are_no_numbers_go_and_take_no_others_with_them():
    table, limits = tables(2, 50), Limits(0.1, 0.5, 300)
    wanted = kept_of(table, limits)
    spoilt = torch.cat([table, table[..., :3].clone()], 2)
    spoilt[:, 0, -3], spoilt[:, 2, -2], spoilt[:, 4:, -1] = math.nan, math.inf, math.nan
    kept = kept_of(spoilt, limits)
    assert len(wanted) > 10 and torch.equal(kept, wanted)


@pytest.mark.parametrize("are_wanted", [None, torch.tensor([True, False, True, False, False])])
def test_a_head_that_chooses_is_only_filtered(are_wanted):
    table = tables(2, 80).transpose(1, 2)[..., :6].contiguous()
    table[..., 5] = torch.arange(80) % CLASSES
    table = table.gather(1, table[..., 4:5].argsort(1, descending=True).expand_as(table))
    limits = Limits(0.2, 0.5, 300, are_wanted)
    kept = chosen(candidates(table, CLASSES, True), limits)
    for picture, wanted in enumerate(theirs(table, limits, end2end=True)):
        assert torch.equal(rows_of(kept, picture, limits), wanted)


@pytest.mark.parametrize("count", [0, 4])
def test_nothing_is_found_where_nothing_is(count):
    assert len(kept_of(tables(2, count) * 0, Limits(0.1, 0.5, 300))) == 0


def test_an_oriented_box_asks_for_what_lies_in_the_upright_box_around_it():
    angles = torch.tensor([0, math.pi / 2, math.pi / 4, -0.6])[:, None]
    found = upright_around(torch.tensor([[50.0, 40, 20, 10]]).expand(4, -1), angles)
    corners = cv2.boxPoints(((50, 40), (20, 10), math.degrees(-0.6)))
    reach = 30 / math.sqrt(8)
    wanted = [[40, 35, 60, 45], [45, 30, 55, 50], [50 - reach, 40 - reach, 50 + reach, 40 + reach]]
    assert np.allclose(found[:3], wanted, atol=1e-4)
    assert np.allclose(found[3], [*corners.min(0), *corners.max(0)], atol=1e-4)
