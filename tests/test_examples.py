"""Every example says what it shows, is short, and passes its own checks on each backend."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

import pytest

import tensorcore.tensor as T
from tensorcore import config

EXAMPLES = sorted((Path(__file__).resolve().parent.parent / "examples").glob("*.py"))
each_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)


def run(path: Path) -> None:
    runpy.run_path(str(path), run_name="__main__")


def test_there_are_examples():
    assert len(EXAMPLES) >= 4


@each_example
def test_an_example_is_short_and_says_what_it_shows(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 120
    said = ast.get_docstring(ast.parse(text))
    assert said is not None and "check" in said


@each_example
@pytest.mark.parametrize("floatX", ["float64", "float32"])
def test_an_example_passes_its_own_checks(path, floatX, each_backend):
    with config.change_flags(floatX=floatX):
        run(path)


@each_example
def test_an_example_notices_a_wrong_derivative(path, monkeypatch):
    for name in ("grad", "Lop"):
        right = getattr(T, name)

        def wrong(*given, right=right):
            found = right(*given)
            return [1.1 * g for g in found] if isinstance(found, list) else 1.1 * found

        monkeypatch.setattr(T, name, wrong)
    with config.change_flags(backend="numpy_ref"), pytest.raises(AssertionError):
        run(path)
