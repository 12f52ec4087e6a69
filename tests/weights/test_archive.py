"""Archives are read by several threads at once."""

import io
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from sav.weights.archive import Archive

CONTENTS = {f"part/{number}": bytes([number]) * (50 + number) for number in range(100)}


class Slow(io.BytesIO):
    """A file in memory in which somebody else is always quicker."""

    def tell(self):
        time.sleep(1e-5)
        return super().tell()


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_threads_do_not_disturb_each_other(compression, monkeypatch):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for name, content in CONTENTS.items():
            archive.writestr(name, content)
    # So it is in Python 3.12.3, which then takes members for overlapping ones.
    monkeypatch.setattr(zipfile._SharedFile, "tell", lambda shared: shared._file.tell(), raising=False)

    archive, names = Archive(Slow(packed.getvalue())), list(CONTENTS) * 2
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(archive.read, names)) == [CONTENTS[name] for name in names]
