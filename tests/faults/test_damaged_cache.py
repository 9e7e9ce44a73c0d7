"""Entries of the cache that are damaged, or that another machine made."""

from __future__ import annotations

import ctypes
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tensorcore_cgen import compiler, toolchain

from faults.client import Nursery, Place
from faults.conftest import Tally
from tensorcore import cache

THREE = "int three(void) { return 3; }\n"


class Copier:
    """A compiler that copies the same library each time, which is quick, and counts."""

    def __init__(self, place: Place) -> None:
        library = place.cache.with_name("library.so")
        compiler.build([THREE])
        (entry,) = place.entries()
        library.write_bytes(cache.Cache(place.cache).lookup(entry.stem) or b"")
        entry.unlink()
        place.write_compiler(f'while [ "$1" != -o ]; do shift; done\nexec cp \'{library}\' "$2"')
        self._place = place
        self._before = place.compilations

    @property
    def count(self) -> int:
        return self._place.compilations - self._before


@pytest.fixture
def copier(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Copier]:
    """This process compiles in ``place``."""
    place.cache.mkdir(mode=0o700)
    store = cache.Cache(place.cache)
    monkeypatch.setattr(cache, "default", lambda: store)
    monkeypatch.setattr(tempfile, "tempdir", str(place.scratch))
    monkeypatch.setenv("CC", f"'{place.compiler}'")
    yield Copier(place)
    toolchain.machine_identity.cache_clear()


def answer(text: str = THREE) -> int:
    """What the function gives, compiled or from the cache, and unloaded at once."""
    library = compiler.build([text])
    return int(ctypes.CFUNCTYPE(ctypes.c_int)(library.address("three"))())


def damaged(data: bytes, kind: int, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    if kind == 0:
        return data[:place]
    if kind == 1:
        return data + chance.randbytes(1 + place)
    if kind == 2:
        size = chance.randint(1, len(data) - place)
        hole = data[:place] + bytes(size) + data[place + size :]
        return hole if hole != data else bytes(len(data))
    flipped = bytearray(data)
    flipped[place] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def test_damaged_entries_are_never_loaded(
    copier: Copier, place: Place, tally: Tally, caplog: pytest.LogCaptureFixture
) -> None:
    """Truncated, extended, zeroed, flipped: seen, told in one line, and made anew once."""
    count = tally.size(80, 1000)
    chance = random.Random(1)
    healed = 0
    for k in range(count):
        assert answer() == 3
        (entry,) = place.entries()
        before = copier.count
        entry.write_bytes(damaged(entry.read_bytes(), k % 4, chance))
        caplog.clear()
        lines = answer() == 3 and answer() == 3 and [r.getMessage() for r in caplog.records]
        healed += bool(lines) and len(lines) == 1 and copier.count == before + 1
    detail = f"{copier.count - 1} compilations for {count} damages"
    tally.held("R1 damaged entries healed, none loaded", count, healed, detail)
    assert copier.count == count + 1


PROCESSORS = {
    "all": "avx2 fma avx512f",
    "no AVX-512": "avx2 fma",
    "no AVX2": "sse4_2",
    "another order": "fma avx2 avx512f",
}


def test_code_for_another_processor_is_not_taken(
    copier: Copier, place: Place, tally: Tally, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Machines with one cache folder: each finds what it made, and nothing else."""
    texts = [THREE + f"/* {k} */" for k in range(tally.size(5, 50))]
    rounds = wrong = right = 0
    for again in (False, True):
        for name, features in PROCESSORS.items():
            facts = tmp_path / name
            facts.write_text(f"model name : One\nflags : {features}\n\nmodel name : Other\n")
            monkeypatch.setattr(toolchain, "CPU_FACTS", str(facts))
            toolchain.machine_identity.cache_clear()
            before = copier.count
            assert [answer(text) for text in texts] == [3] * len(texts)
            hits = len(texts) - (copier.count - before)
            right += hits if again else 0
            wrong += 0 if again else hits
            rounds += 1
    expected = len(texts) * len(PROCESSORS)
    tally.held("R9 code of the same processor is found", expected, right)
    tally.held("R9 code of another processor is refused", expected, expected - wrong)


def test_another_process_finds_everything(nursery: Nursery, place: Place, tally: Tally) -> None:
    count = tally.size(4, 100)
    orders = [("train", {})] + [("compute", {"number": k}) for k in range(count - 1)]
    for case, arguments in orders:
        assert nursery.run(case, place.environment, arguments=arguments).right
    before = place.compilations
    found = 0
    for case, arguments in orders:
        seeds = {"PYTHONHASHSEED": str(len(case)), "HOME": "/", "LANG": "C"}
        ending = nursery.run(case, place.environment | seeds, arguments=arguments)
        found += ending.right and place.compilations == before
    tally.held("R10 the next process finds everything", count, found)


def test_damaged_programs_are_never_taken(nursery: Nursery, place: Place, tally: Tally) -> None:
    """Whichever entry of a warm start is damaged, the next process is right and mends it."""
    assert nursery.run("train", place.environment).right
    chance = random.Random(2)
    entries = {entry: entry.read_bytes() for entry in place.entries()}
    store = cache.Cache(place.cache)
    whats = [(store.header(entry.stem) or {}).get("what", "library") for entry in entries]
    assert {"Program of a graph", "library of a Program", "library"} <= set(whats)
    count = tally.size(12, 400)
    healed = 0
    for k in range(count):
        entry = chance.choice(sorted(entries))
        entry.write_bytes(damaged(entries[entry], k % 4, chance))
        right = nursery.run("train", place.environment).right
        healed += right and store.lookup(entry.stem) is not None
    tally.held("R1 damaged Programs healed, none taken", count, healed)
