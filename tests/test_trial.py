"""Strangers' plugins are tried in a child process, once, and the verdict is remembered."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Install, good

from tensorcore import _discovery, _probe, cache, config, plugins
from tensorcore.errors import BackendUnavailable, CompileError

pytestmark = pytest.mark.usefixtures("only_our_plugins")

WELL = _probe.Probe("mine", True, "ok")
DEAD = _probe.Probe("mine", False, "broken", "it died", "mend it", blocks=True)
CRASH = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
#: A backend that computes, with all but the capabilities given.
COMPUTING = "from tensorcore.interpret import Interpreter\n" + good(
    "mine", "lambda inputs, cells: (self.name, program)", "Interpreter(program)"
)

Tried = list[str]


@pytest.fixture(autouse=True)
def _trying(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, only_our_plugins: None) -> None:
    monkeypatch.setenv("TENSORCORE_PROBE_TIMEOUT", "60")
    monkeypatch.setenv("TENSORCORE_CACHE_DIR", str(tmp_path / "cache"))
    config.reload()


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> Tried:
    """The plugins for which a child process would have been started; each did well."""
    names: Tried = []

    def probe(entry: _discovery.Entry, seconds: float) -> list[_probe.Probe]:
        names.append(entry.name)
        return [WELL]

    monkeypatch.setattr(_probe, "probe_in_child", probe)
    return names


def new_process() -> None:
    """What a new process does not know."""
    plugins.refresh()
    for name in [name for name in sys.modules if name.startswith("their_")]:
        del sys.modules[name]


# -- when ----------------------------------------------------------------------------------


def test_it_is_tried_before_it_is_imported(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("mine")
    imported: list[bool] = []

    def probe(entry: _discovery.Entry, seconds: float) -> list[_probe.Probe]:
        imported.append("their_mine" in sys.modules)
        return [DEAD]

    monkeypatch.setattr(_probe, "probe_in_child", probe)
    with pytest.raises(BackendUnavailable) as caught:
        plugins.select("mine")
    assert str(caught.value).startswith(
        "backend 'mine' is not available (broken): it died. Hint: mend it."
    )
    assert imported == [False]
    assert "their_mine" not in sys.modules


def test_what_did_well_is_tried_once(install: Install, tried: Tried) -> None:
    install("mine")
    for _ in range(2):
        plugins.select("mine")
        plugins.statuses()
        new_process()
    assert tried == ["mine"]


@pytest.mark.parametrize("change", ["longer", "newer", "another file", "version"])
def test_an_edited_plugin_is_tried_again(
    install: Install, tried: Tried, tmp_path: Path, change: str
) -> None:
    install("mine", value="their_mine.inner")
    (tmp_path / "their_mine.py").unlink()
    package = tmp_path / "their_mine"
    package.mkdir()
    (package / "__init__.py").write_text("")
    file = package / "inner.py"
    file.write_text(good("mine"))
    os.utime(file, (1e9, 1e9))
    plugins.select("mine")
    new_process()
    if change == "longer":
        file.write_text(good("mine") + "# more\n")
        os.utime(file, (1e9, 1e9))
    elif change == "newer":
        os.utime(file, (1e9 + 1, time.time() + 60))
    elif change == "another file":
        (package / "data").write_text("")
        os.utime(package / "data", (1e9, 1e9))
    else:
        info = tmp_path / "their_mine-1.0.dist-info"
        info.rename(tmp_path / "their_mine-1.1.dist-info")
        plugins.refresh()
    plugins.select("mine")
    assert tried == ["mine", "mine"]


def test_compiled_modules_are_no_edit(install: Install, tried: Tried, tmp_path: Path) -> None:
    install("mine")
    (tmp_path / "their_mine.py").rename(tmp_path / "inner.py")
    package = tmp_path / "their_mine"
    (package / "__pycache__").mkdir(parents=True)
    (tmp_path / "inner.py").rename(package / "__init__.py")
    plugins.select("mine")
    new_process()
    (package / "__pycache__" / "x.pyc").write_bytes(b"compiled")
    plugins.select("mine")
    assert tried == ["mine"]


def test_a_module_of_the_option_and_an_addon_are_tried(
    install: Install, tried: Tried, tmp_path: Path
) -> None:
    install("mine")
    install("timer", good("timer"), group="tensorcore.plugins", api="")
    (tmp_path / "their_module.py").write_text(good("other"))
    config.plugins = ("their_module",)
    try:
        assert tried == []
        backend = plugins.select("mine").backend
        assert sorted(tried) == ["mine", "their_module"]
        plugins.calls(backend)
        assert sorted(tried) == ["mine", "their_module", "timer"]
    finally:
        del config.plugins


def test_ours_the_blocked_and_the_absent_are_not_tried(
    install: Install, tried: Tried, tmp_path: Path
) -> None:
    install("first", "", distribution="Tensorcore", value="their_first")
    (tmp_path / "their_first.py").write_text(good("first"))
    install("blocked")
    install("absent", value="their_nothing")
    install("later", api="v2")
    with config.change_flags(disable="blocked"):
        states = {status.name: status.state for status in plugins.statuses()}
    assert states == {
        "first": "ok",
        "blocked": "disabled",
        "absent": "broken",
        "later": "incompatible",
    }
    assert tried == []


def test_no_time_means_no_trial(install: Install, tried: Tried) -> None:
    install("mine")
    with config.change_flags(probe_timeout=0):
        plugins.select("mine")
    assert tried == []


def test_what_cannot_be_tried_is_loaded(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be no Python to start, as in a program that embeds it."""
    install("mine")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert plugins.select("mine").name == "mine"
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert _probe.probe_in_child(plugins.backends()[0], 60) is None


# -- the memory ----------------------------------------------------------------------------


def no_folder(folder: Path) -> None:
    folder.write_text("a file stands in the way")


def read_only(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "full").write_text("")
    folder.chmod(0o500)


@pytest.mark.parametrize("spoil", [no_folder, read_only])
def test_without_a_cache_it_is_tried_once_per_process(
    install: Install, tried: Tried, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Path], None],
) -> None:  # fmt: skip
    spoil(tmp_path / "cache")

    def refuse(path: str, data: bytes) -> None:  # the superuser may write anywhere
        raise PermissionError(path)

    monkeypatch.setattr(cache, "_write", refuse)
    install("mine")
    for _ in range(2):
        plugins.select("mine")
        with config.change_flags(floatX="float32"):
            plugins.select("mine")
        new_process()
    assert tried == ["mine", "mine"]


def test_a_damaged_memory_means_another_try(install: Install, tried: Tried, tmp_path: Path) -> None:
    install("mine")
    plugins.select("mine")
    (kept,) = (tmp_path / "cache").glob("*.entry")
    kept.write_bytes(kept.read_bytes()[:-1] + b"?")
    new_process()
    plugins.select("mine")
    assert tried == ["mine", "mine"]


def test_doctor_tries_afresh_and_rewrites(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("mine")
    answers = [[DEAD], [WELL]]
    monkeypatch.setattr(_probe, "probe_in_child", lambda entry, seconds: answers.pop(0))
    assert plugins.status("mine").state == "broken"
    new_process()
    assert plugins.status("mine").state == "broken"
    new_process()
    assert _probe.probe_all(60) == [WELL]
    new_process()
    assert plugins.status("mine").state == "ok"
    assert not answers


def test_doctor_shows_addons_and_starts_nothing_that_is_blocked(
    install: Install, tried: Tried
) -> None:
    install("mine")
    install("timer", group="tensorcore.plugins", api="")
    with config.change_flags(disable="mine"):
        blocked, timer = _probe.probe_all(60)
    assert (blocked.backend, blocked.state) == ("mine", "disabled")
    assert timer == replace(WELL, backend="add-on timer@their-timer")
    assert tried == ["timer"]


# -- the child, for real -------------------------------------------------------------------


def test_the_crash_of_one_plugin_is_not_blamed_on_another(
    install: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install("mine", COMPUTING)
    install("timer", CRASH, group="tensorcore.plugins", api="")
    (tmp_path / "their_module.py").write_text(CRASH)
    config.plugins = ("their_module",)
    try:
        states = {status.name: status.state for status in plugins.statuses()}
        plugins.calls(plugins.select("mine").backend)
    finally:
        del config.plugins
    assert states == {"mine": "ok", "their_module": "broken"}
    module, timer = capsys.readouterr().err.splitlines()
    assert module.startswith("tensorcore: plugin 'their_module@their_module' is left out: ")
    assert timer.startswith("tensorcore: plugin 'timer@their-timer' is left out: ")
    assert "was killed by SIGSEGV" in module and "was killed by SIGSEGV" in timer


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("E(" + "x" * 900 + ")", "E(" + "x" * 180 + " ..."),
        (
            "cc failed: " + "y" * 500 + "\nIt said:\nz.c:1: error: no z\nerror: b\n",
            "z.c:1: error: no z",
        ),
        ("", "CompileError"),
    ],
)
def test_an_error_of_many_lines_becomes_a_short_one(text: str, words: str) -> None:
    line = _probe._line(CompileError(text))
    assert line.startswith("CompileError") and line.endswith(words)
    assert len(line) <= 205 and "\n" not in line


def test_doctor_names_backends_as_the_listing_does(install: Install, tmp_path: Path) -> None:
    (tmp_path / "their_module.py").write_text(good("other"))
    with config.change_flags(plugins="their_module"):
        install("mine")
        assert [p.backend for p in _probe.probe_all(60)] == ["mine", "other"]
        install("other")
        found = ["mine", "other@their-other", "other@their_module"]
        assert [p.backend for p in _probe.probe_all(60)] == found


def test_a_crash_says_how_to_see_where(install: Install) -> None:
    (probe,) = probes(install, CRASH)
    assert probe.hint.endswith('where it died: python -X faulthandler -c "import their_mine"')


def probes(install: Install, code: str) -> list[_probe.Probe]:
    install("mine", code)
    found = _probe.probe_in_child(plugins.backends()[0], 60)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "capabilities",
    [
        "dtypes=('float32', 'bool'), calls=None",
        "calls=None, unsupported={'exp': 'it has no exp'}",
        "calls=frozenset({'neg'})",
        "calls=frozenset()",
        "dtypes=('int8',), calls=None",
    ],
)
def test_only_what_is_declared_is_asked_for(install: Install, capabilities: str) -> None:
    code = COMPUTING.replace("Capabilities()", f"Capabilities({capabilities})")
    (probe,) = probes(install, code)
    assert (probe.state, probe.reason, probe.blocks) == ("ok", "", False)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_each_float_that_is_declared_is_tried(install: Install, dtype: str) -> None:
    wrong = f"""
        right = Interpreter(program)
        def run(inputs, cells):
            outputs, commits = right(inputs, cells)
            return [o + 1 if o.dtype == "{dtype}" else o for o in outputs], commits
        return run
"""
    code = COMPUTING.replace("Capabilities()", "Capabilities(calls=None)")
    (probe,) = probes(install, code.replace("        return Interpreter(program)\n", wrong))
    assert probe.blocks
    assert f"in {dtype} gave" in probe.reason


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os._exit(0)", "ended with exit code 0"),
        ("import os; os._exit(7)", "ended with exit code 7"),
        ("import os, sys; print('no licence', file=sys.stderr); os._exit(1)", "code 1: no licence"),
        ("raise KeyboardInterrupt", "was killed by SIGINT: KeyboardInterrupt"),
        ("import os; os.close(1); os.close(2); os._exit(3)", "ended with exit code 3"),
    ],
)
def test_what_ends_the_child_blocks(
    install: Install, monkeypatch: pytest.MonkeyPatch, code: str, words: str
) -> None:
    monkeypatch.setenv("TENSORCORE_DEBUG", "perhaps")  # the child complains of it, and we know
    (probe,) = probes(install, code)
    assert (probe.backend, probe.state, probe.blocks) == ("mine", "broken", True)
    assert probe.reason.endswith(words)
    assert "tensorcore doctor" in probe.hint


@pytest.mark.parametrize("code", ["raise RuntimeError", "import sys; sys.exit(2)", "def (:"])
def test_what_python_can_catch_does_not_block(install: Install, code: str) -> None:
    (probe,) = probes(install, code)
    assert (probe.state, probe.blocks) == ("broken", False)


def test_a_backend_that_fails_to_compile_does_not_block(install: Install) -> None:
    code = COMPUTING.replace("Capabilities()", "Capabilities(calls=None)")
    (probe,) = probes(install, code.replace("return Interpreter(program)", "1 / 0"))
    assert (probe.state, probe.blocks) == ("broken", False)
    assert "ZeroDivisionError" in probe.reason


#: What a backend may do in place of computing, and the words that must say so.
IDLE = {
    "compile raises": ("raise ValueError('boom')", "ValueError: boom"),
    "compile fails": ("raise CompileError('no cc')", "CompileError: no cc"),
    "compile returns a number": ("return 1", "gave int, expected something to call"),
    "the executable raises": ("return lambda inputs, cells: 1 / 0", "ZeroDivisionError"),
    "the executable returns a number": ("return lambda inputs, cells: 3", "PluginError: "),
}


@pytest.mark.parametrize("kind", [*IDLE, "the memory raises"])
def test_a_backend_that_computes_nothing_is_listed_as_broken(install: Install, kind: str) -> None:
    code = COMPUTING.replace("Capabilities()", "Capabilities(calls=None)")
    if kind == "the memory raises":
        words = "OSError: no room"
        memory = (
            "class Memory:\n    def put(self, array): raise OSError('no room')\n    get = put\n"
        )
        code = memory + code.replace('name = "mine"', 'name = "mine"; memory = Memory()')
    else:
        line, words = IDLE[kind]
        code = "from tensorcore.errors import CompileError\n" + code
        code = code.replace("return Interpreter(program)", line)
    install("mine", code)
    install("first", value="their_absent")
    for _ in range(2):
        _, status = plugins.statuses()
        assert (status.name, status.state) == ("mine", "broken")
        assert words in status.reason
        assert "backend='mine@their-mine'" in status.hint and "tensorcore doctor" in status.hint
        # Its author sees the traceback: it is loaded all the same.
        selected = plugins.select("mine")
        assert selected.distribution == "their-mine"
        new_process()
    with config.change_flags(auto_order="mine"):
        assert plugins.select().name == "mine"


def test_what_doctor_found_to_compute_again_is_listed_as_ok(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = _probe.Probe("mine@their-mine", False, "broken", "no", "mend it", idle=True)
    answers = [[idle], [WELL]]
    monkeypatch.setattr(_probe, "probe_in_child", lambda entry, seconds: answers.pop(0))
    install("mine")
    (tmp_path / "their_module.py").write_text(good("other"))
    assert plugins.statuses()[0][4:7] == ("broken", "no", "mend it")
    new_process()
    assert _probe.probe_all(60) == [WELL]
    new_process()
    assert plugins.statuses()[0].state == "ok"


def test_of_a_module_with_two_backends_one_may_compute_nothing(
    install: Install, tmp_path: Path
) -> None:
    both = COMPUTING.replace("Capabilities()", "Capabilities(calls=None)").replace(
        '{"mine": Backend}', '{"mine": Backend, "other": Other}'
    )
    other = """
class Other(Backend):
    name = "other"
    def compile(self, program):
        raise ValueError("boom")
"""
    (tmp_path / "their_module.py").write_text(both + other)
    with config.change_flags(plugins="their_module"):
        assert {s.name: s.state for s in plugins.statuses()} == {"mine": "ok", "other": "broken"}


def test_what_a_hanging_plugin_started_ends_with_it(install: Install, tmp_path: Path) -> None:
    code = f"""
import subprocess, sys, time
helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({str(tmp_path / "helper")!r}, "w").write(str(helper.pid))
time.sleep(600)
"""
    install("mine", code)
    found = _probe.probe_in_child(plugins.backends()[0], 2)
    assert found is not None and found[0].reason == "no answer within 2 s"
    number = int((tmp_path / "helper").read_text())
    for _ in range(1000):  # it is dead at once, and gone when somebody has taken note
        if not is_running(number):
            return
        time.sleep(0.02)
    pytest.fail("the helper is still running")


def is_running(number: int) -> bool:
    try:
        words = Path(f"/proc/{number}/stat").read_text()
    except FileNotFoundError:
        return False
    return words.rpartition(")")[2].split()[0] != "Z"
