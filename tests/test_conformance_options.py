"""The suite as a pytest plugin: what loading it costs, and what its options do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("hypothesis")
pytest.importorskip("mpmath")

BACKENDS = """
import numpy as np
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

class PassesOverNaN(Interpreter):
    def __call__(self, inputs, cells):
        outputs, values = super().__call__(inputs, cells)
        if any(getattr(step, "op", "") == "maximum" for step in self.program.steps):
            outputs = [np.nan_to_num(o, nan=4.0) if o.dtype.kind == "f" else o for o in outputs]
        return outputs, values

class Wrong(Sound):
    name = "wrong"
    def compile(self, program):
        return PassesOverNaN(program)

class Broken(Sound):
    name = "broken"
    def compile(self, program):
        raise RuntimeError("not today")

@hookimpl
def tensorcore_backends():
    made = Sound, NoDevice, NoCompiler, FailsToCompile, Wrong, Broken
    return {kind.name: kind for kind in made}
"""


TIERS = ("smoke", "pr", "nightly", "exhaustive")
NEXT = "-- next"
LIST = f"""
import sys, pytest
for tier in sys.argv[1:]:
    print({NEXT!r})
    pytest.main(["--pyargs", "tensorcore_conformance", "--tensorcore-backend", "sound", "-q",
                 "-p", "no:cacheprovider", "--collect-only", "--tensorcore-tier", tier])
"""
#: The module of the suite that has the values.
VALUES = "tensorcore_conformance.test_ops"
#: What is wrong with the backend "wrong", and little else.
FEW = "test_values and maximum"


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


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The tests of each tier, in their order; one process lists them all."""
    place = tmp_path_factory.mktemp("listed")
    (place / "list_tiers.py").write_text(LIST)
    (place / "four_backends.py").write_text(BACKENDS)
    said = run(place, "list_tiers", *TIERS).stdout.split(NEXT)[1:]
    found = [[line for line in text.splitlines() if "::" in line] for text in said]
    return dict(zip(TIERS, found, strict=True))


def suite(
    place: Path, name: str, *words: str, module: str = "tensorcore_conformance"
) -> subprocess.CompletedProcess[str]:
    """The suite, or one module of it: collecting all of it takes seconds."""
    common = ("--pyargs", module, "--tensorcore-backend", name)
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
    words = ("test_light.py", "--pyargs", VALUES, "-k", "test_light")
    ended = run(place, "pytest", "-q", "-p", "no:cacheprovider", *words)
    assert ended.returncode == 1, ended.stdout


def test_an_unavailable_backend_is_one_skip(place: Path) -> None:
    ended = suite(place, "nodevice", module=VALUES)
    assert ended.returncode == 0
    assert "1 skipped" in ended.stdout and "there is no device" in ended.stdout
    assert "passed" not in ended.stdout and "buy one" in ended.stdout


def test_required_backends_must_be_available(place: Path) -> None:
    ended = suite(place, "nodevice", "--tensorcore-require", "nodevice", module=VALUES)
    assert ended.returncode == 1
    assert "1 failed" in ended.stdout and "there is no device" in ended.stdout
    both = ("--tensorcore-require", "sound", "--tensorcore-require", "nocompiler")
    words = ("-k", "(test_values and exp2) or backend")
    ended = suite(place, "sound", *both, *words, module=VALUES)
    assert ended.returncode == 1
    assert "1 failed" in ended.stdout and "there is no compiler" in ended.stdout
    words = ("--tensorcore-require", "sound", "-k", "test_values and exp2")
    ended = suite(place, "sound", *words, module=VALUES)
    assert ended.returncode == 0 and "failed" not in ended.stdout.replace("failed: 0", "")


def test_compile_only(place: Path) -> None:
    few = ("-k", "exp2 or tan")
    ended = suite(place, "nodevice", "--tensorcore-compile-only", *few)
    assert ended.returncode == 0, ended.stdout
    assert "compiled, not run" in ended.stdout
    assert "nodevice compiles, nothing was run (partial: " in ended.stdout
    assert "conforms" not in ended.stdout
    content = json.loads((place / "nodevice.json").read_text())
    assert content["compile_only"]
    assert {cell["status"] for row in content["ops"].values() for cell in row.values()} == {
        "compiled"
    }
    ended = suite(place, "failing", "--tensorcore-compile-only", *few, module=VALUES)
    assert ended.returncode == 1 and "no tangent" in ended.stdout
    ended = suite(place, "nocompiler", "--tensorcore-compile-only", *few, module=VALUES)
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
    assert content["schema"] == 2 and content["device"] == "the first"
    assert content["backend"] == "sound" and content["tier"] == "smoke"
    assert content["options"] == {"tier": "smoke", "-k": "test_values and exp2"}
    found = re.search(r"(\d+) of (\d+) tests were deselected", content["partial"])
    assert found is not None and int(found[1]) == int(found[2]) - 4
    for said in (ended.stdout, (place / "r.html").read_text()):
        assert f"sound has no failure (partial: {content['partial']})" in said
        assert "conforms" not in said
    assert content["groups"] == {"test_ops": {"passed": 4, "failed": 0, "skipped": 0}}


def test_a_single_test_is_no_whole_run(place: Path) -> None:
    import tensorcore_conformance

    one = Path(tensorcore_conformance.__file__).parent / "test_state.py"
    words = ("pytest", "-q", "-p", "no:cacheprovider", "--tensorcore-backend", "sound")
    ended = run(place, *words, f"{one}::test_two_variables_swap")
    assert "1 passed" in ended.stdout and "conforms" not in ended.stdout
    assert "partial: nothing of test_convolution, test_gradients, test_graphs" in ended.stdout


def test_a_wrong_value_is_said_once_and_in_words(place: Path) -> None:
    ended = run(place, "tensorcore", "conformance", "--backend", "wrong", "-k", FEW)
    assert ended.returncode == 1
    for dtype in ("float32", "float64"):
        lines = [line for line in ended.stdout.splitlines() if f"in {dtype}: " in line]
        (line,) = lines
        start = rf"failed: maximum\([^()]*nan[^()]*\) in {dtype}: found 4.0, expected nan, must be "
        assert re.match(start + r"equal \(at \(\d+,\) of maximum", line), line
    assert "wrong does not conform (partial: " in ended.stdout
    for words in ("Subject(", "Report(", "def test_", "Traceback", "AssertionError", "off by inf"):
        assert words not in ended.stdout
    ended = suite(place, "wrong", "-k", FEW, "-x", module=VALUES)
    assert ended.stdout.count("failed: ") == 1 and "were not run" in ended.stdout
    # Whoever wants to see where gets pytest's own tracebacks.
    ended = suite(place, "wrong", "-k", FEW, "-x", "--tb=short", module=VALUES)
    assert "assert not complaints" in ended.stdout


def test_one_cause_of_many_failures(place: Path) -> None:
    few = (
        "-k",
        ("((test_values or test_gradient) and (exp or tan) or test_state) and not test_loops"),
        "-q",
    )
    report = ("--json", "broken.json", "--html", "broken.html")
    ended = run(place, "tensorcore", "conformance", "--backend", "broken", *few, *report)
    assert ended.returncode == 1
    (line,) = [line for line in ended.stdout.splitlines() if "RuntimeError: not today" in line]
    found = re.match(r"failed: (\d+) tests: RuntimeError: not today: \w+ \w+, .* more$", line)
    content = json.loads((place / "broken.json").read_text())
    failed = sum(row["failed"] for row in content["groups"].values())
    assert found is not None and failed - 5 <= int(found[1]) <= failed > 40, line
    assert set(content["groups"]) == {"test_ops", "test_state", "test_gradients"}
    assert "does not conform" in (place / "broken.html").read_text()


def test_values_come_first(listed: dict[str, list[str]]) -> None:
    modules = [line.partition("::")[0] for line in listed["exhaustive"]]
    assert [Path(name).stem.removeprefix("test_") for name in dict.fromkeys(modules)] == [
        "ops", "shapes", "memory", "state", "seams", "structures", "references", "gradients",
        "rules", "sums", "graphs", "threads", "timings", "loops", "random", "convolution",
        "networks", "matrices", "nightly", "exhaustive",
    ]  # fmt: skip


def test_what_ran_is_counted() -> None:
    from tensorcore_conformance.report import Report
    from tensorcore_conformance.tally import Tally

    names = {"a[1]": "test_ops", "a[2]": "test_ops", "b": "test_state"}
    done = dict.fromkeys(names, "passed")
    for outcomes, more, partial in (
        (done, {}, ""),
        ({"a[1]": "passed", "a[2]": "skipped"}, {}, "1 of 3 tests were not run"),
        (done, {"deselected": 7}, "7 of 10 tests were deselected"),
        (
            {"a[1]": "passed"},
            {"deselected": 7, "left_out": 1},
            "7 of 11 tests were deselected, 3 of 11 tests were not run",
        ),
        (done, {"absent": ("test_rules",)}, "nothing of test_rules was asked for"),
        (done, {"named": True}, "single tests were named"),
    ):
        report = Report("first", "pr")
        Tally(report, names, outcomes=outcomes, **more).close()  # type: ignore[arg-type]
        assert report.partial == partial


def test_the_tiers_hold_each_other(listed: dict[str, list[str]]) -> None:
    found = {tier: set(lines) for tier, lines in listed.items()}
    assert found["smoke"] < found["pr"] < found["nightly"] < found["exhaustive"]
    assert any("test_every_float16[exp2]" in line for line in found["exhaustive"])
    assert any("test_more_random_graphs" in line for line in found["nightly"])
