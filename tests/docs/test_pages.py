"""Every page is true: programs understand its commands, its Python compiles, its links look like links."""

import ast
import re
import shlex
from importlib import import_module
from urllib.parse import urlsplit

import pytest

import sav
from tests.conftest import ROOT
from tests.docs.commands import commands, understand

PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in sorted(
        [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("model/*.md"), *ROOT.glob("tools/*/*.md")]
    )
    if path.name != "CHANGELOG.md"
}
COMMANDS = [(page, shlex.join(words)) for page, text in PAGES.items() for words in commands(text)]
# What goes over the results of a run, and takes no second.
AFTER_A_RUN = re.compile(
    r"python -m sav (export|render|evaluate|refine) (SegOut|street_tracked\.mp4|video_test\.mp4)"
)


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=[f"{page}: {line}" for page, line in COMMANDS])
def test_a_command_is_understood(page, command, monkeypatch):
    monkeypatch.chdir(ROOT)
    understand(shlex.split(command))


def test_a_wrong_command_is_not():
    for wrong in (
        "python seg.py --image x.jpg",
        "python -m sav segment x",
        "make tea",
        "pip install '.[tea]'",
    ):
        with pytest.raises((SystemExit, AssertionError)):
            understand(shlex.split(wrong))
    with pytest.raises(SystemExit):
        understand(shlex.split("python -m tools.bench --no_such_flag"))


def python_blocks(text: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", [page for page, text in PAGES.items() if python_blocks(text)])
def test_the_python_of_a_page_compiles_and_imports_what_there_is(page):
    for code in python_blocks(PAGES[page]):
        if code.startswith("--8<--"):
            continue
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "sav":
                module = import_module(node.module)
                assert all(hasattr(module, name.name) for name in node.names)


@pytest.mark.long
@pytest.mark.parametrize("command", sorted({line for _, line in COMMANDS if AFTER_A_RUN.match(line)}))
def test_a_command_that_goes_over_results_does_its_work(command, work, trackeval, monkeypatch):
    monkeypatch.chdir(work)
    name, *flags = shlex.split(command.replace("street_tracked.mp4", "video_test.mp4"))[3:]
    assert import_module(f"sav.commands.{name}").main(flags) == 0


def test_links_to_others_have_the_form_of_addresses():
    for page, text in PAGES.items():
        for address in re.findall(r"\]\((\w+:[^)]*)\)", text):
            parts = urlsplit(address)
            assert parts.scheme in ("https", "mailto") and "." in (parts.hostname or ""), (page, address)


def test_the_reference_has_every_public_name_once():
    told = re.findall(
        r"^::: sav\.(\w+)$", "".join(text for page, text in PAGES.items() if "python/" in page), re.M
    )
    assert sorted(told) == sorted(sav.__all__)
