"""Plugins: discovery from metadata, selection, clashes, blocking, other ways in."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import Install, good

import tensorcore
import tensorcore.tensor as T
from tensorcore import _discovery, _report, cli, config, plugins
from tensorcore.errors import BackendUnavailable, ConfigError, PluginError

pytestmark = pytest.mark.usefixtures("only_our_plugins")


def state(name: str) -> str:
    return plugins.status(name).state


# -- what works ----------------------------------------------------------------------------


def test_listing_imports_nothing(install: Install) -> None:
    install("first")
    install("second", code="raise RuntimeError('imported')")
    entries = plugins.backends()
    assert [(e.name, e.distribution, e.version, e.api) for e in entries] == [
        ("first", "their-first", "1.0", "v1"),
        ("second", "their-second", "1.0", "v1"),
    ]
    assert not [name for name in sys.modules if name.startswith("their_")]


def test_selecting_imports_that_plugin_only(install: Install) -> None:
    install("first")
    install("second")
    selected = plugins.select("first")
    assert (selected.name, selected.distribution) == ("first", "their-first")
    assert (selected.by_name, selected.device, selected.notes) == (True, "", ())
    assert [name for name in sys.modules if name.startswith("their_")] == ["their_first"]


def test_status_of_a_good_backend(install: Install) -> None:
    install("first")
    status = plugins.status("first")
    assert (status.state, status.reason, status.version) == ("ok", "", "1.0")
    assert (status.devices, status.versions) == (("first",), {"driver": "1.2"})


def test_instances_are_kept_per_name_and_device(install: Install) -> None:
    install("first")
    plain, one, two = (plugins.select(s).backend for s in ("first", "first:1", "first:2"))
    assert plugins.select("first:1").backend is one
    assert len({id(plain), id(one), id(two)}) == 3
    assert [vars(b)["device"] for b in (plain, one, two)] == ["none", "1", "2"]


def test_threads_get_one_instance(install: Install) -> None:
    install("first")
    barrier = threading.Barrier(8)
    found: list[object] = []

    def work() -> None:
        barrier.wait(10)
        found.append(plugins.select("first").backend)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_a_backend_object_may_be_given(install: Install) -> None:
    install("first")
    backend = plugins.select("first").backend
    assert plugins.select(backend).backend is backend
    with pytest.raises(PluginError, match=r"no method diagnose\(\)"):
        plugins.select(3)  # type: ignore[arg-type]


def run_python(code: str, *folders: Path) -> str:
    """What a fresh process prints, with ``folders`` at the front of its path."""
    path = os.pathsep.join([*map(str, folders), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_fifty_plugins_are_listed_and_none_is_imported(install: Install, tmp_path: Path) -> None:
    for number in range(50):
        install(f"b{number}", code="raise RuntimeError")
    code = """
import sys, tensorcore
tensorcore.config.floatX
bare = set(sys.modules)
from tensorcore import plugins
found = [entry.name for entry in plugins.backends() if entry.distribution.startswith("their-")]
print(len(found), sorted(name for name in sys.modules if name.startswith("their_")))
print(sorted({name.partition(".")[0] for name in set(sys.modules) - bare}))
"""
    assert run_python(code, tmp_path).splitlines() == ["50 []", "[]"]


# -- which one counts ----------------------------------------------------------------------


def test_argument_beats_configuration_beats_auto(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first", "second", "third"):
        install(name)
    selected = plugins.select()
    assert (selected.name, selected.by_name) == ("first", False)
    monkeypatch.setenv("TENSORCORE_BACKEND", "third")
    config.reload()
    assert plugins.select().name == "third"
    with config.change_flags(backend="second:1"):
        assert (plugins.select().name, plugins.select().device) == ("second", "1")
        assert plugins.select("third").name == "third"
        assert plugins.select("auto").name == "first"
    assert plugins.select().name == "third"


def test_auto_passes_over_with_one_hint(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    sick = 'Diagnosis(False, False, "no C compiler found", "install gcc.")'
    install("first", good("first", "Diagnosis(True, True", f"{sick} or Diagnosis(True, True"))
    install("second")
    selected = plugins.select()
    assert selected.name == "second"
    assert selected.notes == ("first cannot run (no C compiler found)",)
    line = "tensorcore: first cannot run (no C compiler found); using second. Hint: install gcc.\n"
    assert capsys.readouterr().err == line
    with config.change_flags(floatX="float32"):
        plugins.select()
    assert capsys.readouterr().err == ""


def test_an_installed_plugin_never_joins_auto_by_itself(install: Install) -> None:
    install("third")
    with pytest.raises(BackendUnavailable, match="no backend can run: first: no installed"):
        plugins.select()


def test_nothing_installed_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BackendUnavailable, match="no backend is installed; run 'pip"):
        plugins.select()
    monkeypatch.setenv("TENSORCORE_PLUGINS", "off")
    config.reload()
    with pytest.raises(BackendUnavailable, match="take 'off' out of the option"):
        plugins.select()


def test_a_device_word_selects(install: Install) -> None:
    install("cuda")
    with config.change_flags(device="cuda1"):
        assert (plugins.select().name, plugins.select().device) == ("cuda", "1")


def test_unknown_names_get_the_nearest(install: Install) -> None:
    install("first")
    with pytest.raises(BackendUnavailable) as caught:
        plugins.select("frist")
    assert str(caught.value) == (
        "backend 'frist' is not available: no installed plugin has that name; did you mean "
        "'first'? Hint: 'tensorcore backends' lists what is installed. Available here: first."
    )
    with pytest.raises(ConfigError, match="as in 'cgen'"):
        plugins.select("a b")
    with pytest.raises(ConfigError):
        plugins.select("")


def test_the_error_has_reason_fix_and_what_there_is(install: Install) -> None:
    lost = 'Diagnosis(False, False, "libcuda.so.1 was not found", "install the driver.")'
    install("cuda", good("cuda", "Diagnosis(True, True", f"{lost} or Diagnosis(True, True"))
    install("first")
    with pytest.raises(BackendUnavailable) as caught:
        plugins.select("cuda")
    assert str(caught.value) == (
        "backend 'cuda' is not available (missing dependency): libcuda.so.1 was not found. "
        "Hint: install the driver. Available here: first."
    )


def test_a_failure_is_forgotten_when_an_option_changes(install: Install) -> None:
    code = good("first", "Diagnosis(True, True", "Diagnosis(*[config.math_accuracy == 'high'] * 2")
    install("first", "from tensorcore import config\n" + code)
    assert state("first") == "missing dependency"
    with config.change_flags(math_accuracy="high"):
        assert state("first") == "ok"


# -- clashes, blocking, other ways in ------------------------------------------------------


def test_two_distributions_claim_one_name(install: Install) -> None:
    install("mine", good("mine"), distribution="their-a")
    install("mine", good("mine"), distribution="their-b")
    assert [s.distribution for s in plugins.statuses()] == ["their-a", "their-b"]
    with pytest.raises(BackendUnavailable) as caught:
        plugins.select("mine")
    assert "their-a and their-b both provide it" in str(caught.value)
    assert "write 'mine@their-a' or 'mine@their-b'" in str(caught.value)
    assert plugins.select("mine@their-b").distribution == "their-b"
    (note,) = _report.backends_notes(plugins.statuses(), False)
    assert note == ("mine: their-a and their-b both provide it; write mine@their-a or mine@their-b")
    assert plugins.select("mine@Their_A:1").distribution == "their-a"
    with pytest.raises(BackendUnavailable, match="'their-c' does not provide it"):
        plugins.select("mine@their-c")
    with config.change_flags(disable="their-a"):
        assert plugins.select("mine").distribution == "their-b"


def test_the_report_names_the_package_of_a_name_that_two_have(install: Install) -> None:
    code = "from tensorcore.interpret import Interpreter\n" + good(
        "mine", "lambda inputs, cells: (self.name, program)", "Interpreter(program)"
    ).replace("Capabilities()", "Capabilities(calls=None)")
    install("mine", code, distribution="their-a")
    x = T.dscalar("x")
    f = tensorcore.function([x], x * 2, backend="mine")
    assert str(f.report()).count("backend: mine (") == 1
    install("mine", code, distribution="their-b")
    f = tensorcore.function([x], x * 2, backend="mine@their-b")
    assert "backend: mine@their-b (" in str(f.report())
    assert f.report().compilation.package == "their-b"
    with config.change_flags(auto_order="mine@their-a"):
        assert "backend: mine@their-a (" in str(tensorcore.function([x], x * 2).report())


def test_a_broken_backend_that_nobody_asked_for_is_silent(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("first")
    install("bad", "raise RuntimeError('boom')")
    assert cli.main(["config"]) == 0
    plugins.calls(plugins.select("first").backend)
    assert capsys.readouterr().err == ""


def test_disabled_by_name_or_distribution(
    install: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install("first")
    install("second")
    assert plugins.select().name == "first"
    for word in ("first", "their-first"):
        monkeypatch.setenv("TENSORCORE_DISABLE", word)
        config.reload()
        assert state("first") == "disabled"
        assert plugins.select().name == "second"
    assert capsys.readouterr().err == ""


def test_off_turns_the_search_off(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("first")
    monkeypatch.setenv("TENSORCORE_PLUGINS", "off")
    config.reload()
    assert plugins.backends() == ()
    with pytest.raises(BackendUnavailable, match="the search for installed plugins is off"):
        plugins.select("first")


def test_modules_named_by_the_option(
    tmp_path: Path, install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("first")
    (tmp_path / "their_module.py").write_text(good("mine"))
    config.plugins = ("their_module", "their_nothing")
    try:
        assert plugins.select("mine").distribution == "their_module"
        assert plugins.select("mine@their_module:1").device == "1"
        names = [(s.name, s.state) for s in plugins.statuses()]
        assert names == [
            ("first", "ok"),
            ("mine", "ok"),
            ("their_nothing", "broken"),
        ]
        assert "plugin 'their_nothing@their_nothing' is left out" in capsys.readouterr().err
    finally:
        del config.plugins


MINE_LEVEL = """
from tensorcore.config import Option, integer

@hookimpl
def tensorcore_options():
    return [Option("mine.level", integer(0, 9), 1, "A number.")]
"""


def test_options_of_a_plugin(install: Install, tmp_path: Path) -> None:
    install("mine", good("mine") + MINE_LEVEL)
    (tmp_path / ".tensorcorerc").write_text("[mine]\nlevel = 3\n")
    config.reload()
    assert not config.problems()
    assert config.mine.level == 3  # type: ignore[attr-defined]
    with config.change_flags({"mine.level": 4}):
        assert config.get("mine.level") == 4


def test_settings_for_modules_of_the_option_wait_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "their_module.py").write_text(good("mine") + MINE_LEVEL)
    (tmp_path / ".tensorcorerc").write_text("[mine]\nlevel = 3\n[nobody]\nx = 1\n")
    monkeypatch.setenv("TENSORCORE_PLUGINS", "their_module")
    config.reload()
    assert not config.problems()
    plugins.select("mine")
    assert config.get("mine.level") == 3
    (problem,) = config.problems()
    assert (problem.where, problem.message[:24]) == (
        "~/.tensorcorerc:4",
        "unknown section [nobody]",
    )


def test_importing_plugins_does_not_import_pluggy() -> None:
    code = "import sys; from tensorcore import plugins; print('pluggy' in sys.modules)"
    assert run_python(code) == "False\n"


def test_the_api_version_is_the_documented_one() -> None:
    assert _discovery.API == "v1"
