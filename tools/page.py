"""A picture of the page in a browser, where a picture has been segmented and something in it pointed at.

    python -m tools.page SHOT.png TestImages/dogs.jpg --at 0.9,0.07 --name cloud

Needs what requirements-web.txt names, and a Chromium; `tools.pictures side_by_side` makes a JPEG of it.
"""

from __future__ import annotations

import argparse
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sav.files import whole_file
from sav.web.config import WebConfig

_MODELS = Path(__file__).resolve().parents[1] / "model"
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_SIZE: Any = {"width": 1280, "height": 800}
# The models are small and the picture is; others may be at work on the machine.
_PATIENCE_MS = 120_000
# Percent of the picture's width.
_SHARE_OF_SOURCE = "30"
# Until the last picture that the browser asked for is seen.
_SETTLING_MS = 1500


@contextmanager
def _site() -> Iterator[str]:
    """A site with the demo's models, by its address."""
    from sav.web.server import serving

    with serving(WebConfig(model_dir=_MODELS, port=0)) as site:
        thread = threading.Thread(target=site.run, name="site")
        thread.start()
        try:
            yield site.address
        finally:
            site.stop()
            thread.join()


def _shoot(page: Any, address: str, picture: Path, place_xy: tuple[float, float], name: str) -> bytes:
    """Do what a visitor does, and return the PNG of all that there is to see then.

    Args:
        page: A browser's.
        address: The site's.
        picture: Is dropped and segmented.
        place_xy: Is pointed at then, in shares of the picture's width and height.
        name: Of what is there.
    """
    page.goto(address)
    page.locator("#sav-canvas .empty").wait_for()
    page.locator("#sav-file input[type=file]").set_input_files(str(picture))
    told = page.locator("#sav-status")
    told.get_by_text("pixels: press Segment").wait_for()
    page.get_by_role("button", name="Segment", exact=True).click()
    told.get_by_text("object").wait_for()

    page.get_by_label("Point", exact=True).check()
    page.get_by_label("Name of what a point or box adds").fill(name)
    frame = page.locator("#sav-canvas .frame")
    box = frame.bounding_box()
    frame.click(position={"x": box["width"] * place_xy[0], "y": box["height"] * place_xy[1]})
    told.get_by_text(f"{name}: ").wait_for()
    page.get_by_role("button", name="Select none", exact=True).click()
    told.get_by_text("nothing is selected").wait_for()
    page.get_by_label("How much of the source is shown beside the result").fill(_SHARE_OF_SOURCE)
    page.wait_for_timeout(_SETTLING_MS)
    shot: bytes = page.screenshot(full_page=True)
    return shot


def _place(text: str) -> tuple[float, float]:
    across, down = map(float, text.split(","))
    return across, down


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's flags."""
    parser = argparse.ArgumentParser(prog="python -m tools.page", description=__doc__.split("\n\n")[0])
    parser.add_argument("out", type=Path, help="the PNG")
    parser.add_argument("picture", type=Path, help="what is dropped on the page")
    parser.add_argument("--at", type=_place, metavar="X,Y", required=True,
                        help="where to point, in shares of its width and height")  # fmt: skip
    parser.add_argument("--name", required=True, help="of what is there")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the picture."""
    args = parse(argv)
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    with _site() as address, sync_playwright() as running:
        browser = running.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page(viewport=_SIZE, device_scale_factor=1)
        page.set_default_timeout(_PATIENCE_MS)
        shot = _shoot(page, address, args.picture, args.at, args.name)
        browser.close()
    with whole_file(args.out) as staged:
        staged.write_bytes(shot)
    print(f"{args.out}: {len(shot) / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
