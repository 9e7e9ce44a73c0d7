"""A defective plugin harms nobody but itself: 12 defects, at 4 moments, by 3 ways in.

Each of the 144 cases is a fresh process, which the test judges from outside. Without ``--long``
there are 48 of them, in which any two of defect, moment and way in meet.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest

#: Says which processes imported the plugin.
SEEN = """
import os
with open(os.environ["THEIR_LOG"], "a") as log:
    print(os.getpid(), file=log)
"""
GOOD = (
    SEEN
    + """
from tensorcore.backend import Capabilities, Diagnosis
from tensorcore.hookspecs import hookimpl
from tensorcore.interpret import Interpreter

class Mine:
    name = "mine"
    def diagnose(self):
        return Diagnosis(True, True)
    def capabilities(self):
        return Capabilities(calls=None)
    def compile(self, program):
        return Interpreter(program)

@hookimpl
def tensorcore_backends():
    return {"mine": Mine}
"""
)
#: Declares float64 and computes it as float32.
UNTRUE = """
        right = Interpreter(program)
        def run(inputs, cells):
            outputs, commits = right(inputs, cells)
            return [part.astype("float32").astype(part.dtype) for part in outputs], commits
        return run
"""


def but(old: str, new: str) -> str:
    """The good plugin with one replacement."""
    assert old in GOOD
    return GOOD.replace(old, new)


class Defect(NamedTuple):
    """A plugin, the state and a part of the reason that it must get, and the class of its own
    error, which must be chained. ``loads``: its module shows its backends, so that only the one
    backend is lost. ``deadly``: it must never get into the process itself."""

    code: str
    reason: str
    cause: str = ""
    state: str = "broken"
    value: str = "their_bad"
    loads: bool = False
    deadly: bool = False
    timeout: str = "60"


def deadly(code: str, reason: str, timeout: str = "60") -> Defect:
    return Defect(code, reason, deadly=True, timeout=timeout)


#: The forms of a defect take turns over the moments and ways in.
DEFECTS: dict[str, tuple[Defect, ...]] = {
    "RuntimeError": (
        Defect(SEEN + "raise RuntimeError('boom')", "raised RuntimeError: boom", "RuntimeError"),
    ),
    "SyntaxError": (Defect("def (:", "raised SyntaxError", "SyntaxError"),),
    "missing dependency": (
        Defect(
            SEEN + "import nobody_has_this.inside",
            "the Python module 'nobody_has_this' was not found",
            "ModuleNotFoundError",
            "missing dependency",
        ),
    ),
    "SystemExit": (Defect(SEEN + "raise SystemExit(3)", "raised SystemExit: 3", "SystemExit"),),
    "wrong type": (
        Defect(SEEN + "number = 3", "(int) implements no hook", value="their_bad:number"),
    ),
    "misspelt hook": (
        Defect(
            but("tensorcore_backends", "tensorcore_backend"),
            "unknown hook 'tensorcore_backend'; did you mean 'tensorcore_backends'?",
        ),
    ),
    "wrong hook argument": (
        Defect(
            but("tensorcore_backends()", "tensorcore_backends(device)"),
            "raised PluginValidationError",
            "PluginValidationError",
        ),
    ),
    "hook raises": (
        Defect(
            but('return {"mine": Mine}', "raise KeyError('x')"),
            "the hook tensorcore_backends raised KeyError: 'x'",
            "KeyError",
        ),
    ),
    "diagnose raises": (
        Defect(
            but("return Diagnosis(True, True)", "1 / 0"),
            "diagnose() raised ZeroDivisionError",
            "ZeroDivisionError",
            loads=True,
        ),
    ),
    "capabilities": (
        Defect(
            but("return Capabilities(calls=None)", "return {}"),
            "capabilities() returned dict, expected Capabilities",
            loads=True,
        ),
        deadly(but("        return Interpreter(program)\n", UNTRUE), "in float64 gave"),
    ),
    "API version": (
        Defect(GOOD + "tensorcore_api = 'v9'", "made for plugin API 'v9'", "", "incompatible"),
    ),
    "crash or hang": (
        deadly(SEEN + "import ctypes; ctypes.string_at(0)", "was killed by SIGSEGV"),
        deadly(
            SEEN + "import signal; os.kill(os.getpid(), signal.SIGSEGV)", "was killed by SIGSEGV"
        ),
        deadly(SEEN + "import time; time.sleep(600)", "no answer within 1 s", timeout="1"),
    ),
}

START = """
import json, os, sys
import tensorcore
said, cause, found = "", "", None
"""
COMPUTE = """
import tensorcore.tensor as T
x = T.dvector("x")
found = tensorcore.function([x], T.exp(x) * 2 + x, backend="numpy_ref")([0.0, 1.0]).tolist()
"""
SELECT = """
from tensorcore.errors import BackendUnavailable
import tensorcore.tensor as T
x = T.dvector("x")
try:
    tensorcore.function([x], x * 2, backend="mine")
except BackendUnavailable as error:
    said, cause = str(error), type(error.__cause__).__name__ if error.__cause__ else ""
"""
LIST = """
from tensorcore import cli
assert cli.main(["backends"]) == 0
print("-- as JSON")
assert cli.main(["backends", "--json"]) == 0
print("-- end")
"""
END = """
print(json.dumps({"said": said, "cause": cause, "found": found, "process": os.getpid(),
                  "imported": "their_bad" in sys.modules}))
"""
MOMENTS = {
    "import": START + END,
    "listing": START + LIST + END,
    "selecting another": START + COMPUTE + END,
    "selecting it": START + SELECT + COMPUTE + END,
}
WAYS = ("entry point", "rc file", "variable")
CASES = list(product(DEFECTS, MOMENTS, WAYS))
#: At each moment the ways in take turns over the defects, and for each defect over the moments.
SHORT = [
    (defect, moment, WAYS[(row + column) % len(WAYS)])
    for row, defect in enumerate(DEFECTS)
    for column, moment in enumerate(MOMENTS)
]


def form(case: tuple[str, str, str]) -> tuple[int, Defect]:
    """Which of its forms a defect has in a case."""
    forms = DEFECTS[case[0]]
    number = (list(MOMENTS).index(case[1]) + WAYS.index(case[2])) % len(forms)
    return number, forms[number]


class Outcome(NamedTuple):
    """How the process of a case ended; ``importers`` are the processes that ran the plugin."""

    code: int
    out: str
    err: str
    importers: tuple[int, ...]

    @property
    def answer(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return found


def verdicts(base: Path) -> Path:
    """A cache that knows of all backends here how they stand, so that each world need not try
    them again. Of the plugin it knows nothing."""
    home = base / "home"
    home.mkdir()
    answered = run(home, base / "no log", ("", "listing", ""), Defect("", ""))
    assert answered.code == 0, answered.err
    return home / "cache"


def home_of(base: Path, case: tuple[str, str, str], known: Path) -> Path:
    """The world of a defect and a way in. Its moments share it, and the verdict in its cache."""
    number, defect = form(case)
    home = base / f"{case[0]} {number} {case[2]}".replace(" ", "-")
    if home.exists():
        return home
    site = home / "site"
    site.mkdir(parents=True)
    shutil.copytree(known, home / "cache")
    code = defect.code
    if case[2] == "entry point":
        code = code.replace("tensorcore_api = 'v9'", "")
        api = "v9" if defect.state == "incompatible" else "v1"
        info = site / "their_bad-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-bad\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            f"[tensorcore.backends]\nmine = {defect.value}\n[tensorcore.api]\nmine = {api}\n"
        )
    elif case[2] == "rc file":
        (home / ".tensorcorerc").write_text(f"[global]\nplugins = {defect.value}\n")
    (site / "their_bad.py").write_text(code)
    return home


def run(home: Path, log: Path, case: tuple[str, str, str], defect: Defect) -> Outcome:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TENSORCORE")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment |= {
        "HOME": str(home),
        "PYTHONPATH": os.pathsep.join([str(home / "site"), *filter(None, sys.path)]),
        "TENSORCORE_AUTO_ORDER": "numpy_ref",
        "TENSORCORE_CACHE_DIR": str(home / "cache"),
        "TENSORCORE_PROBE_TIMEOUT": defect.timeout,
        "THEIR_LOG": str(log),
    }
    if case[2] == "variable":
        environment["TENSORCORE_PLUGINS"] = defect.value
    done = subprocess.run(
        [sys.executable, "-c", MOMENTS[case[1]]],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    importers = tuple(map(int, log.read_text().split())) if log.exists() else ()
    return Outcome(done.returncode, done.stdout, done.stderr, importers)


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[tuple[str, str, str], Future[Outcome]]:
    """The processes of all cases that were asked for, two at a time."""
    base = tmp_path_factory.mktemp("hostile")
    asked = {
        tuple(item.callspec.params[name] for name in ("defect", "moment", "way"))
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == test_the_defect.__name__
    }
    known = verdicts(base)
    with ThreadPoolExecutor(2) as pool:
        return {
            case: pool.submit(
                run, home_of(base, case, known), base / f"log {number}", case, form(case)[1]
            )
            for number, case in enumerate(CASES)
            if case in asked
        }


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "defect" in metafunc.fixturenames:
        cases = CASES if metafunc.config.getoption("--long") else SHORT
        metafunc.parametrize(("defect", "moment", "way"), cases)


def test_the_defect(
    defect: str, moment: str, way: str, outcomes: Mapping[tuple[str, str, str], Future[Outcome]]
) -> None:
    case = (defect, moment, way)
    outcome, kind = outcomes[case].result(), form(case)[1]
    assert outcome.code == 0, outcome.err
    assert "Traceback" not in outcome.err + outcome.out
    answer = outcome.answer
    if kind.deadly or (kind.state == "incompatible" and way == "entry point"):
        assert answer["process"] not in outcome.importers
        assert not answer["imported"]
    assert judge_noise(outcome, kind, moment, way)
    if moment == "listing":
        judge_listing(outcome, kind)
    elif moment != "import":
        assert answer["found"] == pytest.approx([2.0, 2 * math.e + 1], rel=1e-14)
    if moment == "selecting it":
        judge_selecting(answer, kind, way)


def judge_noise(outcome: Outcome, kind: Defect, moment: str, way: str) -> bool:
    """Nothing is said, and nothing imported, unless the user asked for that module; then it is
    one line."""
    if moment == "import" or (moment == "selecting another" and way == "entry point"):
        return (outcome.err, outcome.importers) == ("", ())
    if way == "entry point" or kind.loads:
        return outcome.err == ""
    lines = outcome.err.splitlines()
    return len(lines) == 1 and lines[0].startswith("tensorcore: plugin 'their_bad")


def judge_listing(outcome: Outcome, kind: Defect) -> None:
    table, _, rest = outcome.out.partition("-- as JSON\n")
    rows = json.loads(rest.partition("-- end\n")[0])["backends"]
    (bad,) = [row for row in rows if row["distribution"] in ("their-bad", "their_bad")]
    assert bad["state"] == kind.state
    assert kind.reason in bad["reason"]
    assert bad["hint"]
    assert [row["state"] for row in rows if row["name"] == "numpy_ref"] == ["ok"]
    (line,) = [line for line in table.splitlines() if f" {kind.state} " in line]
    assert line.endswith(bad["reason"])


def judge_selecting(answer: dict[str, Any], kind: Defect, way: str) -> None:
    said = answer["said"]
    if way == "entry point" or kind.loads:
        assert said.startswith(f"backend 'mine' is not available ({kind.state}): ")
    else:  # what the module would have held is not known
        assert said.startswith("backend 'mine' is not available: no plugin has that name, but")
        assert f"{kind.value!r} is {kind.state} (" in said
    assert kind.reason in said
    assert "Hint: " in said
    assert said.endswith("Available here: numpy_ref.")
    assert answer["cause"] == kind.cause


def test_there_are_144_cases() -> None:
    assert (len(DEFECTS), len(MOMENTS), len(WAYS), len(set(CASES))) == (12, 4, 3, 144)
    for cases in (CASES, SHORT):
        for name, forms in DEFECTS.items():
            used = {form(case)[0] for case in cases if case[0] == name}
            assert used == set(range(len(forms)))


def test_in_the_short_form_any_two_things_meet() -> None:
    assert len(SHORT) == 48 and set(SHORT) < set(CASES)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert {(c[one], c[other]) for c in SHORT} == {(c[one], c[other]) for c in CASES}
