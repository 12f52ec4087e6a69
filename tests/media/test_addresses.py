"""How sources are spelled, and what of an address others may see."""

from __future__ import annotations

from pathlib import Path

import pytest

from sav.media.addresses import local_path, scheme_of, shown


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("rtsp://camera/stream1", "rtsp://camera/stream1"),
        ("rtsp://user:secret@camera:554/stream1", "rtsp://camera:554/stream1"),
        ("rtsp://user:sec%40ret@camera/stream1", "rtsp://camera/stream1"),
        ("rtsp://user:sec@ret@camera/stream1", "rtsp://camera/stream1"),
        ("rtsp://user:sec/ret@camera/stream1", "rtsp://camera/stream1"),
        ("rtsp://user:sec?ret@camera/stream1", "rtsp://camera/stream1"),
        ("rtsp://user:sec#ret@camera/stream1", "rtsp://camera/stream1"),
        ("rtsp://secret@camera", "rtsp://camera"),
        ("http://host/a.mp4?token=secret", "http://host/a.mp4?..."),
        ("http://host/a.mp4?a=1&X-Amz-Signature=secret&b=2", "http://host/a.mp4?..."),
        ("http://host/a.mp4#access_token=secret", "http://host/a.mp4?..."),
        ("http://host?key=secret", "http://host?..."),
        ("https://u:secret@host:8443/a/b.m3u8?sig=secret", "https://host:8443/a/b.m3u8?..."),
        ("http://[::1]:8000/a.mp4", "http://[::1]:8000/a.mp4"),
        ("http://user:secret@[::1]/a.mp4", "http://[::1]/a.mp4"),
        ("https://video.example/@somebody/clip.mp4", "https://video.example/@somebody/clip.mp4"),
        ("srt://host:9000?passphrase=secret&mode=caller", "srt://host:9000?..."),
    ],
)
def test_an_address_is_shown_without_what_is_secret(address: str, seen: str) -> None:
    assert shown(address) == seen


def test_schemes_are_told_from_paths() -> None:
    assert [scheme_of(address) for address in ("HTTP://a/b", "rtsp:/a", "x-y.z+1://c")] == [
        "http",
        "rtsp",
        "x-y.z+1",
    ]
    assert {scheme_of(path) for path in ("a.mp4", "C:/a.mp4", "/a:b/c", "a b://c", Path("http://a"))} == {""}


def test_a_local_path_is_found_in_every_spelling(tmp_path: Path) -> None:
    path = tmp_path / "a b%20c.mp4"
    path.touch()
    spellings = [path, str(path), f"file:{path}", f"file://{path}", f"file://localhost{path}"]
    quoted = str(path).replace("%", "%25").replace(" ", "%20")
    for spelling in [*spellings, f"file://{quoted}"]:
        assert local_path(spelling) == path
    assert local_path("http://host/a.mp4") is None
    assert local_path("0") == Path("0")
