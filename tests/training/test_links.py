import os

import pytest

from sav.errors import SettingError
from tools.training import links
from tools.training.links import Links, links_between


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pictures" / "patch0").mkdir(parents=True)
    (tmp_path / "pictures" / "patch0" / "a.jpg").write_bytes(b"a")
    return tmp_path / "pictures"


@pytest.fixture
def no_symbolic(monkeypatch):
    """A system on which folders cannot be linked, as Windows without the right to."""
    monkeypatch.setattr(links, "_link_folder", lambda folder, link: False)


def test_a_folder_is_linked_and_the_link_moves_with_both(folder, tmp_path):
    made = links_between(folder, folder / "work")
    made.bring_folder(folder / "patch0", folder / "work" / "images" / "patch0")
    made.bring(folder / "patch0" / "a.jpg", folder / "work" / "images" / "patch0" / "a.jpg")
    moved = folder.rename(tmp_path / "moved")
    assert (moved / "work" / "images" / "patch0" / "a.jpg").read_bytes() == b"a"
    assert not list((moved / "work").glob(".links-*"))


def test_a_link_that_leads_elsewhere_is_put_right(folder, tmp_path):
    link = tmp_path / "work" / "patch0"
    link.parent.mkdir()
    link.symlink_to(tmp_path, target_is_directory=True)
    for _ in range(2):
        Links(by_folder=True).bring_folder(folder / "patch0", link)
        assert (link / "a.jpg").read_bytes() == b"a"


@pytest.mark.usefixtures("no_symbolic")
def test_without_links_to_folders_pictures_are_hard_links(folder, tmp_path):
    made = links_between(folder, tmp_path / "work")
    link = tmp_path / "work" / "images" / "patch0"
    assert not made.by_folder
    for _ in range(2):
        made.bring_folder(folder / "patch0", link)
        made.bring(folder / "patch0" / "a.jpg", link / "a.jpg")
    assert (folder / "patch0" / "a.jpg").samefile(link / "a.jpg")


@pytest.mark.usefixtures("no_symbolic")
def test_where_nothing_can_be_linked_the_message_says_what_to_do(folder, tmp_path, monkeypatch):
    def refused(*args):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refused)
    with pytest.raises(SettingError, match="--work"):
        links_between(folder, tmp_path / "work")
