import subprocess
import sys

import pytest

from sav.formats.registry import FORMATS, format_names, resolve_formats, writer_class
from sav.formats.writer import AnnotationWriter


@pytest.mark.parametrize("for_video", [False, True])
def test_every_line_of_the_registry_leads_to_a_writer(for_video):
    for name in format_names(for_video):
        assert issubclass(writer_class(name, for_video), AnnotationWriter)


def test_video_can_be_saved_in_every_format():
    assert format_names(for_video=True) == list(FORMATS)


def test_names_come_once_and_in_the_registrys_order():
    assert resolve_formats(["csv", "coco", "csv"], for_video=False) == ["coco", "csv"]
    assert resolve_formats(["all"], for_video=True) == list(FORMATS)
    assert "mot" not in resolve_formats(["all"], for_video=False)


@pytest.mark.parametrize(
    ("names", "message"),
    [(["coko"], "there is no format 'coko'; there are coco, yolo"), (["mot"], "'mot' is for video alone")],
)
def test_what_cannot_be_saved_is_named(names, message):
    with pytest.raises(ValueError, match=message):
        resolve_formats(names, for_video=False)


def test_the_registry_imports_nothing_heavy():
    script = (
        "import sys, sav.formats.registry;"
        "print([name for name in ('torch', 'cv2', 'av', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
