"""The site is whole, has what stands elsewhere in the repository, and asks no other host for anything."""

import functools
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.web.conftest import CHROMIUM

pytestmark = pytest.mark.long

# What a browser fetches by itself, or runs.
FETCHED = {
    "audio": "src", "embed": "src", "iframe": "src", "img": "src", "link": "href", "object": "data",
    "script": "src", "source": "src", "video": "src",
}  # fmt: skip


class Fetched(HTMLParser):
    """Collects what a page has the browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        address = given.get(FETCHED.get(tag, ""))
        if address and given.get("rel") != "canonical":
            self.addresses.append(address)


def read(page: Path) -> Fetched:
    parser = Fetched()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def test_no_page_has_anything_fetched_from_elsewhere(built):
    pages = sorted(built.rglob("*.html"))
    assert len(pages) > 15
    for page in pages:
        addresses = read(page).addresses
        assert addresses
        assert [address for address in addresses if urlsplit(address).netloc] == [], page


def test_no_style_has_anything_fetched_from_elsewhere(built):
    for style in built.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert "url(http" not in text and "url(//" not in text and "@import" not in text, style


def test_every_file_that_a_page_shows_is_there(built):
    for page in built.rglob("*.html"):
        for address in read(page).addresses:
            path = urlsplit(address).path
            at = built / path.lstrip("/") if path.startswith("/") else page.parent / path
            assert page.name == "404.html" or at.resolve().exists(), (page, address)


def test_readme_and_what_lies_elsewhere_are_pages(built):
    for page in ("index", "checkpoints", "benchmarks", "changelog"):
        assert (built / f"{page}.html").is_file(), page
    assert {"sav.Segmenter.load", "sav.Segmenter.track"} <= read(built / "python" / "segmenter.html").ids


@pytest.fixture(scope="module")
def address(built: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(built)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_in_a_browser_search_works_and_no_other_host_is_asked(address):
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 844})
        asked: list[str] = []
        faults: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        for name in ("index.html", "how.html", "formats.html", "python/scenes.html"):
            page.goto(f"{address}/{name}")
            assert page.evaluate("document.documentElement.scrollWidth") == 390, name

        page.locator("label[for=__search]").first.click()
        page.get_by_placeholder("Search").press_sequentially("cutout_matte")
        page.locator(".md-search-result__link").first.click()
        page.wait_for_url("**/formats.html**")
        browser.close()

    assert faults == []
    hosts = {urlsplit(url).netloc for url in asked if not url.startswith(("blob:", "data:"))}
    assert hosts == {urlsplit(address).netloc}
