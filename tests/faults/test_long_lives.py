"""A process that compiles and drops functions for ever."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import tensorcore
import tensorcore.tensor as T
from faults.client import Place
from faults.conftest import Tally
from tensorcore import cache, config

DATA = np.linspace(0.0, 1.0, 5)


def resident() -> int:
    """Bytes of memory that this process has in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def libraries() -> int:
    """Mappings of files that live in memory only, as loaded libraries of ours do."""
    return Path("/proc/self/maps").read_text().count("memfd:tensorcore")


def cycle(number: int) -> None:
    x = T.dvector("x")
    f = tensorcore.function([x], x * (1.0 + number), backend="cgen")
    assert f(DATA)[4] == 1.0 + number


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_compile_and_drop(place: Place, tally: Tally) -> None:
    """Memory, open files and loaded libraries stay as they are. Few programs are really
    compiled, the others come from the cache."""
    different = tally.size(20, 1000)
    count = tally.size(400, 10_000)
    with config.change_flags({"cache_dir": str(place.cache)}):
        for k in range(max(different, count // 5)):
            cycle(k % different)
        gc.collect()
        before = resident(), len(os.listdir("/proc/self/fd")), libraries()
        for k in range(count):
            cycle(k % different)
        gc.collect()
        after = resident(), len(os.listdir("/proc/self/fd")), libraries()
    growth = after[0] / before[0] - 1
    detail = f"memory {growth:+.1%}, open files {before[1]} -> {after[1]}"
    good = growth <= 0.05 and after[1:] == before[1:]
    tally.held("R29 compile-and-drop cycles", count, count if good else 0, detail)


def test_cache_stays_below_its_limit(
    tmp_path: Path, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in one process that stores for ever; what was used last stays."""
    monkeypatch.setattr(cache, "SIZE_LIMIT", 200_000)
    monkeypatch.setattr(cache, "TIDY_EVERY", 10_000)
    store = cache.open_folder(str(tmp_path / "cache"))
    favourite = cache.key_of("used again and again")
    store.store(favourite, bytes(1000))
    count = tally.size(300, 10_000)
    held = 0
    for k in range(count):
        store.store(cache.key_of(str(k)), bytes(1500))
        assert store.folder is not None
        if k % 20 == 0:
            os.utime(store.folder / f"{favourite}.entry")
        total = sum(p.stat().st_size for p in store.folder.iterdir()) if k % 10 == 0 else 0
        held += total <= 200_000 + 2 * 10_000 and store.lookup(favourite) is not None
    tally.held("R29 the cache stays below its limit", count, held)
