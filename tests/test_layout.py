"""The house: arrows run down alone, and one door leads to each package that is somebody else's."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

# From the ground up. A room uses what lies below it, and itself.
FLOORS = (
    {"errors", "wording", "checks", "config", "looks", "words"},
    {"data"},
    {
        "apart",
        "cores",
        "files",
        "spool",
        "sqlite",
        "interrupts",
        "without_compiler",
        "operators",
        "device",
        "captures",
        "graphs",
        "picture_graphs",
        "streams",
        "uploads",
        "checkpoints",
        "presets",
    },
    {"weights"},
    {"media"},
    {"sam", "detectors", "trackers"},
    {"drawing", "formats", "stages"},
    {"store", "folder"},
    {"inputs", "video_scenes", "segmenter"},
    {"runs", "evaluate"},
    {"cluster"},
    {"web"},
    {"commands"},
    {"__main__", "__init__"},
)
# Who may know a package; nobody else does.
DOORS = {
    "av": ("sav/media/", "sav/formats/alpha_video.py"),
    "ultralytics": ("sav/detectors/door.py",),
    "segment_anything": ("sav/sam/",),
    "torchvision": ("sav/operators.py",),
    "open_clip": ("sav/detectors/text.py",),
    "tqdm": ("sav/commands/",),
    "argparse": ("sav/commands/",),
    "sqlite3": ("sav/sqlite/", "sav/store/", "sav/spool.py"),
    "trackeval": ("sav/evaluate/",),
    "supervision": ("sav/data/conversions.py",),
    "pandas": ("sav/data/conversions.py",),
    "gradio": ("sav/web/",),
    "ray": ("sav/cluster/",),
    "starlette": ("sav/web/",),
    "uvicorn": ("sav/web/",),
}
# A scene is data alone; these methods of its are short for functions that are further up.
SHORT_CUTS = {
    ("sav.data.scene", "sav.drawing"),
    ("sav.data.scene", "sav.media.pictures"),
}


@cache
def nodes(path: Path) -> list[ast.AST]:
    """All that a file is made of."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@cache
def imports(path: Path) -> tuple[str, ...]:
    """The modules that a file imports when it runs, wherever in it, not for types alone."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for_types = {
        node
        for block in nodes(path)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in [ast.unparse(line) for line in block.body]
    }
    for node in nodes(path):
        if isinstance(node, ast.Import) and ast.unparse(node) not in for_types:
            yield from (name.name for name in node.names)
        if isinstance(node, ast.ImportFrom) and ast.unparse(node) not in for_types:
            module = node.module or ""
            yield from ([f"sav.{name.name}" for name in node.names] if module == "sav" else [module])


def modules() -> list[Path]:
    return sorted((ROOT / "sav").rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def floor_of(module: str) -> int:
    room = module.split(".")[1] if "." in module else "__init__"
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def test_a_module_uses_what_lies_below_it() -> None:
    for module, used in ((name_of(path), used) for path in modules() for used in imports(path)):
        if not used.startswith("sav.") or used == "sav.__version__" or (module, used) in SHORT_CUTS:
            continue
        room, other = module.split(".")[1:2], used.split(".")[1:2]
        assert room == other or floor_of(used) <= floor_of(module), f"{module} uses {used}, which is above it"


def test_the_ground_floor_knows_nothing_of_its_house_and_data_only_itself() -> None:
    for path in modules():
        module = name_of(path)
        if floor_of(module) == 1:
            above = [used for used in imports(path) if used.startswith("sav.") and floor_of(used) != 1]
            assert all((module, used) in SHORT_CUTS for used in above), (module, above)


@pytest.mark.parametrize("package", DOORS)
def test_one_door_leads_to_a_package(package: str) -> None:
    knowing = [path for path in modules() if any(used.split(".")[0] == package for used in imports(path))]
    inside = [path.relative_to(ROOT).as_posix() for path in knowing]
    assert all(path.startswith(DOORS[package]) for path in inside), inside


def test_only_commands_print() -> None:
    for path in modules():
        if not name_of(path).startswith("sav.commands"):
            called = [ast.unparse(node.func) for node in nodes(path) if isinstance(node, ast.Call)]
            assert "print" not in called, path


def test_tools_import_nothing_of_the_tests_and_the_program_nothing_of_either() -> None:
    for path in sorted((ROOT / "tools").rglob("*.py")):
        assert not any(used.split(".")[0] == "tests" for used in imports(path)), path
    for path in modules():
        assert not any(used.split(".")[0] in ("tests", "tools") for used in imports(path)), path
