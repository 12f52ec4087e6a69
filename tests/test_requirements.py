"""What pip is asked for: floors that CI runs, caps, and everything that the code imports."""

import ast
import sys
from collections.abc import Iterable
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

OURS = {"sav", "seg", "track", "tools", "tests"}
MADE_BY_TESTS = {"my_layers"}
NOWHERE = {"no_such_package"}  # what a worker cannot import
COMPARED_WITH = {"hydra", "sam2"}  # held against ours where somebody has installed them
# Imported only by what needs them, which says so.
OPTIONAL = {"gradio", "open_clip", "pandas", "ray", "starlette", "supervision", "trackeval", "uvicorn"}

# Packages whose modules Python 3.10 cannot tell, for they do not list them.
PACKAGES = {"open_clip": "open-clip-torch"}
BROUGHT = {"triton"}  # by PyTorch's wheels for CUDA; where it is missing PyTorch does the work


def read(name: str) -> dict[str, Requirement]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if line and not line.startswith(("#", "-r"))]
    return {canonicalize_name(requirement.name): requirement for requirement in wanted}


RUN = read("requirements.txt")
WEB = read("requirements-web.txt")
ALL = RUN | read("requirements-dev.txt") | WEB | read("requirements-docs.txt")


@pytest.mark.parametrize("name", ALL)
def test_a_requirement_has_a_floor_and_a_cap(name):
    assert sorted(bound.operator for bound in ALL[name].specifier) == ["<", ">="]


def test_the_constraints_are_exactly_the_floors():
    lowest = {
        name: str(requirement.specifier) for name, requirement in read("constraints-lowest.txt").items()
    }
    floors = {
        name: f"=={bound.version}"
        for name, requirement in ALL.items()
        for bound in requirement.specifier
        if bound.operator == ">="
    }
    assert lowest == floors


def extra(name: str) -> dict[str, str]:
    """What an extra of the package asks for, with the versions."""
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = map(Requirement, project["optional-dependencies"][name])
    return {canonicalize_name(requirement.name): str(requirement) for requirement in wanted}


def test_the_extra_for_development_is_what_its_requirements_are():
    wanted = read("requirements-dev.txt")
    assert extra("dev") == {name: str(requirement) for name, requirement in wanted.items()}


@pytest.mark.parametrize(
    ("name", "package"), [("evaluate", "trackeval"), ("words", "open-clip-torch"), ("cluster", "ray")]
)
def test_an_extra_is_the_version_that_is_tested(name, package):
    asked = Requirement(extra(name)[package])
    assert asked.specifier == ALL[package].specifier and asked.marker is None


def test_the_extra_for_the_page_is_what_its_requirements_are_less_the_browser_of_its_tests():
    wanted = {name: str(requirement) for name, requirement in WEB.items() if name != "playwright"}
    assert extra("web") == wanted


def imported(*places: str) -> set[str]:
    """The modules of other packages that the Python files of these places import anywhere."""
    files = [file for place in places for file in [*ROOT.glob(f"{place}.py"), *ROOT.glob(f"{place}/**/*.py")]]
    names = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module)

    return {name.partition(".")[0] for name in names} - OURS - set(sys.stdlib_module_names)


def not_required(modules: set[str], requirements: Iterable[str]) -> set[str]:
    distributions, wanted = packages_distributions(), set(requirements)

    def packages(module: str) -> set[str]:
        return {canonicalize_name(name) for name in distributions.get(module, [PACKAGES.get(module, module)])}

    return {module for module in modules if not packages(module) & wanted}


@pytest.mark.long
def test_whatever_the_program_imports_is_required():
    modules = imported("sav", "seg", "track")
    assert {"torch", "av", "cv2"} <= modules
    assert not_required(modules, RUN) == OPTIONAL | BROUGHT


@pytest.mark.long
def test_whatever_is_imported_anywhere_is_required_for_development():
    modules = imported("sav", "seg", "track", "tools", "tests", "examples")
    assert not_required(modules - MADE_BY_TESTS - NOWHERE - COMPARED_WITH - BROUGHT, ALL) == set()
