"""``tensorcore new-backend``: what it writes is complete, works, and is what the example shows."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import skip_unless_ready

from tensorcore import cli
from tensorcore.errors import TensorcoreError
from tensorcore.new_backend import KINDS, filled, new_backend

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = """
import numpy as np, tensorcore, tensorcore.tensor as T
x = T.dmatrix("x")
y = T.nnet.softmax(x)
f = tensorcore.function([x], [y, T.grad((y ** 2).sum(), x)], backend="mine")
g = tensorcore.function([x], [y, T.grad((y ** 2).sum(), x)], backend="numpy_ref")
value = np.arange(6.0).reshape(2, 3)
for found, expected in zip(f(value), g(value)):
    np.testing.assert_allclose(found, expected, rtol=1e-13)
print(f.backend, f.fallbacks)
"""


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_works(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "c":
        skip_unless_ready("cgen")  # both need a compiler
    made = new_backend("mine", tmp_path, kind)
    assert made == tmp_path / "mine-backend"
    monkeypatch.setenv("TENSORCORE_PLUGINS", "mine_backend")
    monkeypatch.setenv("PYTHONPATH", str(made))
    child = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert child.stdout == "mine {}\n", child.stderr


def test_its_one_import_runs_the_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mpmath")
    made = new_backend("mine", tmp_path)
    monkeypatch.setenv("TENSORCORE_PLUGINS", "mine_backend")
    monkeypatch.setenv("PYTHONPATH", str(made))

    def suite(*words: str) -> str:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
        child = subprocess.run(command, cwd=made, capture_output=True, text=True, check=False)
        return child.stdout + child.stderr

    said = suite("-k", "sigmoid or cells")
    assert "backend mine, tier smoke" in said and " failed" not in said
    assert " passed" in said
    with (made / "mine_backend.py").open("a") as file:
        file.write(WRONG)
    said = suite("-k", "test_values and sigmoid")
    assert "in float64: found 0.999999, expected 0.99999" in said
    assert "mine does not conform" in said


#: What makes a backend's sigmoid wrong at one end.
WRONG = """

class Off(Interpreter):
    def _call(self, step, buffers, known):
        super()._call(step, buffers, known)
        if step.op == "sigmoid":
            out = step.outputs[0]
            buffers[out] = xp.minimum(buffers[out], 1 - 1e-6).astype(buffers[out].dtype)

Mine.compile = lambda self, program: Off(program)
"""


@pytest.mark.parametrize("kind", KINDS)
def test_the_package_announces_its_backend(kind: str, tmp_path: Path) -> None:
    made = new_backend("my_device", tmp_path, kind)
    facts = tomllib.loads((made / "pyproject.toml").read_text())
    points = facts["project"]["entry-points"]
    assert points["tensorcore.backends"] == {"my_device": "my_device_backend"}
    assert points["tensorcore.api"] == {"my_device": "v1"}
    assert facts["tool"]["pytest"]["ini_options"]["addopts"] == ["--tensorcore-backend=my_device"]
    texts = {p: p.read_text() for p in made.rglob("*") if p.is_file()}
    assert len(texts) == 5 and not any("$" + "name" in text for text in texts.values())
    code = (made / "my_device_backend.py").read_text().splitlines()
    assert sum(bool(line.strip()) for line in code) <= 46
    assert "class MyDevice:" in code


def test_the_example_is_what_the_template_gives() -> None:
    example = ROOT / "tests" / "plugin_example" / "example_backends" / "tiny_c.py"
    assert example.read_text() == filled("c.py.in", {"name": "tiny_c", "Class": "TinyC"})


@pytest.mark.parametrize("name", ["", "Mine", "a-b", "1st", "auto", "a b", "../up", "mine\n"])
def test_names_that_are_none(name: str, tmp_path: Path) -> None:
    with pytest.raises(TensorcoreError, match="cannot be the name of a backend"):
        new_backend(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_a_backend_that_is_installed(tmp_path: Path) -> None:
    with pytest.raises(TensorcoreError) as caught:
        new_backend("numpy_ref", tmp_path)
    assert str(caught.value) == (
        "the installed package tensorcore has a backend 'numpy_ref' already. Hint: choose another "
        "name, or uninstall that package first."
    )
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten_and_nothing_left_behind(tmp_path: Path) -> None:
    made = new_backend("mine", tmp_path)
    (made / "mine_backend.py").write_text("my work")
    with pytest.raises(TensorcoreError, match="exists already"):
        new_backend("mine", tmp_path)
    assert (made / "mine_backend.py").read_text() == "my work"
    with pytest.raises(TensorcoreError, match="cannot write into"):
        new_backend("mine", tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == [made]


def test_the_command_says_what_comes_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["new-backend", "mine", "--like", "c", "--in", str(tmp_path)]) == cli.GOOD
    said = capsys.readouterr().out
    assert "mine_backend.py" in said and "tensorcore conformance --backend mine" in said
    assert cli.main(["new-backend", "mine", "--in", str(tmp_path)]) == cli.FAILED
    assert "exists already" in capsys.readouterr().err
