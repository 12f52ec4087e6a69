"""A picture goes up once for all who see it in one call, and again in the next."""

import weakref

import numpy as np
import torch

from sav.uploads import shared, uploaded

CPU = torch.device("cpu")


def test_a_shared_picture_goes_up_once_and_one_that_is_not_each_time(picture):
    view = shared(picture)
    assert uploaded(view, CPU) is uploaded(view, CPU)
    assert uploaded(picture, CPU) is not uploaded(picture, CPU)
    assert uploaded(shared(picture), CPU) is not uploaded(view, CPU)
    assert (uploaded(view, CPU).numpy() == picture).all()


def test_a_callers_array_with_another_picture_in_it_is_not_taken_for_the_first():
    buffer = np.zeros((4, 5, 3), np.uint8)
    first = uploaded(shared(buffer), CPU).clone()
    buffer[:] = 7
    assert (first == 0).all() and (uploaded(shared(buffer), CPU) == 7).all()


def test_parts_and_copies_of_a_shared_picture_are_pictures_of_their_own(picture):
    view = shared(picture)
    uploaded(view, CPU)
    for part in (view[10:50, 20:], view.copy(), view[..., ::-1], np.ascontiguousarray(view[:, ::2])):
        assert (uploaded(part, CPU).numpy() == part).all()
        assert uploaded(part, CPU) is not uploaded(part, CPU)


def test_a_picture_that_may_not_be_written_to_is_taken_without_a_warning(picture):
    picture.flags.writeable = False
    assert (uploaded(picture, CPU).numpy() == picture).all()


def test_what_went_up_goes_with_the_view(picture):
    view = shared(picture)
    kept = weakref.ref(uploaded(view, CPU))
    assert kept() is not None
    del view
    assert kept() is None
