"""Every example says what it shows, is short, and passes its own checks on each backend."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import skip_unless_ready

import tensorcore.tensor as T
from tensorcore import config

FOLDER = Path(__file__).resolve().parent.parent / "examples"
EXAMPLES = sorted(FOLDER.glob("[a-z]*.py"))
#: Those with options, which draw a picture.
DRAWN = [path for path in EXAMPLES if "options(__file__" in path.read_text(encoding="utf-8")]
each_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)


@pytest.fixture(autouse=True)
def _from_the_command_line(monkeypatch, tmp_path):
    """As ``python examples/name.py --quick`` runs, in an empty folder."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr("sys.argv", ["example", "--quick"])
    monkeypatch.chdir(tmp_path)


def run(path: Path) -> None:
    runpy.run_path(str(path), run_name="__main__")


def test_there_are_examples():
    assert len(EXAMPLES) >= 10 and len(DRAWN) >= 6


@each_example
def test_an_example_is_short_and_says_what_it_shows(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 120
    said = ast.get_docstring(ast.parse(text))
    assert said is not None and "check" in said


@each_example
@pytest.mark.parametrize("floatX", ["float64", "float32"])
def test_an_example_passes_its_own_checks(path, floatX, each_backend, request):
    """Compiled in double precision, or interpreted in single, in turn; each on both backends and
    in both precisions in the long form only: that each backend computes in each dtype is what the
    conformance suite holds."""
    usual = ("float64", "cgen") if EXAMPLES.index(path) % 2 == 0 else ("float32", "numpy_ref")
    if (floatX, each_backend) != usual and not request.config.getoption("--long"):
        pytest.skip("long: give --long")
    with config.change_flags(floatX=floatX):
        run(path)
    if path in DRAWN:
        picture = ElementTree.parse(f"{path.stem}.svg").getroot()
        assert len(list(picture.iter("{http://www.w3.org/2000/svg}g"))) >= 1


@each_example
def test_an_example_runs_on_opencl(path, request):
    """In the long form only: the compiler of a driver takes its time."""
    if not request.config.getoption("--long"):
        pytest.skip("long: give --long")
    skip_unless_ready("opencl")
    with config.change_flags(backend="opencl"):
        run(path)


@each_example
def test_an_example_notices_a_wrong_derivative(path, monkeypatch):
    for name in ("grad", "Lop"):
        right = getattr(T, name)

        def wrong(*given, right=right, **named):
            found = right(*given, **named)
            return [1.1 * g for g in found] if isinstance(found, list) else 1.1 * found

        monkeypatch.setattr(T, name, wrong)
    with config.change_flags(backend="numpy_ref"), pytest.raises(AssertionError):
        run(path)
