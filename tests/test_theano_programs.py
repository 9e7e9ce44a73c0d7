"""Programs written for Theano run unchanged through ``tensorcore run``, and check themselves: what
they expect is in them, by hand or in NumPy."""

from __future__ import annotations

import ast
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import skip_unless_ready

FOLDER = Path(__file__).parent / "theano_programs"
PROGRAMS = sorted(FOLDER.glob("*.py"))
#: Compiled here as well; the others run on the reference only, for the time that it takes.
COMPILED = ("custom_ops", "recurrent_network")
#: In single precision too, as most old programs ran.
SINGLE = ("logistic_regression", "optimisers")
SINGLE_LONG = ("gaussian_process", "probabilistic_model")
#: Only with ``--long``: these take longer, and found nothing that the others do not try.
LONG = ("attention_translation", "deep_belief", "stacked_autoencoders")
RUNS = [
    *((path, "numpy_ref", "float64") for path in PROGRAMS if path.stem not in LONG),
    *((FOLDER / f"{name}.py", "cgen", "float64") for name in COMPILED),
    *((FOLDER / f"{name}.py", "numpy_ref", "float32") for name in SINGLE),
]
#: With ``--long``, all programs on all backends; ``cuda`` is the emulator of ``tests/cuda/``.
LONG_RUNS = [
    *((FOLDER / f"{name}.py", "numpy_ref", "float64") for name in LONG),
    *((path, "cgen", "float64") for path in PROGRAMS if path.stem not in COMPILED),
    *((path, backend, "float64") for backend in ("opencl", "cuda") for path in PROGRAMS),
    *((FOLDER / f"{name}.py", "cgen", "float32") for name in SINGLE_LONG),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "floatX" in metafunc.fixturenames:
        chosen = [*RUNS, *(LONG_RUNS if metafunc.config.getoption("--long") else ())]
        ids = [f"{path.stem}-{backend}-{floatX}" for path, backend, floatX in chosen]
        metafunc.parametrize(("path", "backend", "floatX"), chosen, ids=ids)


def run(
    *words: str, backend: str = "numpy_ref", flags: str = ""
) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "TENSORCORE_BACKEND": backend, "THEANO_FLAGS": flags}
    emulated = [str(Path(__file__).parent / "cuda" / "on_fake.py")]
    command = emulated if backend == "cuda" else ["-m", "tensorcore"]
    return subprocess.run(
        [sys.executable, *command, "run", *words], check=False, capture_output=True,
        text=True, env=environ, timeout=1200, cwd=FOLDER.parent.parent,
    )  # fmt: skip


def test_there_are_programs_of_many_kinds() -> None:
    assert len(PROGRAMS) >= 12
    for path in PROGRAMS:
        text = path.read_text(encoding="utf-8")
        said = ast.get_docstring(ast.parse(text)) or ""
        assert len(text.splitlines()) > 60, path
        assert "Theano:" in said and "Expected:" in said, path
        assert "tensorcore" not in text, path  # nothing in them knows where it runs


def test_a_program_runs_and_finds_what_it_expects(path: Path, backend: str, floatX: str) -> None:
    if backend != "cuda":
        skip_unless_ready(backend)
    elif platform.machine() != "x86_64" or shutil.which("gcc") is None:
        pytest.skip("the emulator of CUDA needs gcc on x86-64")
    done = run(str(path), backend=backend, flags=f"floatX={floatX}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("checked: "), done.stdout


# -- the command ----------------------------------------------------------------------------


def program(folder: Path, text: str, name: str = "old.py") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_arguments_names_and_exit_codes_are_those_of_python(tmp_path: Path) -> None:
    path = program(tmp_path, "import sys, theano\nprint(__name__, sys.argv[1:])\nsys.exit(7)\n")
    done = run(path, "--rate", "-m", "x")
    assert done.stdout.strip() == "__main__ ['--rate', '-m', 'x']" and done.returncode == 7


def test_modules_beside_the_program_are_found_and_packages_run(tmp_path: Path) -> None:
    program(tmp_path, "import theano\nvalue = theano.__version__\n", "beside.py")
    path = program(tmp_path, "import beside\nprint(beside.value)\n")
    assert run(path).stdout.strip() == "1.0.5"
    done = subprocess.run(
        [sys.executable, "-m", "tensorcore", "run", "-m", "beside"], cwd=tmp_path,
        check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_an_error_shows_the_program_and_nothing_of_ours_above_it(tmp_path: Path) -> None:
    path = program(tmp_path, "import theano\ndef f():\n    raise ValueError('mine')\nf()\n")
    done = run(path)
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 1 and lines[-1] == "ValueError: mine"
    assert "running.py" not in done.stderr and f'File "{path}", line 4' in lines[1]


def test_what_is_no_program_is_said(tmp_path: Path) -> None:
    done = run(str(tmp_path / "none.py"))
    assert done.returncode == 2 and "No such file" in done.stderr
    old = run(program(tmp_path, "import theano\nprint theano.__version__\n"))
    assert old.returncode == 1 and "Python 2" in old.stderr and "2to3" in old.stderr
    assert run("--help").returncode == 0
