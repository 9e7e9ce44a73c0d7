"""The suite as a pytest plugin: what loading it costs, and what its options do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("hypothesis")
pytest.importorskip("mpmath")

BACKENDS = """
from tensorcore.backend import Capabilities, Diagnosis
from tensorcore.hookspecs import hookimpl
from tensorcore.interpret import Interpreter

class Sound:
    name = "sound"
    declared = Capabilities(calls=None)
    def diagnose(self):
        return Diagnosis(True, True, devices=("the first",))
    def capabilities(self):
        return self.declared
    def compile(self, program):
        return Interpreter(program)

class NoDevice(Sound):
    name = "nodevice"
    def diagnose(self):
        return Diagnosis(True, False, reason="there is no device", hint="buy one")
    def compile(self, program):
        return lambda inputs, cells: 1 / 0

class NoCompiler(Sound):
    name = "nocompiler"
    def diagnose(self):
        return Diagnosis(False, False, reason="there is no compiler")

class FailsToCompile(NoDevice):
    name = "failing"
    def compile(self, program):
        if any(getattr(step, "op", "") == "tan" for step in program.steps):
            raise RuntimeError("no tangent")
        return super().compile(program)

@hookimpl
def tensorcore_backends():
    made = Sound, NoDevice, NoCompiler, FailsToCompile
    return {kind.name: kind for kind in made}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "four_backends.py").write_text(BACKENDS)
    return tmp_path


def run(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TENSORCORE")}
    environment |= {"PYTHONPATH": str(place), "TENSORCORE_PLUGINS": "four_backends"}
    return subprocess.run(
        [sys.executable, "-m", *words],
        capture_output=True, text=True, check=False, cwd=place, env=environment,
    )  # fmt: skip


def suite(place: Path, name: str, *words: str) -> subprocess.CompletedProcess[str]:
    common = ("--pyargs", "tensorcore_conformance", "--tensorcore-backend", name)
    quiet = ("-q", "-p", "no:cacheprovider", "-rs")
    return run(place, "pytest", *common, *quiet, "--tensorcore-json", f"{name}.json", *words)


def test_the_plugin_imports_nothing_until_the_suite_is_asked_for(place: Path) -> None:
    (place / "test_light.py").write_text(
        "import sys\n"
        "def test_light(pytestconfig):\n"
        "    assert pytestconfig.pluginmanager.has_plugin('tensorcore_conformance')\n"
        "    heavy = {m.partition('.')[0] for m in sys.modules}\n"
        "    assert not heavy & {'tensorcore', 'numpy', 'mpmath'}\n"
    )
    ended = run(place, "pytest", "-q", "-p", "no:cacheprovider", "test_light.py")
    assert ended.returncode == 0, ended.stdout
    # The test can fail: an option alone imports nothing, collecting the suite does.
    words = ("test_light.py", "--pyargs", "tensorcore_conformance", "-k", "test_light")
    ended = run(place, "pytest", "-q", "-p", "no:cacheprovider", *words)
    assert ended.returncode == 1, ended.stdout


def test_an_unavailable_backend_is_one_skip(place: Path) -> None:
    ended = suite(place, "nodevice")
    assert ended.returncode == 0
    assert "1 skipped" in ended.stdout and "there is no device" in ended.stdout
    assert "passed" not in ended.stdout and "buy one" in ended.stdout


def test_required_backends_must_be_available(place: Path) -> None:
    ended = suite(place, "nodevice", "--tensorcore-require", "nodevice")
    assert ended.returncode == 1
    assert "1 failed" in ended.stdout and "there is no device" in ended.stdout
    both = ("--tensorcore-require", "sound", "--tensorcore-require", "nocompiler")
    ended = suite(place, "sound", *both, "-k", "(test_values and exp2) or backend")
    assert ended.returncode == 1
    assert "1 failed" in ended.stdout and "there is no compiler" in ended.stdout
    ended = suite(place, "sound", "--tensorcore-require", "sound", "-k", "test_values and exp2")
    assert ended.returncode == 0 and "failed" not in ended.stdout.replace("failed: 0", "")


def test_compile_only(place: Path) -> None:
    few = ("-k", "exp2 or tan")
    ended = suite(place, "nodevice", "--tensorcore-compile-only", *few)
    assert ended.returncode == 0, ended.stdout
    assert "compiled, not run" in ended.stdout
    content = json.loads((place / "nodevice.json").read_text())
    assert content["compile_only"]
    assert {cell["status"] for row in content["ops"].values() for cell in row.values()} == {
        "compiled"
    }
    ended = suite(place, "failing", "--tensorcore-compile-only", *few)
    assert ended.returncode == 1 and "no tangent" in ended.stdout
    ended = suite(place, "nocompiler", "--tensorcore-compile-only", *few)
    assert "1 skipped" in ended.stdout and "there is no compiler" in ended.stdout


def test_the_command(place: Path) -> None:
    words = ("tensorcore", "conformance", "--backend")
    ended = run(place, *words, "nodevice")
    assert ended.returncode == 3 and "there is no device" in ended.stderr
    ended = run(place, *words, "nodevice", "--require", "nodevice", "-q")
    assert ended.returncode == 1 and "there is no device" in ended.stdout
    reports = ("--json", "r.json", "--html", "r.html")
    ended = run(place, *words, "sound", *reports, "-k", "test_values and exp2", "-q")
    assert ended.returncode == 0, ended.stdout
    content = json.loads((place / "r.json").read_text())
    assert content["schema"] == 1 and content["device"] == "the first"
    assert content["backend"] == "sound" and content["tier"] == "smoke"
    assert "sound conforms" in (place / "r.html").read_text()


def test_the_tiers_hold_each_other(place: Path) -> None:
    words = ("--collect-only", "-k", "exp2 or random_graphs")
    found = {
        tier: {line for line in lines if "::" in line}
        for tier in ("smoke", "pr", "nightly", "exhaustive")
        for lines in [suite(place, "sound", "--tensorcore-tier", tier, *words).stdout.splitlines()]
    }
    assert found["smoke"] < found["pr"] < found["nightly"] < found["exhaustive"]
    assert any("test_every_float16[exp2]" in line for line in found["exhaustive"])
    assert any("test_more_random_graphs" in line for line in found["nightly"])
