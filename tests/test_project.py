"""What holds for the project as a whole: its files, its words, its build settings."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXTS = {".py", ".md", ".toml", ".yml", ".yaml", ".txt", ".c", ".svg", ".cfg", ""}
GENERATED = {".git", ".venv", "build", "dist", "__pycache__", ".hypothesis"}
OURS = ("tensorcore", "backends", "conformance", "benchmarks", "examples", "tests", "docs")


def project_files() -> list[Path]:
    """Texts of the project, without what builds and tools leave behind."""
    tops = [path for path in ROOT.iterdir() if path.is_file()]
    inner = [path for folder in (*OURS, ".ci", ".github") for path in (ROOT / folder).rglob("*")]
    return [
        path
        for path in (*tops, *inner)
        if path.is_file() and path.suffix in TEXTS and not GENERATED & set(path.parts)
    ]


def lines_with(pattern: str, suffix: str = "") -> list[str]:
    word = re.compile(pattern)
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in project_files()
        if path != Path(__file__).resolve() and (not suffix or path.suffix == suffix)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if word.search(line)
    ]


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "name",
    [
        ".ci/run",
        ".github/workflows/ci.yml",
        ".gitignore",
        ".pre-commit-config.yaml",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "backends/cgen/README.md",
        "backends/cuda/README.md",
        "backends/numpy_ref/README.md",
        "backends/opencl/README.md",
        "conformance/README.md",
        "constraints.txt",
        "docs/architecture.md",
        "docs/architecture.svg",
        "docs/decisions.md",
        "docs/guide.md",
        "docs/tutorial.md",
        "pyproject.toml",
        "tensorcore/datasets/README.md",
    ],
)
def test_a_file_that_people_look_for_is_there(name: str) -> None:
    assert (ROOT / name).stat().st_size > 0


def test_nobody_is_told_to_install_by_a_name_that_is_not_ours() -> None:
    """The name on the public registry belongs to someone else: install from the checkout."""
    assert lines_with(r"pip3? install (-\S+ )*['\"]?tensorcore\b") == []
    assert lines_with(r"\btensorcore\[[a-z]") == []


def test_no_bare_not_implemented_error() -> None:
    """An error says what is missing and what to do."""
    assert lines_with(r"raise NotImplementedError(\(\))?\s*(#.*)?$", ".py") == []


def test_nothing_is_left_to_do_in_the_text() -> None:
    assert lines_with(r"\b(TODO|FIXME|XXX)\b") == []


def test_no_path_of_somebodys_machine() -> None:
    assert lines_with(r"(/home/|/Users/|/root/)\w+") == []
    assert lines_with(re.escape(f"{ROOT}/")) == []


def test_markdown_links_lead_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in project_files()
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8"))
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert broken == []


def test_the_wheel_is_pure_and_holds_every_package(settings: dict[str, Any]) -> None:
    build = settings["tool"]["hatch"]["build"]
    wheel = build["targets"]["wheel"]
    assert settings["build-system"]["build-backend"] == "hatchling.build"
    assert "hooks" not in build and "hooks" not in wheel  # nothing is compiled at install
    packages = {
        str(path.parent.relative_to(ROOT))
        for pattern in ("tensorcore", "backends/*/tensorcore_*", "conformance/tensorcore_*")
        for path in ROOT.glob(f"{pattern}/__init__.py")
    }
    assert packages == set(wheel["packages"])
    parents = {str(Path(package).parent) for package in packages}
    assert parents == set(build["dev-mode-dirs"])
    for package in packages:
        assert (ROOT / package / "py.typed").exists(), f"{package} ships its types"


def test_every_backend_announces_itself_as_a_strangers_would(settings: dict[str, Any]) -> None:
    entries = settings["project"]["entry-points"]
    folders = {path.parent.name: path.name for path in ROOT.glob("backends/*/tensorcore_*")}
    assert entries["tensorcore.backends"] == folders
    assert entries["tensorcore.api"] == dict.fromkeys(folders, "v1")


def test_little_is_needed_at_run_time(settings: dict[str, Any]) -> None:
    needed = {re.split(r"[<>=~! ]", word)[0] for word in settings["project"]["dependencies"]}
    assert needed == {"numpy", "pluggy"}


def test_import_pulls_in_no_backend_and_nothing_heavy() -> None:
    code = (
        "import sys, tensorcore; heavy = ('tensorcore_', 'pluggy', 'hypothesis', 'pytest', "
        "'mpmath', 'importlib.metadata', 'asyncio', 'multiprocessing', 'ctypes.util'); "
        "print([m for m in sys.modules if m.startswith(heavy)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_digits_are_whole() -> None:
    from tensorcore.datasets import load_digits

    images, labels = load_digits()
    assert images.shape == (1797, 64) and images.dtype == "float64"
    assert images.min() == 0.0 and images.max() == 1.0
    assert labels.shape == (1797,) and labels.dtype == "int64"
    assert [int((labels == digit).sum()) for digit in range(10)] == [
        178, 182, 177, 183, 181, 182, 181, 179, 174, 180,
    ]  # fmt: skip
