from sav.wording import Names, count


def test_one_is_not_many() -> None:
    assert [count(number, "object") for number in (0, 1, 2)] == ["0 objects", "1 object", "2 objects"]


def test_of_many_names_ten_are_told_and_the_others_counted() -> None:
    assert [str(Names(range(number))) for number in (0, 1, 3)] == ["", "0", "0, 1, 2"]
    assert str(Names(range(12))) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"
    assert len(Names(range(12))) == 12
