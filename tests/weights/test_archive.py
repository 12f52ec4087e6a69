"""Archives are read by several threads at once."""

import io
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from sav.weights.archive import Archive

CONTENTS = {f"part/{number}": bytes([number]) * (50 + number) for number in range(250)}


@pytest.fixture(params=["on the disk", "in memory"])
def file(request, tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number, (name, content) in enumerate(CONTENTS.items()):
            archive.writestr(name, content, zipfile.ZIP_DEFLATED if number % 3 == 0 else zipfile.ZIP_STORED)
    if request.param == "in memory":
        yield packed
        return
    (tmp_path / "archive.zip").write_bytes(packed.getvalue())
    with (tmp_path / "archive.zip").open("rb") as opened:
        yield opened


@pytest.fixture
def eager_threads():
    """Threads that take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("eager_threads")
def test_threads_do_not_disturb_each_other(file):
    archive = Archive(file)
    names = list(CONTENTS) * 4
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(archive.read, names)) == [CONTENTS[name] for name in names]
