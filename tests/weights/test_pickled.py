"""What pickles become without being run, and what is said of hostile ones."""

import collections
import contextlib
import io
import pathlib
import pickle
import struct

import numpy as np
import pytest

from sav.weights.made import Made, Name, PickleError
from sav.weights.pickled import load


def read(content: bytes):
    return load(io.BytesIO(content))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "value",
    [
        None,
        [1, -1, 2**31, 2**80, 1.5, True],
        {"names": {0: "person", 1: "ψ"}, "nested": ([1, (2, 3, 4, 5)], {"a": []})},
        {1, 2, 3},
        collections.OrderedDict([("b", 1), ("a", [2])]),
        "long " * 100,
    ],
)
def test_containers_and_constants_are_themselves(value, protocol):
    got = read(pickle.dumps(value, protocol))
    assert got == value
    assert isinstance(got, dict) or type(got) is type(value)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_what_would_have_been_called_is_noted_down(protocol):
    path = read(pickle.dumps(pathlib.PurePosixPath("a"), protocol))
    assert path.maker.endswith("PurePosixPath") and path.args == ("a",) and not path.is_new
    array = read(pickle.dumps(np.arange(3), protocol))
    assert isinstance(array, Made) and array.maker.startswith("numpy.")


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_is_called(tmp_path, protocol):
    class Trap:
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'sprung')!r}, 'w')",)

    trap = read(pickle.dumps({"a": Trap()}, protocol))["a"]
    assert trap.maker == "builtins.exec"
    assert list(tmp_path.iterdir()) == []


def test_one_object_in_two_places_stays_one():
    shared = [1]
    got = read(pickle.dumps({"a": shared, "b": (shared, shared)}))
    assert got["a"] is got["b"][0] is got["b"][1]


def test_names_are_values_too():
    assert read(pickle.dumps({"dtype": np.ndarray})) == {"dtype": Name("numpy.ndarray")}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80",
        b"\x80\x02",
        b"\x80\x02.",
        b"hello",
        b"\x80\x02K\x01",
        b"\x80\x02h\x07.",
        b"\x80\x02K\x01a.",
        b"\x80\x02}K\x01u.",
        b"\x80\x02(u.",
        b"\x80\x02K\x01K\x02R.",
        b"\x80\x02cos\nsystem\nK\x01R.",
        b"\x80\x02K\x01Q.",
        b"\x80\x02(X\x07\x00\x00\x00storageK\x01K\x02K\x03K\x04tQ.",
        b"\x80\x02\x87.",
        b"\x80\x04]K\x01\x90.",
        b"c__builtin__\nset\n(K\x01t\x52.",
        b"ccollections\nOrderedDict\n(](K\x01eatR.",
        b"(I1\nios\nsystem\n.",
        b"Pname\n.",
        b"\x82\x01.",
        b"L" + b"9" * 10000 + b"L\n.",
        b"\x8e" + struct.pack("<Q", 2**60) + b"abc.",
    ],
)
def test_a_damaged_or_odd_pickle_is_one_kind_of_error(content):
    with pytest.raises(PickleError) as caught:
        read(content)
    assert "\n" not in str(caught.value)


def test_random_damage_is_the_same_kind_of_error():
    whole = pickle.dumps({"names": {0: "a"}, "path": pathlib.PurePosixPath("a"), "list": [1.5, (2,)]}, 2)
    random = np.random.default_rng(0)
    for _ in range(2000):
        content = bytearray(whole)
        for place in random.integers(0, len(whole), random.integers(1, 4)):
            content[place] = random.integers(256)
        with contextlib.suppress(PickleError):
            read(bytes(content))


def test_a_memo_of_billions_takes_no_memory():
    assert read(b"\x80\x02K\x01r\xff\xff\xff\xff.") == 1
    assert read(b"K\x01p99999999999999\n.") == 1


def test_a_key_of_tuples_in_tuples_does_not_overflow_the_stack():
    deep = b"\x80\x02})" + b"\x85" * 200_000 + b"K\x01s."
    assert list(read(deep).values()) == [1]


def test_keys_that_would_all_collide_cost_no_time():
    collide = 2**61 - 1
    many = {number * collide: None for number in range(200)}
    assert len(read(pickle.dumps(many))) == 200
    content = b"\x80\x02}(" + b"".join(
        b"\x8a\x0a" + (number * collide).to_bytes(10, "little") + b"N" for number in range(1, 60_000)
    )
    assert len(read(content + b"u.")) == 59_999


def test_a_pickle_without_end_is_refused(monkeypatch):
    monkeypatch.setattr("sav.weights.pickled.MOST_INSTRUCTIONS", 1000)
    with pytest.raises(PickleError, match="more than 1000 instructions"):
        read(b"\x80\x02" + b"N0" * 600 + b"N.")
