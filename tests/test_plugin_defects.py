"""Defects of plugins beyond those of tests/test_hostile_plugins.py: each becomes a status."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Install, good

import tensorcore
import tensorcore.tensor as T
from tensorcore import plugins
from tensorcore.backend import Capabilities, Diagnosis
from tensorcore.errors import BackendUnavailable, PluginError

pytestmark = pytest.mark.usefixtures("only_our_plugins")


def state(name: str) -> str:
    return plugins.status(name).state


DEFECTS: dict[str, tuple[str, str, str]] = {
    "exits by sys.exit": ("import sys; sys.exit()", "broken", "raised SystemExit"),
    "error without text": (
        "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
        "broken",
        "raised E",
    ),
    "misses a name": ("from os import nothing", "broken", "raised ImportError"),
    "no hooks": ("x = 3", "broken", "implements no hook; expected a module or object"),
    "unmarked hook": (
        good("mine", "@hookimpl\n"),
        "broken",
        "implements no hook; expected a module or object with functions marked @hookimpl",
    ),
    "hook exits": (
        good("mine", 'return {"NAME": Backend}', "raise SystemExit(4)"),
        "broken",
        "the hook tensorcore_backends raised SystemExit: 4",
    ),
    "hook returns a list": (
        good("mine", 'return {"NAME": Backend}', "return [Backend()]"),
        "broken",
        "returned list, expected a mapping from names to factories",
    ),
    "other name": (good("other"), "broken", "has no backend 'mine'; it has: other"),
    "factory raises": (
        good("mine", "self.device = device", "raise OSError('no driver')"),
        "broken",
        "making the backend 'mine' raised OSError: no driver",
    ),
    "factory returns a number": (
        good("mine", '"NAME": Backend}', '"NAME": lambda: 3}'),
        "broken",
        "has no method diagnose() (int); has no method capabilities() (int); has no method",
    ),
    "factory returns the class": (
        good("mine", '"NAME": Backend}', '"NAME": lambda: Backend}'),
        "broken",
        "is the class Backend, expected an instance",
    ),
    "wrong own name": (
        good("mine", 'name = "NAME"', 'name = "other"'),
        "broken",
        "has the name 'other', expected 'mine'",
    ),
    "memory without methods": (
        good("mine", 'name = "NAME"', 'name = "NAME"; memory = 3'),
        "broken",
        "has a memory (int) without put() and get()",
    ),
    "diagnose returns a flag": (
        good("mine", "return Diagnosis(", "return bool or Diagnosis("),
        "broken",
        "diagnose() returned type, expected Diagnosis",
    ),
    "diagnose returns nonsense inside": (
        good("mine", "Diagnosis(True, True", "Diagnosis('yes', True"),
        "broken",
        "whose can_run or can_compile is no bool",
    ),
    "no device": (
        good("mine", "Diagnosis(True, True", "Diagnosis(True, False, 'no GPU found'"),
        "no device",
        "no GPU found",
    ),
    "no reason": (
        good("mine", "Diagnosis(True, True", "Diagnosis(False, False"),
        "missing dependency",
        "it says that it cannot run, and not why",
    ),
    "capabilities raise": (
        good("mine", "return Capabilities()", "1 / 0"),
        "broken",
        "capabilities() raised ZeroDivisionError",
    ),
    "capabilities of wrong content": (
        good("mine", "Capabilities()", "Capabilities(dtypes=('float80',), calls=['x'], ulp=2)"),
        "broken",
        "has calls of type list, expected frozenset; capabilities() has ulp of type int",
    ),
    "capabilities that name no op": (
        good("mine", "Capabilities()", "Capabilities(unsupported={'tann': 'no'})"),
        "broken",
        "unsupported 'tann', which is no op; did you mean 'tan'?",
    ),
    "calls that are no op": (
        good("mine", "Capabilities()", "Capabilities(calls=frozenset({'expp', 3}))"),
        "broken",
        "has calls 3, which is no op; capabilities() has calls 'expp', which is no op; did you",
    ),
    "a limit below 0": (
        good("mine", "Capabilities()", "Capabilities(ulp={'exp': -1})"),
        "broken",
        "capabilities() has ulp of 'exp' -1, expected a number >= 0",
    ),
    "a limit that is text": (
        good("mine", "Capabilities()", "Capabilities(ulp={'exp': 2.5, 'log': '2'})"),
        "broken",
        "capabilities() has ulp of 'log' '2', expected a number >= 0",
    ),
    "a limit for no op": (
        good("mine", "Capabilities()", "Capabilities(ulp={'xyz': 2})"),
        "broken",
        "capabilities() has ulp 'xyz', which is no op",
    ),
    "no words for what is unsupported": (
        good("mine", "Capabilities()", "Capabilities(unsupported={'exp': None})"),
        "broken",
        "capabilities() has unsupported 'exp' with the reason None, expected text",
    ),
    "global option": (
        good("mine")
        + "\nfrom tensorcore.config import Option, boolean\n@hookimpl\n"
        + "def tensorcore_options():\n    return [Option('level', boolean, True, 'A level.')]\n",
        "broken",
        "returned Option, expected Option objects with names such as",
    ),
    "taken option": (
        good("mine")
        + "\nfrom tensorcore.config import Option, boolean\n@hookimpl\n"
        + "def tensorcore_options():\n"
        + "    return [Option('mine.level', boolean, True, word) for word in 'ab']\n",
        "broken",
        "there is an option 'mine.level' already",
    ),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_becomes_a_status_and_harms_nobody(install: Install, name: str) -> None:
    code, expected, words = DEFECTS[name]
    install("mine", code)
    install("first")
    status = plugins.status("mine")
    assert status.state == expected
    assert words in status.reason
    assert "\n" not in status.reason + status.hint
    assert status.hint or name in ("no device", "no reason")
    with pytest.raises(BackendUnavailable) as caught:
        plugins.select("mine")
    assert str(caught.value).startswith(f"backend 'mine' is not available ({expected}): ")
    assert str(caught.value).endswith("Available here: first.")
    assert plugins.select().name == "first"
    assert [s.state for s in plugins.statuses()] == ["ok", expected]


def test_an_interrupt_is_not_a_defect(install: Install) -> None:
    install("mine", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        plugins.select("mine")


def test_without_an_api_it_is_never_imported(install: Install) -> None:
    install("mine", "raise SystemExit", api="")
    status = plugins.status("mine")
    assert status.state == "incompatible"
    assert "declares no plugin API" in status.reason
    assert "'v1'" in status.reason
    assert "their_mine" not in sys.modules


@pytest.mark.parametrize("value", ["their_mine:nothing", "their_absent", "their_mine:x.y", "a b"])
def test_an_entry_point_that_leads_nowhere(install: Install, value: str) -> None:
    install("mine", value=value)
    assert state("mine") == "broken"


def test_damaged_metadata_harms_nobody(install: Install, tmp_path: Path) -> None:
    install("first")
    bad = tmp_path / "bad-1.0.dist-info"
    bad.mkdir()
    (bad / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1.0\n")
    (bad / "entry_points.txt").write_text("[tensorcore.backends]\nno equals sign\n")
    (tmp_path / "worse-1.0.dist-info").mkdir()
    (tmp_path / "worse-1.0.dist-info" / "entry_points.txt").write_bytes(b"\xff\xfe\0")
    plugins.refresh()
    assert plugins.select().name == "first"
    (status,) = [s for s in plugins.statuses() if s.name == "bad"]
    assert status.state == "broken"
    assert "entry_points.txt cannot be read" in status.reason


# -- a backend object that is given ---------------------------------------------------------


class Given:
    """A backend whose capabilities and results are as wished."""

    name = "given"

    def __init__(self, takes: object = None, result: object = None) -> None:
        self.takes, self.result, self.asked = takes, result, 0

    def diagnose(self) -> Diagnosis:
        return Diagnosis(True, True)

    def capabilities(self) -> Any:
        self.asked += 1
        return Capabilities(calls=None) if self.takes is None else self.takes

    def compile(self, program: object) -> Any:
        return lambda inputs, cells: self.result


def test_the_capabilities_of_a_given_object_are_looked_at_once() -> None:
    given = Given()
    for _ in range(3):
        assert plugins.select(given).backend is given
    assert given.asked == 1
    for takes, words in (
        (3, r"capabilities\(\) returned int, expected Capabilities"),
        (Capabilities(unsupported={"tann": ""}), ".*'tann', which is no op; did you mean 'tan'"),
    ):
        bad = Given(takes)
        for _ in range(2):
            with pytest.raises(PluginError, match=f"the backend given: {words}"):
                plugins.select(bad)


def test_capabilities_of_a_given_object_that_raise() -> None:
    class Raising(Given):
        def capabilities(self) -> Any:
            raise OSError("no driver")

    with pytest.raises(PluginError, match=r"capabilities\(\) raised OSError: no driver") as caught:
        plugins.select(Raising())
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize(
    ("result", "found"),
    [(3, "int"), (None, "NoneType"), (([1.0],), "tuple"), ((3, []), "tuple"),
     (([1.0, 2.0], []), "2 and 0"), (([1.0], [2.0, 3.0]), "1 and 2")],
)  # fmt: skip
def test_an_executable_that_returns_no_pair(result: object, found: str) -> None:
    x = T.dscalar("x")
    count = tensorcore.shared(0.0)
    f = tensorcore.function([x], x * 2, updates={count: x}, backend=Given(result=result))
    with pytest.raises(PluginError) as caught:
        f(1.0)
    assert str(caught.value).startswith(
        f"the executable of backend 'given' returned {found}, expected a pair of sequences: of 1 "
        "output(s), and of 1 new value(s) of shared variables."
    )
    assert count.get_value() == 0
