"""Who comes in, through which doors, and what a browser is told: asked of the site as anybody can ask it."""

import base64
import http.client
import json
import re
import time
from pathlib import Path

import pytest

pytest.importorskip("gradio")

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from sav.web.guard import Guard


@pytest.fixture
def ask(site):
    """One request, sent as it is: nothing in it is put right first."""

    def ask(method, path, body=None, **headers):
        connection = http.client.HTTPConnection(site.address.removeprefix("http://"), timeout=60)
        connection.putrequest(method, path, skip_host="host" in headers)
        if body is not None:
            headers.setdefault("content_length", str(len(body)))
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders(body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), content

    return ask


def upload(ask, name, content):
    border = b"----border"
    head = f'Content-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
    body = b"--" + border + b"\r\n" + head + content + b"\r\n--" + border + b"--\r\n"
    kind = "multipart/form-data; boundary=" + border.decode()
    status, _, said = ask("POST", "/gradio_api/upload", body, content_type=kind)
    return status, said


def test_the_page_names_no_other_host_and_tells_the_browser_to_ask_none(ask):
    status, headers, content = ask("GET", "/")
    assert status == 200
    for word in (b"googleapis", b"gstatic", b"cdnjs", b"jsdelivr", b"unpkg", b'<script src="http'):
        assert word not in content
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_the_style_sheet_fetches_no_fonts_from_elsewhere(ask):
    status, _, content = ask("GET", "/theme.css")
    assert status == 200
    assert b"@import" not in content and not re.search(rb"url\(['\"]?(https?:)?//", content)


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=../../etc/passwd",
        "/file=/etc/passwd",
        "/gradio_api/file/etc/passwd",
        "/gradio_api/proxy=http://localhost/",
        "/gradio_api/proxy=https://example.com/",
        "/static/../../../../etc/passwd",
        "/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%2f..%2f..%2fetc%2fpasswd",
        "/results/../../etc/passwd",
        "/results/none/source",
        "/results/none/files/..%2f..%2fetc%2fpasswd",
        "/results/%2e%2e/files/passwd",
        "/gradio_api/runs",
        "/gradio_api/openapi.json",
        "/monitoring",
        "/gradio_api/token",
        "/login",
        "/docs",
        "//etc/passwd",
    ],
)
def test_no_path_leads_to_files_or_to_other_hosts(path, ask):
    status, _, content = ask("GET", path)
    assert status in (400, 403, 404) and b"root:" not in content


def test_a_file_that_is_an_address_is_not_fetched(ask):
    file = {"path": "http://127.0.0.1:9/x.jpg", "meta": {"_type": "gradio.FileData"}}
    for data in ([file], [[{"a": file}]], [{**file, "path": "ftp://h/x"}]):
        body = json.dumps({"data": data, "fn_index": 0, "session_hash": "a"}).encode()
        status, _, said = ask("POST", "/gradio_api/queue/join", body, content_type="application/json")
        assert status == 400 and b"your machine" in said


def test_what_is_no_upload_is_short(ask):
    body = json.dumps({"data": ["x" * 300_000]}).encode()
    assert ask("POST", "/gradio_api/queue/join", body, content_type="application/json")[0] == 413


def test_an_upload_stays_in_its_folder_whatever_its_name_and_has_a_limit(ask, site):
    for name in ("../../../evil.png", "/etc/evil.png", "..\\\\..\\\\evil.png", "a/../../evil.png"):
        status, said = upload(ask, name, b"x")
        assert status in (200, 400), said
        if status == 200:
            (path,) = json.loads(said)
            assert path.startswith(str(site.desk.results.uploads)) and ".." not in Path(path).parts
    status, said = upload(ask, "large.png", bytes(3_000_000))
    assert status == 413, said
    assert not [file for file in site.desk.results.uploads.rglob("*") if file.stat().st_size > 2_000_000]


def test_other_peoples_pages_cannot_use_a_browser_to_come_in(ask):
    assert ask("GET", "/", host="evil.example")[0] == 400
    assert ask("GET", "/", host="localhost:7860")[0] == 200
    body = json.dumps({"data": [], "fn_index": 0, "session_hash": "a"}).encode()
    headers = {"content_type": "application/json", "origin": "http://evil.example"}
    status, answered, _ = ask("POST", "/gradio_api/queue/join", body, **headers)
    assert "access-control-allow-origin" not in answered or answered["access-control-allow-origin"] != "*"
    assert status >= 400 or "access-control-allow-origin" not in answered


def guarded(password="", hosts=()):
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("in"))])
    return TestClient(Guard(app, password, hosts))


def basic(text):
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def test_with_a_password_nothing_is_to_be_had_without_it(monkeypatch):
    monkeypatch.setattr("sav.web.guard._WRONG", 0.0)
    client = guarded("пароль: 7")
    assert client.get("/").status_code == 401
    assert client.get("/").headers["www-authenticate"].startswith("Basic")
    for wrong in ("a:", "a:b", "пароль: 7:", ":", "a:пароль: 77"):
        assert client.get("/", headers=basic(wrong)).status_code == 401
    for odd in ("", "Basic", "Basic !!!", "Bearer abc", "Basic " + "A" * 999):
        assert client.get("/", headers={"authorization": odd}).status_code == 401
    assert client.get("/", headers=basic("anybody:пароль: 7")).text == "in"


def test_a_wrong_password_costs_time(monkeypatch):
    monkeypatch.setattr("sav.web.guard._WRONG", 0.2)
    begun = time.monotonic()
    assert guarded("x").get("/", headers=basic("a:b")).status_code == 401
    assert time.monotonic() - begun >= 0.2


def test_a_disk_without_room_takes_no_uploads_and_the_page_stays_up():
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("in"))])
    client = TestClient(Guard(app, "", (), has_room=lambda: False))
    assert client.post("/gradio_api/upload", content=b"x").status_code == 507
    assert client.get("/").text == "in"


def test_doors_that_the_page_does_not_need_are_none():
    assert guarded().get("/secret").status_code == 404
