"""Finding and driving the C compiler, with compilers that misbehave in every way."""

from __future__ import annotations

import ctypes
import os
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tensorcore_cgen import compiler, toolchain
from tensorcore_cgen.library import Library

from tensorcore import cache, config
from tensorcore.errors import CompileError

THREE = "int three(void) { return 3; }\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache and a folder for temporary files of the test's own."""
    store = cache.Cache(tmp_path / "cache")
    (tmp_path / "cache").mkdir(mode=0o700)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(cache, "default", lambda: store)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    monkeypatch.delenv("CC", raising=False)
    return tmp_path


@pytest.fixture
def fake(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Makes a shell script the compiler; it notes each start in the file ``starts``."""
    path = folder / "a compiler"

    def make(script: str) -> Path:
        path.write_text(f"#!/bin/sh\necho x >> '{folder}/starts'\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("CC", f"'{path}'")
        return path

    return make


def starts(folder: Path) -> int:
    path = folder / "starts"
    return len(path.read_text().split()) if path.exists() else 0


def value(library: Library, name: str = "three") -> int:
    return int(ctypes.CFUNCTYPE(ctypes.c_int)(library.address(name))())


def scratch(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder / "scratch")) for p in (folder / "scratch").rglob("*"))


def is_running(number: int) -> bool:
    """Whether the process lives; one that nobody has waited for yet does not count."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


REAL = f'exec {toolchain._which("gcc") or toolchain._which("cc")} "$@"'


def test_build_and_build_again(folder: Path, fake: Callable[[str], Path]) -> None:
    fake(REAL)
    library = compiler.build([THREE])
    assert value(library) == 3
    assert compiler.build([THREE]) is library  # one copy per process
    del library
    assert value(compiler.build([THREE])) == 3  # from the disk
    assert starts(folder) == 1
    assert scratch(folder) == []
    assert value(compiler.build([THREE], optimise=1)) == 3
    assert starts(folder) == 2


@pytest.mark.parametrize("count", [2, 5])
def test_several_files_make_one_library(folder: Path, count: int) -> None:
    texts = [f"int f{k}(void) {{ return {k}; }}" for k in range(count)]
    texts[-1] = f"int f0(void); int f{count - 1}(void) {{ return f0() + 7; }}"
    library = compiler.build(texts)
    assert value(library, f"f{count - 1}") == 7
    assert scratch(folder) == []


def test_mathematical_functions() -> None:
    text = "double cos(double); int three(void) { volatile double x = 0; return 2 + cos(x); }"
    assert value(compiler.build([text], needs_libm=True)) == 3


def test_changed_compiler_is_another_compiler(folder: Path, fake: Callable[[str], Path]) -> None:
    for script in (REAL, REAL + " # changed"):
        fake(script)
        compiler.build([THREE])
    assert starts(folder) == 2


@pytest.mark.parametrize("damage", ["empty", "half", "flip", "extend"])
def test_damaged_entry_is_compiled_again_once(
    folder: Path, fake: Callable[[str], Path], damage: str
) -> None:
    fake(REAL)
    compiler.build([THREE])
    (entry,) = (folder / "cache").glob("*.entry")
    data = entry.read_bytes()
    middle = len(data) // 2
    entry.write_bytes(
        {
            "empty": b"",
            "half": data[:middle],
            "flip": data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :],
            "extend": data + b"\0",
        }[damage]
    )
    for _ in range(3):
        assert value(compiler.build([THREE])) == 3
    assert starts(folder) == 2


def test_entry_that_no_longer_loads_is_compiled_again(
    folder: Path, fake: Callable[[str], Path]
) -> None:
    fake(REAL)
    compiler.build([THREE])
    (entry,) = (folder / "cache").glob("*.entry")
    cache.default().store(entry.stem, b"sound, but no library" * 10)
    for _ in range(3):
        assert value(compiler.build([THREE])) == 3
    assert starts(folder) == 2


BAD = {
    "exits 1": ("echo some words >&2; exit 1", "exit status 1.*some words"),
    "is silent": ("exit 3", "exit status 3(.|\n)*It said nothing"),
    "is killed": ("kill -SEGV $$", "signal SIGSEGV"),
    "writes nothing": ("exit 0", "wrote no library"),
    "writes a little": ('while [ "$1" != -o ]; do shift; done; echo x > "$2"', "wrote no library"),
    "writes garbage": (
        'while [ "$1" != -o ]; do shift; done; head -c 5000 /dev/zero > "$2"',
        "cannot be loaded",
    ),
    "prints garbage": ("head -c 300000 /dev/urandom >&2; exit 1", "exit status 1"),
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("count", [1, 3])
def test_compiler_that(folder: Path, fake: Callable[[str], Path], what: str, count: int) -> None:
    import re

    fake(BAD[what][0])
    texts = [THREE.replace("three", f"f{k}") for k in range(count)]
    for _ in range(2):  # a failure is not remembered as a success
        with pytest.raises(CompileError) as caught:
            compiler.build(texts)
        message = str(caught.value)
        assert re.search(BAD[what][1], message, re.DOTALL)
        assert len(message.splitlines()) < 30
    assert not list((folder / "cache").iterdir())
    kept = [name for name in scratch(folder) if name.endswith(".c")]
    assert all(not name.endswith((".log", ".so", ".o")) for name in scratch(folder))
    if what != "writes garbage":
        assert len(kept) == 2 * count
        assert "The source is kept: " in message


@pytest.mark.parametrize("count", [1, 3])
def test_compiler_that_hangs_is_killed(
    folder: Path, fake: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    fake(f"echo $$ >> '{folder}/ids'; sleep 60 & echo $! >> '{folder}/ids'; wait")
    monkeypatch.setattr(toolchain, "timeout", lambda: 0.3)
    start = time.monotonic()
    with pytest.raises(CompileError, match="did not finish in time"):
        compiler.build([THREE] * count)
    assert time.monotonic() - start < 10
    numbers = [int(number) for number in (folder / "ids").read_text().split()]
    patience = time.monotonic() + 10  # a killed process takes a moment to go
    while any(map(is_running, numbers)) and time.monotonic() < patience:
        time.sleep(0.01)
    assert not any(map(is_running, numbers))


def test_dropped_build_stops_its_compiler(folder: Path, fake: Callable[[str], Path]) -> None:
    fake("sleep 60")
    begun = compiler.start([THREE])
    del begun
    assert scratch(folder) == []
    fake(REAL)
    assert value(compiler.build([THREE])) == 3


def test_no_compiler_on_the_path(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(CompileError, match="No C compiler was found"):
        compiler.build([THREE])
    found = compiler.diagnose()
    assert not found.can_compile
    assert "No C compiler" in found.reason
    assert "apt-get install gcc" in found.hint


@pytest.mark.parametrize("name", ["no-such-compiler", "/no/such", "''", "'unbalanced", "a b c"])
def test_named_compiler_that_is_not_there(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("CC", name)
    with pytest.raises(CompileError, match="variable CC"):
        compiler.build([THREE])
    assert "variable CC" in compiler.diagnose().reason


def test_file_that_is_no_program(fake: Callable[[str], Path]) -> None:
    path = fake("")
    path.write_bytes(b"\x7fELF nonsense")
    with pytest.raises(CompileError, match="Cannot start"):
        compiler.build([THREE])
    assert not compiler.diagnose().can_compile
    path.chmod(stat.S_IRUSR)
    with pytest.raises(CompileError, match="cannot be executed"):
        compiler.build([THREE])


def test_option_goes_before_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with config.change_flags({"cgen.cc": "gcc"}):
        assert toolchain.find().command[0].endswith("gcc")


def test_variable_is_data_not_shell(folder: Path, fake: Callable[[str], Path]) -> None:
    path = fake(f"printf '%s\\n' \"$@\" > '{folder}/words'; {REAL.replace('gcc', 'gcc -w')}")
    os.environ["CC"] = f"'{path}' -DA='x y' '-DB=;touch {folder}/bad'"
    assert value(compiler.build([THREE])) == 3
    assert (folder / "words").read_text().splitlines()[:2] == [
        "-DA=x y",
        f"-DB=;touch {folder}/bad",
    ]
    assert not (folder / "bad").exists()


def test_environment_cannot_smuggle_flags(
    folder: Path, fake: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(f"env > '{folder}/env'; {REAL}")
    for name in ("CFLAGS", "CPATH", "LIBRARY_PATH", "GCC_EXEC_PREFIX", "LD_PRELOAD"):
        monkeypatch.setitem(os.environ, name, "smuggled")
    compiler.build([THREE])
    assert "smuggled" not in (folder / "env").read_text()


def test_sixteen_threads_compile_once(folder: Path, fake: Callable[[str], Path]) -> None:
    fake("sleep 0.2; " + REAL)
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(value(compiler.build([THREE]))))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [3] * 16
    assert starts(folder) == 1


def test_processes_compile_once(folder: Path, fake: Callable[[str], Path]) -> None:
    fake("sleep 0.3; " + REAL)
    code = (
        "import sys; from pathlib import Path; from tensorcore import cache\n"
        f"cache.default = lambda: cache.Cache(Path({str(folder / 'cache')!r}))\n"
        f"from tensorcore_cgen import compiler; compiler.build([{THREE!r}]).address('three')"
    )
    command = [sys.executable, "-c", code]
    children = [os.spawnv(os.P_NOWAIT, sys.executable, command) for _ in range(4)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert starts(folder) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked_child_leaves_the_compiler_to_its_parent(
    folder: Path, fake: Callable[[str], Path]
) -> None:
    fake("sleep 0.3; " + REAL)
    begun = compiler.start([THREE])
    child = os.fork()
    if child == 0:
        begun.__del__()
        os._exit(3 if begun.own else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert begun.own
    assert value(begun.finish()) == 3
    assert starts(folder) == 1


def test_what_another_process_made_or_gave_up_is_noticed(folder: Path) -> None:
    """By one that does not wait for it."""
    first = compiler.start([THREE])
    library = first.finish()
    image = cache.default().lookup(first.key)
    del library, first
    for gives_up in (True, False):
        for path in (folder / "cache").iterdir():
            path.unlink()
        key = compiler.start([THREE]).key  # dropped at once, and its compiler with it
        lock = cache.default().try_lock(key)
        assert lock is not None
        begun = compiler.start([THREE])
        assert not begun.own
        assert not begun.ready
        if not gives_up:
            assert image is not None
            cache.default().store(key, image)
        lock.release()
        patience = time.monotonic() + 30
        while not begun.ready and time.monotonic() < patience:
            time.sleep(0.01)
        assert begun.ready
        library = begun.finish()
        assert value(library) == 3
        assert library.origin == ("compiled now" if gives_up else "found in the cache")
        del library, begun


def test_diagnosis_runs_the_compiler_once(folder: Path, fake: Callable[[str], Path]) -> None:
    fake("echo 'fake cc 1.0'; echo more")
    for _ in range(3):
        found = compiler.diagnose()
        assert found.can_compile
        assert found.versions == {"compiler": "fake cc 1.0"}
    assert starts(folder) == 1


def test_no_room_to_compile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "nowhere"))
    with pytest.raises(CompileError, match="no folder to compile in"):
        compiler.build([THREE])
    assert not list((folder / "cache").iterdir())


def test_without_a_cache(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(cache, "default", lambda: cache.Cache(None))
    assert value(compiler.build([THREE])) == 3
    assert scratch(folder) == []


def test_many_libraries_come_and_go() -> None:
    """Paths of loaded libraries are never used twice, and nothing stays open."""
    with pytest.raises(CompileError, match="cannot be loaded"):
        Library(b"no library")
    pending = [compiler.start([f"int three(void) {{ return {k}; }}"]) for k in range(4)]
    libraries = [build.finish() for build in pending]
    assert [value(library) for library in libraries] == [0, 1, 2, 3]
    before = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    for _ in range(20):
        libraries.pop(0)
        libraries.append(compiler.build(["int three(void) { return 9; }"]))
    after = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    assert after == before
