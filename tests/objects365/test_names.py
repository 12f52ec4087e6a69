import pytest

from sav.detectors.names import checked_names
from sav.errors import SettingError
from tools.objects365.names import class_names, package_names, told_names


def categories(names):
    return [{"id": number, "name": name} for number, name in enumerate(names, 1)]


def test_the_list_is_complete_and_every_name_is_there_once():
    names = package_names()
    assert len(names) == len({name.casefold() for name in names}) == 365
    assert (names[0], names[12], names[206], names[364]) == (
        "Person",
        "Cabinet/shelf",
        "American Football",
        "Table Tennis",
    )
    assert list(checked_names(names).values()) == names


def test_the_publisher_s_order_is_that_of_the_ids_whatever_the_order_in_the_file():
    listed = package_names()
    assert told_names(reversed(categories(listed)), "train.json") == listed


def test_blanks_slashes_and_capitals_do_not_matter(tmp_path):
    told = package_names()
    told[12], told[56], told[0] = "Cabinet / Shelf", " Wild  Bird ", "person"
    assert class_names(told, tmp_path) == (package_names(), [])


def test_the_publisher_s_misspellings_are_put_right_and_named(tmp_path):
    told = package_names()
    told[37], told[52] = "Moniter/TV", "Bakset"
    names, lines = class_names(told, tmp_path)
    assert names == package_names()
    assert lines == [
        "class 38: the publisher's 'Moniter/TV' is called 'Monitor/TV'",
        "class 53: the publisher's 'Bakset' is called 'Basket'",
    ]


def test_a_class_that_is_unlike_the_listed_one_keeps_the_publisher_s_name(tmp_path):
    told = package_names()
    told[339] = "French  horn / Waldhorn"
    names, lines = class_names(told, tmp_path)
    assert names[339] == "French horn/Waldhorn" and len(lines) == 1


def test_another_order_of_classes_is_an_error(tmp_path):
    told = package_names()
    told[3], told[4] = told[4], told[3]
    with pytest.raises(SettingError, match="another order"):
        class_names(told, tmp_path / "objects365_train.json")


@pytest.mark.parametrize("count", [0, 80, 364, 366])
def test_other_categories_are_an_error_that_names_the_way_for_other_data(count):
    with pytest.raises(SettingError, match=r"tools\.finetune"):
        told_names(categories([f"class {number}" for number in range(count)]), "train.json")
