"""The settings: precedence, validation, problems in files, isolation of change_flags."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tensorcore_cgen import OPTIONS as CGEN_OPTIONS

from tensorcore import _discovery, config
from tensorcore._options import OPTIONS, Option, boolean, integer
from tensorcore._settings import Settings
from tensorcore.errors import ConfigError

Environment = Callable[..., None]


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_settings: None) -> Iterator[None]:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(_discovery, "installed", lambda: ())  # whatever is installed here
    for mine in CGEN_OPTIONS:  # a section to try things on, as its plugin would register it
        config.register(mine)
    config.reload()
    yield
    monkeypatch.undo()
    for option in config.explain():
        config._settings.forget(option.option)
    config.reload()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environment:
    """Set variables and the rc file, and read them."""

    def apply(rc: str | bytes | None = None, **variables: str) -> None:
        if rc is not None:
            content = rc if isinstance(rc, bytes) else rc.encode()
            (tmp_path / ".tensorcorerc").write_bytes(content)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        config.reload()

    return apply


def lines() -> list[str]:
    return [problem.line for problem in config.problems()]


def source(name: str) -> str:
    return next(setting.source for setting in config.explain() if setting.option == name)


# -- precedence ----------------------------------------------------------------------------


def test_every_level_overrides_the_one_below(environment: Environment) -> None:
    assert (config.floatX, source("floatX")) == ("float64", "default")
    environment(rc="[global]\nfloatX = float32\n")
    assert (config.floatX, source("floatX")) == ("float32", "~/.tensorcorerc:2")
    environment(TENSORCORE_FLAGS="floatX=float16")
    assert (config.floatX, source("floatX")) == ("float16", "TENSORCORE_FLAGS")
    environment(TENSORCORE_FLOATX="float32")
    assert (config.floatX, source("floatX")) == ("float32", "TENSORCORE_FLOATX")
    config.floatX = "float64"
    assert (config.floatX, source("floatX")) == ("float64", "assignment")
    with config.change_flags(floatX="float16"):
        assert (config.floatX, source("floatX")) == ("float16", "change_flags")
        with config.change_flags(floatX="float32"):
            assert config.floatX == "float32"
        assert config.floatX == "float16"
    assert config.floatX == "float64"
    del config.floatX
    assert config.floatX == "float32"
    assert not config.problems()


def test_explain_lists_what_was_overridden(environment: Environment) -> None:
    environment(rc="[global]\nfloatX = float32\n", TENSORCORE_FLAGS="floatX=float16")
    setting = next(s for s in config.explain() if s.option == "floatX")
    assert setting.value == "float16"
    assert setting.overrode == (("float32", "~/.tensorcorerc:2"), ("float64", "default"))


def test_a_bad_value_falls_through_to_the_next_source(environment: Environment) -> None:
    environment(rc="[global]\nfloatX = float32\n", TENSORCORE_FLOATX="float23")
    assert config.floatX == "float32"
    (line,) = lines()
    assert line.startswith("tensorcore: TENSORCORE_FLOATX: 'float23' is not valid")
    assert "float64, float32, float16" in line


def test_later_rc_files_override_earlier_and_replace_the_default(
    environment: Environment, tmp_path: Path
) -> None:
    (tmp_path / "one").write_text("[global]\nfloatX = float32\ndebug = yes\n")
    (tmp_path / "two").write_text("[global]\nfloatX = float16\n")
    named = os.pathsep.join([str(tmp_path / "one"), "~/two"])
    environment(rc="[global]\nfast_math = yes\n", TENSORCORERC=named)
    assert (config.floatX, config.debug, config.fast_math) == ("float16", True, False)
    assert source("floatX") == "~/two:2"


def test_sections_give_dotted_names(environment: Environment) -> None:
    environment(rc="[cgen]\ncc = gcc\nflags = -O3  # fast\n")
    assert (config.cgen.cc, config.get("cgen.flags")) == ("gcc", "-O3")
    environment(TENSORCORE_CGEN_CC="clang")
    assert config.cgen.cc == "clang"
    config.cgen.cc = "tcc"
    assert config.cgen.cc == "tcc"
    with config.change_flags({"cgen.cc": "icx"}):
        assert config.cgen.cc == "icx"
    del config.cgen.cc
    assert config.cgen.cc == "clang"


def test_lists_survive_the_commas_of_flags(environment: Environment) -> None:
    environment(TENSORCORE_FLAGS="auto_order=numpy_ref,cgen,floatX=float32")
    assert config.auto_order == ("numpy_ref", "cgen")
    assert config.floatX == "float32"


@pytest.mark.parametrize("word", ["0", "false", "no", "off", "OFF"])
def test_false_words(environment: Environment, word: str) -> None:
    environment(TENSORCORE_ASSUME_FINITE=word)
    assert config.assume_finite is False
    assert not lines()


@pytest.mark.parametrize("word", ["2", "y", "si", "-1", "none"])
def test_no_other_word_is_a_boolean(environment: Environment, word: str) -> None:
    environment(TENSORCORE_DEBUG=word)
    assert config.debug is False
    assert len(lines()) == 1


def test_an_empty_variable_is_not_set(environment: Environment) -> None:
    environment(TENSORCORE_FLOATX="", TENSORCORE_FLAGS="")
    assert config.floatX == "float64"
    assert not lines()


def test_null_device_turns_rc_files_off(environment: Environment) -> None:
    environment(rc="[global]\nfloatX = float32\n", TENSORCORERC=os.devnull)
    assert config.floatX == "float64"
    assert not lines()


def test_cache_dir_follows_the_desktop_standard(environment: Environment, tmp_path: Path) -> None:
    assert config.cache_dir == str(tmp_path / ".cache" / "tensorcore")
    environment(XDG_CACHE_HOME=str(tmp_path / "xdg"))
    assert config.cache_dir == str(tmp_path / "xdg" / "tensorcore")
    environment(HOME="", XDG_CACHE_HOME="")
    assert config.cache_dir == ""


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_each_default_is_valid_and_has_a_line_of_documentation(option: Option) -> None:
    assert option.convert(option.default_value()) == option.default_value()
    assert option.doc.endswith(".")


# -- assigning -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("floatX", "float23", "did you mean 'float32'?"),
        ("floatX", 32, "float64, float32, float16"),
        ("floatx", "float32", "did you mean 'floatX'?"),
        ("debug", 1, "one of 0, 1, true"),
        ("backend", "a b", "NAME[@DISTRIBUTION][:DEVICE]"),
        ("backend", "auto:1", "NAME[@DISTRIBUTION][:DEVICE]"),
        ("device", "tpu", "cpu, cuda[N]"),
        ("auto_order", ["auto"], "backends separated by commas"),
        ("cgen", "gcc", "config.cgen.OPTION"),
    ],
)
def test_a_bad_assignment_is_refused(name: str, value: object, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        setattr(config, name, value)
    assert words in str(caught.value)
    if name not in ("floatx", "cgen"):
        assert source(name) == "default"


def test_an_unknown_option_is_both_kinds_of_error() -> None:
    with pytest.raises(ConfigError, match="did you mean 'floatX'"):
        config.floatx  # noqa: B018
    assert not hasattr(config, "floatx")
    with pytest.raises(ConfigError, match=r"did you mean 'cgen\.cc'"):
        config.get("cgen.c")
    with pytest.raises(ConfigError):
        config.change_flags(floatx="float32")


def test_downcast_has_three_values() -> None:
    for value, expected in ((None, None), ("none", None), (True, True), ("false", False)):
        with config.change_flags(allow_input_downcast=value):
            assert config.allow_input_downcast is expected


def test_generation_changes_with_each_change_and_comes_back() -> None:
    config.floatX  # noqa: B018
    before = config.generation
    with config.change_flags(floatX="float32"):
        inside = config.generation
        config.debug = True
        assert config.generation not in (before, inside)
    assert config.generation not in (before, inside)
    again = config.generation
    with config.change_flags(floatX="float32"):
        assert config.generation != again
    assert config.generation == again


def test_reading_is_quick() -> None:
    import timeit

    best = min(timeit.repeat("config.floatX", globals={"config": config}, number=20_000, repeat=5))
    assert best / 20_000 < 3e-6  # the aim is 1 us on an idle machine


# -- device --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "backend"),
    [
        ("cpu", "auto"),
        ("cuda", "cuda"),
        ("cuda0", "cuda:0"),
        ("cuda:1", "cuda:1"),
        ("gpu", "cuda"),
        ("gpu1", "cuda:1"),
        ("opencl0:1", "opencl:0:1"),
    ],
)
def test_device_chooses_the_backend(environment: Environment, device: str, backend: str) -> None:
    environment(TENSORCORE_FLAGS=f"device={device}")
    assert config.chosen_backend()[0] == backend
    if device != "cpu":
        assert config.chosen_backend()[1] == f"TENSORCORE_FLAGS (device={device})"


def test_backend_at_a_higher_level_beats_device(environment: Environment) -> None:
    environment(TENSORCORE_FLAGS="device=cuda0", TENSORCORE_BACKEND="cgen")
    assert config.chosen_backend() == ("cgen", "TENSORCORE_BACKEND")
    assert not lines()


def test_device_at_a_higher_level_beats_backend(environment: Environment) -> None:
    environment(TENSORCORE_FLAGS="backend=cgen", TENSORCORE_DEVICE="cuda0")
    assert config.chosen_backend()[0] == "cuda:0"
    with config.change_flags(backend="numpy_ref"):
        assert config.chosen_backend()[0] == "numpy_ref"
    config.device = "cpu"
    assert config.chosen_backend()[0] == "cgen"


def test_both_at_one_level_agree(environment: Environment) -> None:
    environment(TENSORCORE_FLAGS="backend=cuda@theirs,device=cuda1")
    assert config.chosen_backend()[0] == "cuda@theirs:1"
    assert not lines()


@pytest.mark.parametrize("backend", ["cgen", "auto", "cuda:1"])
def test_a_contradiction_at_one_level_is_a_problem(environment: Environment, backend: str) -> None:
    environment(TENSORCORE_FLAGS=f"backend={backend},device=cuda0")
    assert config.chosen_backend()[0] == backend
    (line,) = lines()
    assert "contradict" in line


def test_a_contradiction_in_the_program_is_an_error() -> None:
    with pytest.raises(ConfigError, match="contradict"):
        config.change_flags(backend="cgen", device="cuda")
    config.backend = "cgen"
    with pytest.raises(ConfigError, match="contradict"):
        config.device = "cuda0"
    assert config.device == "cpu"
    with config.change_flags(device="cuda0"):
        assert config.chosen_backend()[0] == "cuda:0"


# -- isolation -----------------------------------------------------------------------------


def test_change_flags_holds_in_its_thread_only() -> None:
    inside, done = threading.Event(), threading.Event()
    seen: list[str] = []

    def other() -> None:
        with config.change_flags(floatX="float16"):
            inside.set()
            done.wait(10)
            seen.append(config.floatX)

    thread = threading.Thread(target=other)
    thread.start()
    assert inside.wait(10)
    with config.change_flags(floatX="float32"):
        done.set()
        thread.join(10)
        assert config.floatX == "float32"
    assert seen == ["float16"]
    assert config.floatX == "float64"


def test_change_flags_holds_in_its_task_only() -> None:
    async def task(value: str) -> list[str]:
        seen = []
        with config.change_flags(floatX=value):
            for _ in range(5):
                await asyncio.sleep(0)
                seen.append(config.floatX)
        return [*seen, config.floatX]

    async def both() -> list[list[str]]:
        return list(await asyncio.gather(task("float32"), task("float16")))

    assert asyncio.run(both()) == [["float32"] * 5 + ["float64"], ["float16"] * 5 + ["float64"]]


def test_change_flags_decorates_functions_and_coroutines() -> None:
    @config.change_flags(floatX="float32")
    def down(n: int) -> list[str]:
        return [config.floatX, *(down(n - 1) if n else [])]

    @config.change_flags(floatX="float16")
    async def waits() -> str:
        await asyncio.sleep(0)
        return config.floatX

    assert down(2) == ["float32"] * 3
    assert asyncio.run(waits()) == "float16"
    assert config.floatX == "float64"


def test_one_object_serves_several_threads() -> None:
    flags = config.change_flags(floatX="float32")
    barrier = threading.Barrier(4)
    after: list[str] = []

    def work() -> None:
        for _ in range(50):
            barrier.wait(10)
            with flags, flags:
                barrier.wait(10)
                assert config.floatX == "float32"
        after.append(config.floatX)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert after == ["float64"] * 4


def test_flags_are_undone_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), config.change_flags(floatX="float32"):
        1 / 0  # noqa: B018
    assert config.floatX == "float64"


# -- problems ------------------------------------------------------------------------------

BAD_FILES: dict[str, tuple[bytes, str]] = {
    "unknown option": (
        b"# mine\n[global]\nfloatx = float32\n",
        "~/.tensorcorerc:3: unknown option 'floatx' in [global]; did you mean 'floatX'?",
    ),
    "wrong value": (b"[global]\nfloatX = float23", ":2: 'float23' is not valid for 'floatX'"),
    "wrong boolean": (b"[global]\ndebug = perhaps\n", ":2: 'perhaps' is not valid for 'debug'"),
    "no value": (b"[global]\nfloatX =\n", ":2: '' is not valid"),
    "no equals sign": (b"[global]\nfloatX float32\n", ":2: 'floatX float32' is no setting"),
    "no key": (b"[global]\n= float32\n", ":2: '= float32' is no setting"),
    "key of two words": (b"[global]\nfloat X = float32\n", ":2: 'float X = float32' is no"),
    "no section": (b"floatX = float32\ndebug = 1\n", ":1: 'floatX = float32' stands before any"),
    "open header": (b"[global\nfloatX = float32\n", ":1: '[global' is no section"),
    "empty header": (b"[]\nfloatX = float32\n", ":1: '[]' is no section"),
    "text after header": (b"[global] floatX = float32\n", ":1: '[global] floatX"),
    "unknown section": (b"[cgenn]\ncc = gcc\nflags = a\n", "unknown section [cgenn]; did you"),
    "unknown key in section": (b"[global]\ncgen.ccc = gcc\n", ":2: unknown option 'cgen.ccc'"),
    "duplicate": (b"[global]\ndebug = 1\n\ndebug = 0\n", ":4: 'debug' was set on line 2"),
    "not UTF-8": (b"[global]\n\nfloatX = \xff\xfe\n", ":3: not UTF-8 text"),
    "UTF-16": ("[global]\nfloatX = float32\n".encode("utf-16"), ":1: not UTF-8 text"),
    "NUL bytes": (b"[global]\nfloatX = float32\0\n", ":2: not UTF-8 text"),
    "binary": (bytes(range(256)) * 20, ":1: not UTF-8 text"),
    "too large": (b"# " + b"x" * (1 << 20), "larger than 1 MiB"),
    "bad backend": (b"[global]\nbackend = my backend\n", ":2: 'my backend' is not valid"),
    "contradiction": (b"[global]\nbackend = cgen\ndevice = cuda\n", ":3: backend 'cgen' and"),
    "control characters": (b"[global]\nfloatX = \x1b[31m\x07\n", ":2: '\\x1b[31m\\x07' is not"),
    "very long line": (b"[global]\n" + b"y" * 5000, ":2: 'yyy"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_malformed_file_gives_exactly_one_line(
    environment: Environment, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    content, words = BAD_FILES[name]
    environment(rc=content)
    assert config.floatX == "float64"
    (line,) = lines()
    assert words in line
    assert len(line) < 250
    assert capsys.readouterr().err == line + "\n"
    config.reload()
    assert capsys.readouterr().err == ""  # the same problem is shown once


def test_good_lines_of_a_bad_file_count(environment: Environment) -> None:
    environment(rc="[global]\nnonsense\nfloatX = float32\n[cgen]\ncc : gcc\n")
    assert (config.floatX, config.cgen.cc, len(lines())) == ("float32", "gcc", 1)


def test_folder_missing_file_and_pipe(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    places = [str(tmp_path / name) for name in ("folder", "absent", "pipe")]
    environment(TENSORCORERC=os.pathsep.join(places))
    folder, absent, pipe = lines()
    assert "it is a folder" in folder
    assert "no such file" in absent
    assert "no regular file" in pipe


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_unreadable_file(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / ".tensorcorerc").write_text("[global]\n")
    (tmp_path / ".tensorcorerc").chmod(0)
    environment()
    assert "Permission denied" in lines()[0]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("floatX", "'floatX' is no setting, expected NAME=VALUE"),
        ("=1", "'=1' is no setting"),
        ("floatx=float32", "unknown option 'floatx'; did you mean 'floatX'?"),
        ("floatX=float32,floatX=float16", "'floatX' is set twice"),
        ("debug=2", "'2' is not valid for 'debug'"),
        ("nowhere.option=1", "unknown option 'nowhere.option'"),
    ],
)
def test_bad_flags_give_one_line(environment: Environment, flags: str, words: str) -> None:
    environment(TENSORCORE_FLAGS=flags)
    (line,) = lines()
    assert line.startswith(f"tensorcore: TENSORCORE_FLAGS: {words}")


def test_a_mistyped_variable_is_reported(environment: Environment) -> None:
    environment(TENSORCORE_FLOAT_X="float32")
    assert lines() == [
        "tensorcore: TENSORCORE_FLOAT_X: unknown option; did you mean 'TENSORCORE_FLOATX'?"
    ]


def run(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TENSORCORE", "HOME"))}
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**clean, "PYTHONPATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", ["unknown option", "binary", "duplicate", "open header"])
def test_import_works_whatever_the_file_holds(tmp_path: Path, name: str) -> None:
    (tmp_path / ".tensorcorerc").write_bytes(BAD_FILES[name][0])
    code = "from tensorcore import config; print(config.floatX, config.debug in (True, False))"
    done = run(code, HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "float64 True\n")
    (line,) = done.stderr.splitlines()
    assert BAD_FILES[name][1] in line


def test_import_works_without_a_home() -> None:
    done = run("from tensorcore import config; print(repr(config.cache_dir))", HOME="")
    assert (done.returncode, done.stdout, done.stderr) == (0, "''\n", "")


def test_reading_settings_loads_nothing_heavy() -> None:
    code = (
        "import sys; from tensorcore import config; config.floatX;"
        "print(sys.modules.keys() & {'configparser', 'difflib', 'pluggy', 'importlib.metadata'})"
    )
    done = run(code, HOME="/nonexistent", TENSORCORE_FLOATX="float32")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "set()\n"


# -- options of plugins --------------------------------------------------------------------


@pytest.fixture
def plugin_named_mine(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = _discovery.Entry("mine", "their_module", "theirs")
    monkeypatch.setattr(_discovery, "installed", lambda: (entry,))


@pytest.mark.usefixtures("plugin_named_mine")
def test_settings_of_a_plugin_wait_for_its_options(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".tensorcorerc").write_text("[mine]\nlevel = 3\nlevle = 4\n")
    monkeypatch.setenv("TENSORCORE_MINE_SAFE", "yes")
    settings = Settings()
    settings.ensure()
    assert settings.problems() == ()
    settings.register(Option("mine.level", integer(0, 9), 1, "A number."))
    settings.register(Option("mine.safe", boolean, False, "A switch."))
    assert (settings.read("mine.level"), settings.read("mine.safe")) == (3, True)
    settings.settle_section("mine")
    (problem,) = settings.problems()
    assert problem.message == "unknown option 'levle' in [mine]; did you mean 'level'?"
    with pytest.raises(ConfigError, match="at least 0 and at most 9"):
        settings.assign("mine.level", 10)


def test_an_option_is_registered_once() -> None:
    settings = Settings()
    option = Option("mine.level", integer(0), 1, "A number.")
    settings.register(option)
    settings.register(option)
    with pytest.raises(ConfigError, match="already"):
        settings.register(Option("mine.level", boolean, True, "A switch."))
    with pytest.raises(ConfigError, match="is not valid"):
        settings.register(Option("mine.other", integer(0), -1, "A number."))
