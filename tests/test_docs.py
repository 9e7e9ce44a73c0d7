"""Pages made from the code say what the code says, and the code of the others runs and gives
what they say it gives."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import skip_unless_ready, without_theano

import tensorcore
import tensorcore.tensor as T
from tensorcore import config
from tensorcore.tensor.variables import constructors

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [
    path
    for pattern in ("*.md", "docs/*.md", "backends/*/*.md", "conformance/*.md", "benchmarks/*.md")
    for path in sorted(ROOT.glob(pattern))
]
RUN = runpy.run_path(str(DOCS / "run.py"), run_name="run")
#: How many blocks of all pages must not run, each with its reason on the page.
NOT_RUN = 4


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def all_blocks() -> Iterator[tuple[Path, object]]:
    for path in PAGES:
        for block in RUN["blocks"](path.read_text(encoding="utf-8")):
            yield path, block


# -- pages made from the code --------------------------------------------------------------


@pytest.fixture
def made(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    return runpy.run_path(str(DOCS / "generate.py"))


def test_generated_pages_are_up_to_date(made, capsys):
    assert made["main"](["--check"]) == 0, capsys.readouterr().out


def test_a_stale_page_is_found(made, tmp_path, capsys):
    made["main"].__globals__["HERE"] = tmp_path
    assert made["main"](["--check"]) == 1
    assert "dtypes.md" in capsys.readouterr().out
    assert made["main"]([]) == 0
    assert made["main"](["--check"]) == 0


def test_the_measured_errors_are_within_their_limits(made):
    figures = json.loads((DOCS / "measured.json").read_text(encoding="utf-8"))
    assert len(figures) >= 2
    rows = [cell for of in figures.values() for row in of["ops"].values() for cell in row.values()]
    assert len(rows) > 500
    assert [cell for cell in rows if not cell[0] <= cell[1]] == []


def test_every_function_has_its_row():
    text = (DOCS / "functions.md").read_text(encoding="utf-8")
    made = set(constructors())
    # Classes stand at the top, under their own names.
    kinds = {name for name in T.__all__ if isinstance(getattr(T, name), type)}
    words = [f"T.{name}" for name in T.__all__ if name not in made | kinds | {"nnet"}]
    words += [f"T.nnet.{name}" for name in T.nnet.__all__] + list(tensorcore.__all__)
    also = {"T.TensorType", "T.TensorVariable", "T.grad", "T.jacobian", "T.hessian", "T.Rop",
            "T.Lop", "T.verify_grad"}  # fmt: skip
    missing = [w for w in words if not re.search(rf"`{re.escape(w)}[(`]", text) and w not in also]
    assert missing == []


# -- code in pages -------------------------------------------------------------------------


@pytest.fixture
def as_a_newcomer(monkeypatch, tmp_path, request):
    """The defaults, in an empty folder; the user's cache, so that a second run is quick."""
    cache = config.cache_dir
    request.getfixturevalue("no_settings")
    monkeypatch.setenv("TENSORCORE_CACHE_DIR", cache)
    monkeypatch.chdir(tmp_path)
    config.reload()
    yield tmp_path
    without_theano()
    monkeypatch.undo()
    config.reload()


def with_language(language: str) -> list[Path]:
    return [p for p in PAGES if any(b.language == language for q, b in all_blocks() if q == p)]


@pytest.mark.parametrize("path", with_language("python"), ids=named)
def test_the_python_of_a_page_runs_as_it_says(path, as_a_newcomer):
    skip_unless_ready("cgen")
    mismatches = list(RUN["run_page"](path))
    assert not mismatches, "\n".join(map(str, mismatches))


def lines_of_shells() -> list[str]:
    return sorted({line for p in PAGES for line in RUN["commands"](p.read_text(encoding="utf-8"))})


@pytest.mark.parametrize("line", lines_of_shells())
def test_a_command_of_a_page_succeeds(line, as_a_newcomer):
    skip_unless_ready("cgen")
    done = RUN["run_command"](line, as_a_newcomer)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_block_says_what_it_is():
    """A block of Python or of our commands is marked, so that it runs."""
    ours = re.compile(r"^(import tensorcore|from tensorcore|(python -m )?tensorcore )", re.M)
    unmarked = [
        f"{named(path)}:{block.start}"
        for path, block in all_blocks()
        if block.language not in ("python", "sh") and ours.search(block.content)
    ]
    assert unmarked == []


def test_blocks_that_do_not_run_give_a_reason():
    idle = [(path, b) for path, b in all_blocks() if b.language in ("python", "sh") and not b.runs]
    assert len(idle) == NOT_RUN
    for path, block in idle:
        assert re.search(r"no-run: \w+", block.info), f"{named(path)}:{block.start}"


def test_examples_in_docstrings_run():
    failed = 0
    for found in pkgutil.walk_packages(tensorcore.__path__, "tensorcore."):
        if not found.name.endswith("__main__"):
            failed += doctest.testmod(importlib.import_module(found.name)).failed
    assert failed == 0


# -- the runner itself ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "found", "same"),
    [
        ("array([1., 2.])", "array([1.,  2.])", True),
        ("0.12345678", "0.12345679", True),
        ("0.1234", "0.1235", False),
        ("3 steps", "4 steps", False),
        ("in ... s", "in 0.123 s", True),
        ("a\n...\nd", "a\nb\nc\nd", True),
        ("a ... e", "a b c d", False),
        ("x  y\n-----", "x y\n---------", True),
        ("", "something", False),
        ("1e-05", "1.0000001e-05", True),
    ],
)
def test_texts_are_compared_as_the_pages_need_it(expected, found, same):
    assert RUN["alike"](expected, found) is same


def test_of_timings_only_the_numbers_and_their_order_are_free():
    same = RUN["same_but_for_times"]
    assert same("60.1%  7 ms  a\n39.9%  900 us  b", "50.2%  7 us  b\n49.8%  7 us  a")
    assert not same("60.1%  7 ms  a", "60.1%  7 ms  b")


PAGE = """
```python
def f():
    print("as said")
f()
1 + 1  # -> 2
{line}
```

```text
{text}
```
"""


@pytest.mark.parametrize(
    ("line", "text", "wrong"),
    [("", "as said", 0), ("", "otherwise", 1), ("2 + 2  # -> 5", "as said", 1)],
)
def test_a_page_that_is_wrong_is_found(tmp_path, line, text, wrong):
    page = tmp_path / "page.md"
    page.write_text(PAGE.format(line=line, text=text))
    mismatches = list(RUN["run_page"](page))
    assert len(mismatches) == wrong
    RUN["update"](page, mismatches)
    assert "otherwise" not in page.read_text()
