"""Plugins: discovery from metadata, every defect contained, selection, hooks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tensorcore import _discovery, config, plugins
from tensorcore.errors import BackendUnavailable, CompileError, ConfigError, PluginError

Install = Callable[..., None]

GOOD = """
from tensorcore.backend import Capabilities, Diagnosis
from tensorcore.hookspecs import hookimpl

class Backend:
    name = "NAME"
    def __init__(self, device="none"):
        self.device = device
    def diagnose(self):
        return Diagnosis(True, True, versions={"driver": "1.2"}, devices=("first",))
    def capabilities(self):
        return Capabilities()
    def compile(self, program):
        return lambda inputs, cells: (self.name, program)

@hookimpl
def tensorcore_backends():
    return {"NAME": Backend}
"""


def good(name: str, old: str = "", new: str = "") -> str:
    """The text of a plugin without defects, but for one replacement."""
    assert old in GOOD
    return GOOD.replace(old, new).replace("NAME", name)


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_settings: None) -> Iterator[None]:
    monkeypatch.setenv("TENSORCORE_AUTO_ORDER", "first,second")
    modules = set(sys.modules)
    options = set(config._settings.options)
    _forget_other_distributions(monkeypatch, tmp_path)
    plugins.refresh()
    config.reload()
    yield
    monkeypatch.undo()
    for name in set(sys.modules) - modules:
        if name.startswith("their_"):
            del sys.modules[name]
    for name in set(config._settings.options) - options:
        del config._settings.options[name]
    plugins.refresh()
    config.reload()


def _forget_other_distributions(monkeypatch: pytest.MonkeyPatch, site: Path) -> None:
    found = _discovery.metadata_folders
    monkeypatch.setattr(_discovery, "metadata_folders", lambda path: found([str(site)]))
    monkeypatch.syspath_prepend(str(site))


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Put a distribution with one plugin on the path."""

    def put(
        name: str,
        code: str | None = None,
        api: str = "v1",
        distribution: str = "",
        value: str = "",
        group: str = "tensorcore.backends",
    ) -> None:
        distribution = distribution or f"their-{name}"
        module = distribution.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(dedent(good(name) if code is None else code))
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
        )
        lines = [f"[{group}]", f"{name} = {value or module}"]
        lines += ["[tensorcore.api]", f"{name} = {api}"] if api else []
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        plugins.refresh()

    return put


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


def test_fifty_plugins_are_listed_quickly(install: Install) -> None:
    import time

    for number in range(50):
        install(f"b{number}", code="raise RuntimeError")
    start = time.perf_counter()
    assert len(plugins.backends()) == 50
    assert time.perf_counter() - start < 0.2  # the aim is 20 ms on an idle machine


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
        "backend 'cuda' is not available: libcuda.so.1 was not found. "
        "Hint: install the driver. Available here: first."
    )


def test_a_failure_is_forgotten_when_an_option_changes(install: Install) -> None:
    code = good("first", "Diagnosis(True, True", "Diagnosis(*[bool(config.cgen.cc)] * 2")
    install("first", "from tensorcore import config\n" + code)
    assert state("first") == "missing dependency"
    with config.change_flags({"cgen.cc": "gcc"}):
        assert state("first") == "ok"


# -- defects -------------------------------------------------------------------------------

DEFECTS: dict[str, tuple[str, str, str]] = {
    "raises": ("raise RuntimeError('boom')", "broken", "raised RuntimeError: boom"),
    "syntax error": ("def (:", "broken", "raised SyntaxError"),
    "exits": ("raise SystemExit(3)", "broken", "raised SystemExit: 3"),
    "exits by sys.exit": ("import sys; sys.exit()", "broken", "raised SystemExit"),
    "error without text": (
        "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
        "broken",
        "raised E",
    ),
    "misses a module": (
        "import nobody_has_this.inside",
        "missing dependency",
        "the Python module 'nobody_has_this' was not found",
    ),
    "misses a name": ("from os import nothing", "broken", "raised ImportError"),
    "no hooks": ("x = 3", "broken", "implements no hook; expected a module or object"),
    "unmarked hook": (
        good("mine", "@hookimpl\n"),
        "broken",
        "implements no hook; expected a module or object with functions marked @hookimpl",
    ),
    "misspelt hook": (
        good("mine", "tensorcore_backends", "tensorcore_backend"),
        "broken",
        "unknown hook 'tensorcore_backend'; did you mean 'tensorcore_backends'?",
    ),
    "unknown argument": (
        good("mine", "tensorcore_backends()", "tensorcore_backends(device)"),
        "broken",
        "raised PluginValidationError",
    ),
    "hook raises": (
        good("mine", 'return {"NAME": Backend}', "raise KeyError('x')"),
        "broken",
        "the hook tensorcore_backends raised KeyError: 'x'",
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
    "diagnose raises": (
        good("mine", "return Diagnosis(", "raise SystemExit\n        Diagnosis("),
        "broken",
        "diagnose() raised SystemExit",
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
    "capabilities of another type": (
        good("mine", "return Capabilities()", "return {}"),
        "broken",
        "capabilities() returned dict, expected Capabilities",
    ),
    "capabilities of wrong content": (
        good("mine", "Capabilities()", "Capabilities(dtypes=('float80',), calls=['x'], ulp=2)"),
        "broken",
        "has calls of type list, expected frozenset; capabilities() has ulp of type int",
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
        + "def tensorcore_options():\n    return [Option('cgen.cc', boolean, True, 'Mine.')]\n",
        "broken",
        "there is an option 'cgen.cc' already",
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
    assert str(caught.value).startswith("backend 'mine' is not available: ")
    assert str(caught.value).endswith("Available here: first.")
    assert plugins.select().name == "first"
    assert [s.state for s in plugins.statuses()] == ["ok", expected]


def test_an_interrupt_is_not_a_defect(install: Install) -> None:
    install("mine", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        plugins.select("mine")


@pytest.mark.parametrize(("api", "words"), [("", "declares no plugin API"), ("v2", "API 'v2'")])
def test_another_api_is_never_imported(install: Install, api: str, words: str) -> None:
    install("mine", "raise SystemExit", api=api)
    status = plugins.status("mine")
    assert status.state == "incompatible"
    assert words in status.reason
    assert "'v1'" in status.reason
    assert "their_mine" not in sys.modules


@pytest.mark.parametrize("value", ["their_mine:nothing", "their_absent", "their_mine:x.y", "a b"])
def test_an_entry_point_that_leads_nowhere(install: Install, value: str) -> None:
    install("mine", value=value)
    assert state("mine") == "broken"


def test_an_object_of_another_type(install: Install) -> None:
    install("mine", "number = 3", value="their_mine:number")
    assert "(int) implements no hook" in plugins.status("mine").reason


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
    assert plugins.select("mine@Their_A:1").distribution == "their-a"
    with pytest.raises(BackendUnavailable, match="'their-c' does not provide it"):
        plugins.select("mine@their-c")
    with config.change_flags(disable="their-a"):
        assert plugins.select("mine").distribution == "their-b"


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


# -- hooks ---------------------------------------------------------------------------------

WRAPPER = """
from tensorcore.hookspecs import hookimpl
seen = []

@hookimpl(wrapper=True)
def tensorcore_compile(backend, program):
    executable = yield
    seen.append((backend.name, program))
    return executable

@hookimpl
def tensorcore_calls(backend):
    return {"sort": sorted}

@hookimpl
def tensorcore_rules():
    return ["rule of " + __name__]
"""


def test_compiling_goes_through_the_hook(install: Install) -> None:
    install("first")
    install("timer", WRAPPER, group="tensorcore.plugins", api="")
    selected = plugins.select("first")
    assert "their_timer" not in sys.modules
    program: Any = object()
    assert plugins.compile_with(selected, program)([], []) == ("first", program)
    assert sys.modules["their_timer"].seen == [("first", program)]
    assert plugins.calls(selected.backend) == {"sort": sorted}
    assert plugins.rules(selected.backend) == ("rule of their_timer",)


def test_errors_of_the_compiler_arrive(install: Install) -> None:
    code = "from tensorcore.errors import CompileError\n" + good(
        "first", "return lambda inputs, cells: (self.name, program)", "raise CompileError('cc')"
    )
    install("first", code)
    program: Any = None
    with pytest.raises(CompileError, match="cc"):
        plugins.compile_with(plugins.select("first"), program)


def test_a_result_that_cannot_be_called(install: Install) -> None:
    code = good("first", "lambda inputs, cells: (self.name, program)", "3")
    install("first", code)
    program: Any = None
    with pytest.raises(PluginError, match="gave int, expected something to call"):
        plugins.compile_with(plugins.select("first"), program)


def test_a_hook_of_an_addon_that_raises_is_left_out(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("first")
    bad = WRAPPER.replace('{"sort": sorted}', "1 / 0").replace('["rule of " + __name__]', "3")
    install("bad", bad, group="tensorcore.plugins", api="")
    install("worse", "raise SystemExit", group="tensorcore.plugins", api="")
    install("timer", WRAPPER, group="tensorcore.plugins", api="")
    backend = plugins.select("first").backend
    assert plugins.calls(backend) == {"sort": sorted}
    assert plugins.rules(backend) == ("rule of their_timer",)
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[2].split("'")[1] for line in lines] == [
        "worse@their-worse",
        "bad@their-bad",
        "bad@their-bad",
    ]
    plugins.rules(backend)
    assert capsys.readouterr().err == ""


def test_importing_plugins_does_not_import_pluggy() -> None:
    code = "import sys; from tensorcore import plugins; print('pluggy' in sys.modules)"
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "False\n", done.stderr


def test_the_api_version_is_the_documented_one() -> None:
    assert _discovery.API == "v1"
