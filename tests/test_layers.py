"""The direction of flow, held over the syntax trees: who may import whom."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "tensorcore"
BACKENDS = sorted(ROOT.glob("backends/*/tensorcore_*"))
SUITE = ROOT / "conformance" / "tensorcore_conformance"


def sources(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def dotted(path: Path) -> str:
    """The module's name: ``tensorcore.lower.fuse`` for ``.../tensorcore/lower/fuse.py``."""
    tops = {"tensorcore": CORE, "tensorcore_conformance": SUITE, **{b.name: b for b in BACKENDS}}
    for name, folder in tops.items():
        if path.is_relative_to(folder):
            parts = path.relative_to(folder).with_suffix("").parts
            return ".".join((name, *(part for part in parts if part != "__init__")))
    raise ValueError(path)


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, those for the type checker included."""
    package = dotted(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    return imported(ast.parse(path.read_text(encoding="utf-8"), str(path)), package)


def imported(tree: ast.AST, package: list[str]) -> Iterator[str]:
    """What a module of ``package`` imports, each name of a ``from`` import added, all absolute:
    ``from ..program import Slot`` gives ``tensorcore.program.Slot``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join((*above, *(node.module.split(".") if node.module else [])))
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def offenders(paths: list[Path], forbidden: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in paths
        for module in imports(path)
        if forbidden.match(module)
    ]


def test_program_knows_neither_rewrites_nor_lowering() -> None:
    forbidden = re.compile(r"tensorcore\.(rewrite|lower)\b")
    assert offenders([CORE / "program.py"], forbidden) == []


def test_the_code_generator_sees_only_programs_and_dtypes() -> None:
    allowed = ("program", "dtypes", "errors", "codegen")
    found = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sources(CORE / "codegen")
        for module in imports(path)
        if within(module, "tensorcore")
        and not any(within(module, f"tensorcore.{name}") for name in allowed)
    ]
    assert found == []


def test_rewrites_and_lowering_do_not_know_backends_or_printers() -> None:
    folders = sources(CORE / "rewrite") + sources(CORE / "lower")
    forbidden = re.compile(r"tensorcore\.(codegen|interpret|plugins|cli|demo)\b")
    assert offenders(folders, forbidden) == []


def test_the_core_imports_no_backend() -> None:
    names = "|".join(folder.name for folder in (*BACKENDS, SUITE))
    assert offenders(sources(CORE), re.compile(rf"({names})\b")) == []


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda folder: folder.name)
def test_a_backend_imports_public_modules_and_no_other_backend(backend: Path) -> None:
    others = "|".join(folder.name for folder in (*BACKENDS, SUITE) if folder != backend)
    private = r"tensorcore\.(?:\w+\.)*_(?!_)"
    assert offenders(sources(backend), re.compile(rf"(?:{others})\b|{private}")) == []


def test_nothing_imports_the_legacy_spellings() -> None:
    doors = (CORE / "__init__.py", CORE / "cli.py")  # through which a user asks for them
    others = [p for p in sources(CORE) if not p.is_relative_to(CORE / "legacy") and p not in doors]
    assert offenders(others, re.compile(r"tensorcore\.legacy\b")) == []


def test_the_suite_names_no_backend() -> None:
    """Neither in code nor in words: a backend is what was asked for on the command line."""
    names = "|".join(folder.parent.name for folder in BACKENDS)
    word = re.compile(rf"\b(tensorcore_)?({names}|pyopencl|cupy)\b")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sources(SUITE)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if word.search(line)
    ]
    assert found == []


def test_the_pytest_plugin_is_light() -> None:
    """It is loaded by every pytest run of everyone who has tensorcore installed, so at the top
    level it imports nothing of ours and nothing heavy."""
    tree = ast.parse((SUITE / "plugin.py").read_text(encoding="utf-8"))
    top = ast.Module(
        [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))], []
    )
    heavy = re.compile(r"(numpy|hypothesis|mpmath|tensorcore\w*)\b")
    assert [name for name in imported(top, ["tensorcore_conformance"]) if heavy.match(name)] == []


def test_the_reader_of_imports_sees_every_form() -> None:
    """The tests above are worth nothing if a form of import escapes it."""
    text = "import a.b\nfrom c import d\nfrom . import e\nfrom ..f import g\nfrom .. import h\n"
    found = set(imported(ast.parse(text), ["tensorcore", "lower"]))
    assert found == {"a.b", "c.d", "tensorcore.lower.e", "tensorcore.f.g", "tensorcore.h"}


def test_the_folders_are_where_these_tests_look() -> None:
    assert len(BACKENDS) >= 2
    assert all(sources(folder) for folder in (*BACKENDS, SUITE, CORE / "codegen"))
