import hashlib
import http.server
import os
import threading
import zipfile

import pytest

from sav.checkpoints import OFFICIAL, Release, find_checkpoints
from sav.errors import CheckpointError
from tests.conftest import ROOT


def find_checkpoint(path, **more):
    return find_checkpoints([path], **more)[0]


@pytest.fixture
def served(tmp_path):
    """A folder that a web server on the loopback serves, its address, and the paths that were asked for."""
    folder, asked = tmp_path / "served", []
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, directory=str(folder), **kwargs)

        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.fixture
def published(served):
    """A small archive on the server, as an official SAM with its right digits, and one with wrong ones."""
    folder, address, _ = served
    with zipfile.ZipFile(folder / "sam.pth", "w") as archive:
        archive.writestr("weights", b"0123456789" * 1000)
    digits = hashlib.sha256((folder / "sam.pth").read_bytes()).hexdigest()
    return {
        "sam.pth": Release(f"{address}/sam.pth", digits),
        "wrong.pth": Release(f"{address}/sam.pth", "0" * 64),
        "missing.pth": Release(f"{address}/missing.pth"),
        "page.pt": Release(f"{address}/page.pt"),
        "yolo.pt": Release(f"{address}/sam.pth"),
        "cut.pt": Release(f"{address}/cut.pt"),
    }


def test_a_missing_official_checkpoint_is_downloaded_and_checked(tmp_path, served, published):
    target = tmp_path / "model" / "sam.pth"
    assert find_checkpoint(target, releases=published) == target
    assert target.read_bytes() == (served[0] / "sam.pth").read_bytes()
    assert [item.name for item in target.parent.iterdir()] == ["sam.pth"]


def test_one_that_is_there_is_not_downloaded_again(tmp_path, served, published):
    target = tmp_path / "sam.pth"
    target.write_bytes(b"mine")
    assert find_checkpoint(target, releases=published).read_bytes() == b"mine"
    assert served[2] == []


def test_one_without_a_published_digest_is_checked_as_an_archive(tmp_path, published):
    assert find_checkpoint(tmp_path / "yolo.pt", releases=published).exists()


@pytest.mark.parametrize("name", ["wrong.pth", "missing.pth", "page.pt", "cut.pt"])
def test_a_bad_download_leaves_nothing_and_says_where_to_get_the_file(tmp_path, served, published, name):
    (served[0] / "page.pt").write_text("<html>please log in</html>")
    (served[0] / "cut.pt").write_bytes((served[0] / "sam.pth").read_bytes()[:5000])
    with pytest.raises(CheckpointError, match=r"get it from http.* and put it at"):
        find_checkpoint(tmp_path / "new" / "model" / name, releases=published)
    assert not (tmp_path / "new").exists()

    (tmp_path / "model").mkdir()
    with pytest.raises(CheckpointError):
        find_checkpoint(tmp_path / "model" / name, releases=published)
    assert list((tmp_path / "model").iterdir()) == []


def test_all_that_are_missing_are_named_before_anything_is_downloaded(tmp_path, served, published):
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*best\.pt.*; .*folder") as caught:
        find_checkpoints(
            [tmp_path / "sam.pth", tmp_path / "best.pt", served[0]], offline=False, releases=published
        )
    assert "sam.pth;" not in str(caught.value)
    line = r"^no checkpoints at \S+yolo\.pt and \S+sam\.pth, [^;]+; get them from \S+ and \S+$"
    with pytest.raises(CheckpointError, match=line):
        find_checkpoints([tmp_path / "yolo.pt", tmp_path / "sam.pth"], offline=True, releases=published)
    assert served[2] == []


def test_what_is_neither_a_file_nor_a_folder_is_no_checkpoint(tmp_path):
    os.mkfifo(tmp_path / "sam.pth")
    with pytest.raises(CheckpointError, match="is not a file"):
        find_checkpoint(tmp_path / "sam.pth")


def test_with_no_network_the_error_says_where_to_get_the_file(tmp_path):
    unreachable = {"sam.pth": Release("http://127.0.0.1:9/sam.pth", "abc")}
    with pytest.raises(
        CheckpointError, match=r"could not download sam\.pth .*get it from http://127\.0\.0\.1:9"
    ):
        find_checkpoint(tmp_path / "sam.pth", releases=unreachable)


def test_offline_never_tries(tmp_path, served, published):
    with pytest.raises(CheckpointError, match=r"--offline.*get it from"):
        find_checkpoint(tmp_path / "sam.pth", offline=True, releases=published)
    assert served[2] == []


def test_a_name_that_is_not_official_is_answered_with_the_nearest_that_is(tmp_path):
    with pytest.raises(CheckpointError, match=r"mine\.pth; model/README\.md has the names"):
        find_checkpoint(tmp_path / "mine.pth")
    with pytest.raises(CheckpointError, match=r"did you mean yolov8s-worldv2\.pt\? That is downloaded"):
        find_checkpoint(tmp_path / "yolov8s-world2.pt")


def test_a_folder_is_not_a_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="is a folder"):
        find_checkpoint(tmp_path)


def test_the_official_names_are_those_of_their_publishers():
    words = {
        "yolov8s-worldv2.pt",
        "yolov8x-world.pt",
        "yoloe-11s-seg.pt",
        "yoloe-v8l-seg-pf.pt",
        "yoloe-26n-seg.pt",
    }
    assert words < set(OFFICIAL)
    assert {name for name in OFFICIAL if not name.startswith(("yoloe", "yolov8")) or len(name) == 10} == {
        "sam_vit_h_4b8939.pth", "sam_vit_l_0b3195.pth", "sam_vit_b_01ec64.pth", "mobile_sam.pt",
        "sam2_hiera_tiny.pt", "sam2_hiera_small.pt", "sam2_hiera_base_plus.pt", "sam2_hiera_large.pt",
        "sam2.1_hiera_tiny.pt", "sam2.1_hiera_small.pt", "sam2.1_hiera_base_plus.pt", "sam2.1_hiera_large.pt",
        "yolov8n.pt", "yolov8s.pt", "yolov8m.pt", "yolov8l.pt", "yolov8x.pt",
        "ViT-B-32.pt", "mobileclip_blt.pt", "mobileclip2_b.pt",
    }  # fmt: skip
    for name, release in OFFICIAL.items():
        assert release.url.endswith("/" + name)
        assert len(release.sha256) == (0 if name.startswith(("yolo", "mobileclip")) else 64)


def test_the_note_beside_them_has_every_official_name_address_and_digest():
    note = (ROOT / "model" / "README.md").read_text()
    for name, release in OFFICIAL.items():
        assert f"[{name}]({release.url})" in note
        assert release.sha256 in note
