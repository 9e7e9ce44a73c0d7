"""Compilers that do not work, disks that take nothing, and strange environments."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from faults.client import Nursery, Place
from faults.conftest import Tally

LATER = 'case "$*" in *--version*) echo "a compiler 1.0"; exit 0 ;; esac; '
#: What the compiler does, and words of the error that a backend chosen by name gives.
BROKEN = {
    "absent": ("", "is not there or cannot be executed"),
    "not executable": ("", "is not there or cannot be executed"),
    "exits 1": (LATER + "seq 1 40 >&2; exit 1", "failed with exit status 1."),
    "hangs": (LATER + "seq 1 40; exec sleep 60", "did not finish in time"),
    "prints garbage": (LATER + "head -c 200000 /dev/urandom; exit 1", "failed with exit status 1."),
    "writes nothing": (LATER + "exit 0", "ended well but wrote no library"),
    "out of memory": (LATER + "ulimit -v 30000", "failed with"),
}


def broken(place: Place, what: str) -> dict[str, str | None]:
    """The environment with such a compiler."""
    place.write_compiler(BROKEN[what][0])
    if what == "not executable":
        place.compiler.chmod(0o600)
    if what == "absent":
        place.compiler.unlink()
    return place.environment | {"TENSORCORE_FLAGS": "cgen.timeout=1"}


@pytest.mark.parametrize("what", BROKEN)
def test_broken_compiler_of_a_backend_by_name(
    nursery: Nursery, place: Place, tally: Tally, what: str
) -> None:
    """One error that says what was run, what it said, and where the source is."""
    order = {"arguments": {"backend": "cgen"}}
    ending = nursery.run("compute", broken(place, what), **order)
    message = ending.answer.get("message", "")
    good = ending.code == 1 and BROKEN[what][1] in message and str(place.compiler) in message
    good = good and len(message.splitlines()) < 30 and "Traceback" not in ending.err
    if "not there" in BROKEN[what][1]:
        good = good and ending.answer["error"] == "BackendUnavailable" and "Hint" in message
    else:
        kept = Path(message.rpartition("The source is kept: ")[2])
        good = good and ending.answer["error"] == "CompileError" and kept.is_file()
    if what in ("exits 1", "hangs"):
        good = good and message.splitlines()[-21:-1] == [str(k) for k in range(21, 41)]
    tally.held("R12 broken compiler, backend=cgen: one clear error", 1, int(good), message)


@pytest.mark.parametrize("what", BROKEN)
def test_broken_compiler_under_auto(
    nursery: Nursery, place: Place, tally: Tally, what: str
) -> None:
    """The reference computes, and one line says so however many functions there are."""
    order = {"arguments": {"backend": "auto", "times": 1 if what == "hangs" else 3}}
    ending = nursery.run("compute", broken(place, what), **order)
    good = ending.right and ending.answer["backend"] == "numpy_ref"
    good = good and len(ending.err.splitlines()) == 1
    tally.held("R12 broken compiler, backend=auto: the reference", 1, int(good), ending.err)


def test_sources_of_failures_do_not_pile_up(nursery: Nursery, place: Place, tally: Tally) -> None:
    count = tally.size(24, 200)
    environment = broken(place, "writes nothing")
    order = {"arguments": {"backend": "auto", "times": count}}
    assert nursery.run("compute", environment, **order).right
    kept = list(place.scratch.iterdir())
    assert place.compilations == count
    tally.held("R12 kept sources are bounded", 16, len(kept), f"{count} failures")


def test_files_cannot_grow(nursery: Nursery, tmp_path: Path, tally: Tally) -> None:
    """As on a full disk, at every length that a file reaches; also of warnings."""
    points = [0, 1, 10, 100, 500, 1000, 2000, 4000, 6000, 8000, 10_000, 12_000, 14_000, 15_000]
    points += [16_000, 18_000, 20_000, 30_000, 40_000, 60_000]
    chosen = points if tally.long else points[::4]
    right = 0
    for point in chosen:
        place = Place(tmp_path / str(point))
        order = {"arguments": {"backend": "auto"}, "file_size": point}
        right += nursery.run("compute", place.environment, **order).right
        right += nursery.run("compute", place.environment).right  # there is room again
    tally.held("R13 files that cannot grow, then room again", 2 * len(chosen), right)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 100 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=100k", "none", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=20)
    except (OSError, subprocess.SubprocessError) as problem:
        pytest.skip(f"only root may mount a small disk: {problem}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True, timeout=20)


def fill(path: Path) -> None:
    """Until there is no room."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1000))


def test_full_and_read_only_disks(nursery: Nursery, place: Place, tally: Tally, disk: Path) -> None:
    """For the cache, for temporary files, for both: right, with at most a few lines."""
    cache, scratch = {"TENSORCORE_CACHE_DIR": str(disk / "cache")}, {"TMPDIR": str(disk)}
    tried = right = 0
    for state in ("empty", "full", "read-only"):
        if state == "full":
            fill(disk / "filling")
        if state == "read-only":
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True, timeout=20)
        # Without a folder to compile in, the reference may take over; without a cache not.
        for where, backend in ((cache, "cgen"), (scratch, "auto"), (cache | scratch, "auto")):
            tried += 1
            order = {"arguments": {"backend": backend, "number": tried}}
            ending = nursery.run("compute", place.environment | where, **order)
            right += ending.right and "Traceback" not in ending.err
    tally.held("R13 full, small and read-only disks", tried, right)


def test_homes_that_are_missing(nursery: Nursery, place: Place, tally: Tally) -> None:
    """No home, an empty one, one that does not exist, one that is a file."""
    nowhere = {"TENSORCORE_CACHE_DIR": None, "XDG_CACHE_HOME": None}
    homes = ("", str(place.scratch / "none" / "such"), str(place.compiler), "relative")
    orders: list[dict[str, str | None]] = [{"HOME": home} | nowhere for home in homes]
    orders += [{"TENSORCORE_CACHE_DIR": folder} for folder in ("", "/dev/null", "/proc/none")]
    orders += [{"TMPDIR": folder} for folder in ("/none/such", "/dev/null", "")]
    place.cache.mkdir(mode=0o700)
    right = 0
    for order in orders:
        order = place.environment | order
        ending = nursery.run("compute", order, folder=str(place.scratch))
        right += ending.right and len(ending.err.splitlines()) <= 1
    tally.held("R13 missing homes and folders", len(orders), right)


ODD = (
    "with space",
    "it's",
    'say "so"',
    "a;touch bad;b",
    "$(touch bad)",
    "-o bad",
    "ümlaut",
    "a\tb",
)


def test_odd_environments(nursery: Nursery, tmp_path: Path, tally: Tally) -> None:
    """Paths of the compiler and of all folders, and variables that compilers heed, hold words
    that a shell would act on."""
    tried = right = 0
    base = tmp_path / "base"
    base.mkdir()
    for word in ODD if tally.long else ODD[1:4:2]:
        place = Place(tmp_path / word)
        odd = tmp_path / f"{word} folder"
        odd.mkdir()
        quoted = "'" + str(place.compiler).replace("'", "'\"'\"'") + "'"
        for variables in (
            {"TMPDIR": str(odd)},
            {"TENSORCORE_CACHE_DIR": str(odd / "cache")},
            {"CC": f"{quoted} '-DA={word.replace(chr(39), '')}'"},
            dict.fromkeys(("CFLAGS", "CPATH", "LD_PRELOAD", "COMPILER_PATH"), word),
        ):
            tried += 1
            environment = place.environment | {"CC": quoted} | variables
            ending = nursery.run("compute", environment, folder=str(base))
            right += ending.right and ending.answer["backend"] == "cgen" and not ending.err
    tally.held("R24 odd words in CC, CFLAGS, CPATH, LD_PRELOAD, TMPDIR", tried, right)
    assert os.listdir(base) == []
    assert not list(tmp_path.rglob("bad"))
