"""The house's own rules: one way for the data, one noun a file, and who may know which library."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from loopback import ROOT

PACKAGE = ROOT / "megastyle"
WAY = (  # files -> pixel values -> embeddings -> Comparison -> page
    {"hub", "checkpoint", "encoder"},
    {"pictures"},
    {"embedding"},
    {"comparison", "calibration", "calibration_text", "calibration_file"},
    {"page"},
)
# on no way: they import no module of the way, and none of it imports them
BESIDE = {"form", "guard", "sweep", "cost", "drawings"}
PROGRAMS = {"demo", "training", "calibrate", "measuring"}  # run by people, with what only they need
LONGEST = 250  # lines of a file
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): ast.parse(path.read_text(encoding="utf-8"))
    for path in [ROOT / "app.py", *sorted(PACKAGE.rglob("*.py"))]
    if path.name != "__init__.py"
}


def imported(module: str) -> set[str]:
    """What a module imports anywhere in its text; of a package its parts."""
    names = set()
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports say the whole name"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names


def own(module: str) -> set[str]:
    """The modules of this repository that a module imports."""
    return imported(module) & MODULES.keys()


def part(module: str) -> str:
    """`page` for `megastyle.page.words`."""
    return module.split(".")[1]


def place(module: str) -> int:
    """How far along the way a module stands."""
    return next(place for place, parts in enumerate(WAY) if part(module) in parts)


def users_of(library: str) -> set[str]:
    """The modules that import a library or a part of it."""
    return {module for module in MODULES if library in {name.split(".")[0] for name in imported(module)}}


def test_every_module_has_its_place() -> None:
    """A new one is entered above, where it stands on the way or beside it."""
    known = set.union(*WAY) | BESIDE | PROGRAMS
    assert {part(module) for module in MODULES if module != "app"} <= known


@pytest.mark.parametrize("module", [name for name in MODULES if name != "app" and part(name) in set.union(*WAY)])
def test_no_module_imports_one_that_stands_later_on_the_way(module: str) -> None:
    assert {part(name) for name in own(module)} <= set.union(*WAY[: place(module) + 1])


@pytest.mark.parametrize("module", [name for name in MODULES if name != "app" and part(name) in BESIDE])
def test_what_stands_beside_the_way_imports_nothing_of_it(module: str) -> None:
    assert {part(name) for name in own(module)} <= BESIDE


def test_nothing_imports_the_app_and_only_programs_import_what_is_theirs() -> None:
    for module in MODULES:
        assert "app" not in own(module)
        if module == "app" or part(module) not in PROGRAMS:
            assert not {part(name) for name in own(module)} & PROGRAMS, module


def test_no_module_imports_itself_by_way_of_others() -> None:
    TopologicalSorter({module: own(module) for module in MODULES}).prepare()


def test_only_the_app_knows_the_platform() -> None:
    assert users_of("spaces") == {"app"}


def test_only_the_app_the_theme_and_the_guard_know_gradio() -> None:
    assert {"app", "megastyle.page.theme"} <= users_of("gradio") <= {"app", "megastyle.page.theme", "megastyle.guard"}


def test_comparison_and_page_need_neither_torch_nor_gradio() -> None:
    """Imported alone, they bring none of the heavy libraries; the theme is Gradio's."""
    modules = [name for name in MODULES if name != "app" and part(name) in {"comparison", "calibration", "page"}]
    alone = sorted(set(modules) - {"megastyle.page.theme"})
    assert "megastyle.page.result" in alone
    heavy = {"torch", "gradio", "transformers", "spaces"}
    program = f"import sys, {', '.join(alone)}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in sorted(PACKAGE.rglob("*"))
        if path.is_file() and "drawings" not in path.parts and "__pycache__" not in path.parts
    ],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_a_file_can_be_read_at_one_go(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST
