from sav.wording import count


def test_one_is_not_many() -> None:
    assert [count(number, "object") for number in (0, 1, 2)] == ["0 objects", "1 object", "2 objects"]
