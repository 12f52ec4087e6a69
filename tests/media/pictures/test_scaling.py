"""The one rule by which deep pictures become 8 bits."""

import numpy as np
import pytest

from sav.media.pictures.scaling import choose_range, to_8_bits

SHARES = np.tile(np.linspace(0, 0.6, 80), (60, 1))  # as in a picture with highlights at 0.6
WANTED = np.rint(SHARES * 255)


def between(black: float, white: float, dtype: str) -> np.ndarray:
    return np.rint(SHARES * (white - black) + black).astype(dtype)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_floats_from_0_to_1_are_shares_of_white(dtype):
    assert np.abs(to_8_bits(SHARES.astype(dtype)) - WANTED).max() <= (1 if dtype == "f2" else 0)


@pytest.mark.parametrize(
    ("dtype", "black", "white"),
    [
        ("u1", 0, 255), ("u2", 0, 255), ("u2", 0, 1023), ("u2", 0, 4095), ("u2", 0, 16383), ("u2", 0, 65535),
        ("u4", 0, 255), ("u4", 0, 65535), ("u4", 0, 2**32 - 1), ("u8", 0, 2**64 - 1),
        ("i1", 0, 127), ("i1", -128, 127), ("i2", 0, 4095), ("i2", 0, 32767), ("i2", -32768, 32767),
        ("i4", 0, 2**31 - 1), ("i4", -(2**31), 2**31 - 1), ("i2", -2048, 2047), ("i8", -(2**63), 2**63 - 1),
        ("f4", 0, 255), ("f4", 0, 4095), ("f4", 0, 65535), ("f8", 0, 2**32 - 1), ("f4", -32768, 32767),
    ],
)  # fmt: skip
def test_numbers_fill_the_narrowest_usual_range_that_holds_them(dtype, black, white):
    step = 255 / (white - black)
    assert np.abs(to_8_bits(between(black, white, dtype)) - WANTED).max() <= max(1, step)


def test_floats_from_minus_1_to_1_are_shares_of_that_range():
    assert np.abs(to_8_bits((SHARES * 2 - 1).astype("f4")) - WANTED).max() <= 1
    assert choose_range(np.array([[-0.2, 0.3]], "f4")) == choose_range(np.array([[-1.0, 1.0]], "f4"))


@pytest.mark.parametrize("outlier", [np.inf, -np.inf, np.nan, 1.0001, 40.0, 1e30, -9999.0])
def test_one_odd_pixel_does_not_change_the_others(outlier):
    values = SHARES.astype("f4")
    values[0, 0] = outlier
    assert (to_8_bits(values)[1:] == WANTED[1:]).all()
    assert to_8_bits(values)[0, 0] == (255 if outlier > 1 else 0)


def test_floats_beyond_1_that_are_no_whole_numbers_go_to_their_greatest():
    values = (SHARES * 2).astype("f4")  # to 1.2, as of bright clouds
    assert to_8_bits(values)[:, -1].min() == 255
    assert abs(to_8_bits(values).mean() - 127.5) < 1


def test_negative_values_of_no_usual_range_go_from_least_to_greatest():
    ct_numbers = np.linspace(-1024, 3071, 4096).astype("i2").reshape(64, 64)
    assert (to_8_bits(ct_numbers).min(), to_8_bits(ct_numbers).max()) == (0, 255)
    scores = np.random.default_rng(0).normal(size=(50, 50))
    assert (to_8_bits(scores).min(), to_8_bits(scores).max()) == (0, 255)


def test_slightly_negative_values_are_black():
    values = SHARES * 4095
    values[:, :20] -= 30
    assert choose_range(values).black == 0
    assert choose_range(values).white == 4095


def test_what_a_file_calls_nothing_is_black_and_does_not_count():
    values = SHARES.astype("f4")
    values[:, :40] = -9999
    scaled = to_8_bits(values, nodata=-9999.0)
    assert (scaled[:, 40:] == WANTED[:, 40:]).all()
    assert not scaled[:, :40].any()


def test_eight_bits_stay_as_they_are():
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert (to_8_bits(values) == values).all()


def test_sixteen_bits_are_divided_by_257():
    deep = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    assert (to_8_bits(deep) == (deep.astype(int) + 128) // 257).all()


def test_fewer_bits_than_a_byte_are_spread():
    assert to_8_bits(np.array([[0, 7, 15]], np.uint8), bits=4).tolist() == [[0, 119, 255]]


@pytest.mark.parametrize("value", [0, 5, -7, 0.25, np.nan, np.inf])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_picture_of_one_value_is_a_picture(value, dtype):
    scaled = to_8_bits(np.full((20, 30), value, dtype))
    assert (scaled == scaled[0, 0]).all()


def test_all_channels_are_scaled_alike():
    values = np.stack([between(0, 4095, "u2"), np.zeros((60, 80), "u2"), between(0, 1023, "u2")], axis=2)
    scaled = to_8_bits(values)
    assert scaled[..., 0].max() == 153
    assert scaled[..., 1].max() == 0
    assert abs(int(scaled[..., 2].max()) - 38) <= 1


def test_other_types_are_pictures_too():
    assert to_8_bits(np.array([[True, False]])).tolist() == [[255, 0]]
    assert to_8_bits(np.array([[True, False]]), white_is_zero=True).tolist() == [[0, 255]]
    assert to_8_bits(np.array([[0.6j, 0.8]])).tolist() == [[153, 204]]
