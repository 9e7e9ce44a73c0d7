"""The command line: what it prints, its exit codes, and that crashes stay in the child."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tensorcore import _discovery, _probe, cli, config, plugins
from tensorcore.dtypes import ALL
from tensorcore.inspection import op_table
from tensorcore.ops import OPS

BACKEND = """
from tensorcore.backend import Capabilities, Diagnosis
from tensorcore.hookspecs import hookimpl

class Backend:
    name = "NAME"
    def diagnose(self):
        return DIAGNOSIS
    def capabilities(self):
        return Capabilities()
    def compile(self, program):
        raise AssertionError

@hookimpl
def tensorcore_backends():
    return {"NAME": Backend}
"""

Module = Callable[..., None]


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_settings: None) -> Iterator[None]:
    monkeypatch.setenv("TENSORCORE_AUTO_ORDER", "first,second")
    monkeypatch.setenv("TENSORCORE_PROBE_TIMEOUT", "0")  # tests/test_trial.py is about that
    monkeypatch.setattr(_discovery, "installed", _nothing)
    monkeypatch.setattr(_probe, "smoke", lambda name: "")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    plugins.refresh()
    config.reload()
    yield
    monkeypatch.undo()
    for name in set(sys.modules) - before:
        if name.startswith("their_"):
            del sys.modules[name]
    plugins.refresh()
    config.reload()


def _nothing() -> tuple[()]:
    return ()


_nothing.cache_clear = lambda: None  # type: ignore[attr-defined]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Module:
    """Write a plugin and name it in TENSORCORE_PLUGINS, beside those before it."""
    words: list[str] = ["off"]

    def put(name: str, diagnosis: str = "Diagnosis(True, True)", code: str = "") -> None:
        text = code or BACKEND.replace("NAME", name).replace("DIAGNOSIS", diagnosis)
        (tmp_path / f"their_{name}.py").write_text(text)
        words.append(f"their_{name}")
        monkeypatch.setenv("TENSORCORE_PLUGINS", ",".join(words))
        plugins.refresh()
        config.reload()

    return put


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("tensorcore ")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["backends", "--nonsense"],
        ["doctor", "--timeout", "-1"],
        ["doctor", "--timeout", "soon"],
        ["conformance"],
        ["conformance", "--backend", "first", "--tier", "huge"],
    ],
)
def test_wrong_usage_ends_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    assert "usage: tensorcore" in capsys.readouterr().err


# -- config --------------------------------------------------------------------------------


def test_config_shows_what_an_rc_file_would_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["config"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "floatX = float64" in lines
    assert "auto_order = first,second" in lines
    assert "allow_input_downcast = none" in lines


def test_config_explains(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TENSORCORE_FLAGS", "floatX=float32,device=cuda1")
    config.reload()
    assert cli.main(["config", "--explain"]) == 2  # no plugin is named cuda
    shown = capsys.readouterr().out
    assert "floatX = float32   (TENSORCORE_FLAGS)\n    overrode float64 (default)\n" in shown
    assert "the backend that counts: cuda:1 (TENSORCORE_FLAGS (device=cuda1))" in shown


def test_config_problems_end_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TENSORCORE_FLAGS", "floatx=float32")
    config.reload()
    assert cli.main(["config", "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert "did you mean 'floatX'" in found["problems"][0]
    values = {row["option"]: row["value"] for row in found["options"]}
    assert values["floatX"] == "float64"


# -- backends ------------------------------------------------------------------------------


def test_backends_lists_and_ends_with_0(module: Module, capsys: pytest.CaptureFixture[str]) -> None:
    module("first", 'Diagnosis(True, True, versions={"cc": "13"}, devices=("one",))')
    module("second", 'Diagnosis(True, False, "no GPU found", "plug one in")')
    assert cli.main(["backends", "-v"]) == 0
    shown = capsys.readouterr().out
    header, first, second = (line.split() for line in shown.splitlines()[:3])
    assert header == ["NAME", "PACKAGE", "VERSION", "API", "DEVICES", "STATUS", "REASON"]
    assert first == ["first", "their_first", "one", "ok"]
    assert second == ["second", "their_second", "no", "device", "no", "GPU", "found"]
    assert "second: plug one in" in shown
    assert "first: cc 13" in shown
    assert "first: device 0: one" in shown
    assert "backend=auto (default) selects first" in shown


def test_backends_ends_with_3_when_the_chosen_one_cannot_run(
    module: Module, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module("first")
    module("second", 'Diagnosis(True, False, "no GPU found", "plug one in")')
    monkeypatch.setenv("TENSORCORE_BACKEND", "second")
    config.reload()
    assert cli.main(["backends", "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert [row["state"] for row in found["backends"]] == ["ok", "no device"]
    assert found["chosen"]["works"] is False
    assert "Hint: plug one in. Available here: first." in found["error"]


def test_backends_ends_with_3_when_the_chosen_one_computes_wrongly(
    module: Module, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module("first")
    monkeypatch.setattr(_probe, "smoke", lambda name: f"{name} gave 3")
    assert cli.main(["backends"]) == 3
    assert "backend 'first' does not work: first" in capsys.readouterr().err


def test_verbose_backends_shows_tracebacks(
    module: Module, capsys: pytest.CaptureFixture[str]
) -> None:
    module("first")
    module("bad", code="def lost():\n    raise KeyError('x')\nlost()\n")
    cli.main(["backends"])
    shown = capsys.readouterr().out
    assert "Traceback" not in shown and "its traceback: tensorcore backends -v" in shown
    cli.main(["backends", "-v"])
    shown = capsys.readouterr().out
    assert "their_bad:\nTraceback (most recent call last)" in shown
    assert "in lost\n" in shown and "KeyError: 'x'" in shown


# -- doctor --------------------------------------------------------------------------------


def test_doctor_survives_a_crash_and_an_exit(
    module: Module, capsys: pytest.CaptureFixture[str]
) -> None:
    module("crash", code="import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    module("exit", code="import os; os._exit(7)")
    module("sick", 'Diagnosis(False, False, "no C compiler", "install gcc")')
    assert cli.main(["doctor", "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    crash, leave, sick = found["backends"]
    assert (crash["backend"], crash["state"]) == ("their_crash", "broken")
    assert f"was killed by {signal.SIGSEGV.name}" in crash["reason"]
    assert "ended with exit code 7" in leave["reason"]
    assert (sick["backend"], sick["state"]) == ("sick", "missing dependency")
    assert (sick["reason"], sick["hint"]) == ("no C compiler", "install gcc")
    assert {"python", "numpy", "cache folder"} <= found["about"].keys()
    assert not [name for name in sys.modules if name.startswith("their_")]


def test_doctor_reports_a_hang(module: Module) -> None:
    module("hang", code="import time; time.sleep(60)")
    (probe,) = _probe.probe_all(1.5)
    assert (probe.backend, probe.works) == ("their_hang", False)
    assert probe.reason == "no answer within 1.5 s"


def test_doctor_says_how_to_mend(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sick = _probe.Probe("first", False, "missing dependency", "no C compiler", "install gcc")
    monkeypatch.setattr(_probe, "probe_all", lambda seconds: [sick])
    assert cli.main(["doctor"]) == 3
    shown = capsys.readouterr().out
    assert "first  missing dependency: no C compiler\n    to mend it: install gcc\n" in shown
    assert "the backend that counts (auto) does not work" in shown


def test_doctor_is_content_when_the_chosen_one_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    well = _probe.Probe("first@theirs", True, "ok")
    monkeypatch.setattr(_probe, "probe_all", lambda seconds: [well])
    assert cli.main(["doctor"]) == 0
    assert "the backend that counts (auto) works" in capsys.readouterr().out
    monkeypatch.setenv("TENSORCORE_DEBUG", "perhaps")
    config.reload()
    assert cli.main(["doctor"]) == 2
    monkeypatch.setenv("TENSORCORE_BACKEND", "frist")
    config.reload()
    assert cli.main(["doctor"]) == 3
    assert "the backend that counts (frist) is not installed" in capsys.readouterr().out


# -- the rest ------------------------------------------------------------------------------


def test_conformance_needs_an_available_backend(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    assert cli.main(["conformance", "--backend", "absent"]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("tensorcore: backend 'absent' is not available")


def test_conformance_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main(["conformance", "--backend", "first"]) == 2
    assert "Hint: pip install pytest" in capsys.readouterr().err


def test_conformance_runs_the_suite(module: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    module("first")
    seen: list[list[str]] = []
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr(pytest, "main", lambda words: seen.append(words) or 1)
    assert cli.main(["conformance", "--backend", "first", "--tier", "pr", "-k", "exp"]) == 1
    assert seen == [
        [
            *("--pyargs", "tensorcore_conformance", "--tensorcore-backend", "first"),
            *("--tensorcore-tier", "pr", "-W", "ignore::pytest.PytestAssertRewriteWarning"),
            *("-k", "exp"),
        ]
    ]


@pytest.mark.parametrize(("ended", "code"), [(0, 0), (1, 1), (2, 130), (3, 1), (4, 2), (5, 2)])
def test_conformance_has_the_exit_codes_of_the_rest(
    module: Module, monkeypatch: pytest.MonkeyPatch, ended: int, code: int
) -> None:
    module("first")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr(pytest, "main", lambda words: ended)
    assert cli.main(["conformance", "--backend", "first"]) == code


def test_conformance_says_early_that_its_report_cannot_be_written(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tensorcore", "conformance", "--backend", "numpy_ref"]
    ended = subprocess.run(
        [*words, "--json", str(tmp_path / "none" / "report.json")],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "cannot write the report" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "passed" not in ended.stdout


def test_demo_gets_its_words_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    fake = types.ModuleType("tensorcore.demo")
    fake.main = lambda words: seen.append(words) or 1  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tensorcore.demo", fake)
    monkeypatch.setattr("tensorcore.demo", fake, raising=False)
    words = ["--backend", "a", "--json", "--backend=b", "--epochs", "3", "-h", "more", "--nonsense"]
    assert cli.main(["demo", *words]) == 1
    assert seen == [words]


def test_demo_has_the_usage_of_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", "--nonsense"]) == 2
    assert "usage: tensorcore demo [-h] [--backend NAME]" in capsys.readouterr().err
    assert cli.main(["demo", "--help"]) == 0
    assert "--epochs" in capsys.readouterr().out


def test_config_names_an_unknown_backend(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TENSORCORE_BACKEND", "no_such_thing")
    config.reload()
    assert cli.main(["config", "--explain"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("tensorcore: TENSORCORE_BACKEND: backend 'no_such_thing': ")


# -- ops -----------------------------------------------------------------------------------


def test_ops_lists_every_op(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ops"]) == 0
    rows = {line.split("(")[0]: line for line in capsys.readouterr().out.splitlines()[1:]}
    assert set(OPS) <= set(rows)
    assert rows["log1p"].split() == ["log1p(x)", "primitive", "float", "yes", "3", "/", "1"]
    assert "composite" in rows["clip"] and "by its body" in rows["clip"]
    assert "none" in rows["eq"] and "none" in rows["int_div"]


def test_ops_has_stable_keys_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ops", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)["ops"]
    assert sorted(entry["name"] for entry in entries) == sorted(OPS)
    for entry in entries:
        assert list(entry) == [
            "name", "kind", "family", "signature", "public", "dtypes", "result", "gradient",
            "ulp", "notes", "description", "module",
        ]  # fmt: skip
        assert set(entry["ulp"]) == {"float32", "float64"}
        assert entry["description"] and entry["result"]


def test_ops_shows_one_in_full_by_either_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ops", "where"]) == 0
    by_public_name = capsys.readouterr().out
    assert cli.main(["ops", "switch"]) == 0
    assert capsys.readouterr().out == by_public_name
    assert by_public_name.startswith("switch(condition, x, y)\n")
    assert "T.switch, T.where" in by_public_name
    assert cli.main(["ops", "pow"]) == 0
    assert OPS["pow"].notes in capsys.readouterr().out


def test_ops_groups_dtypes_only_when_all_are_there() -> None:
    assert op_table.grouped(("int8", "int16", "int32", "int64", "uint8")) == "int uint8"
    assert op_table.grouped(ALL) == "bool int uint float complex"


def test_ops_names_what_looks_like_an_unknown_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ops", "add", "sigmiod"]) == 2
    shown = capsys.readouterr()
    assert "no op 'sigmiod'. Near: sigmoid" in shown.err
    assert shown.out == ""
