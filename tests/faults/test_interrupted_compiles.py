"""Processes that are killed while they compile, and processes that compile at once."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from faults.client import Nursery, Place
from faults.conftest import Tally


def aged(folder: Path, seconds: float = 7200.0) -> None:
    """All in ``folder`` as if it were older."""
    past = time.time() - seconds
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.exists():
            os.utime(path, (past, past))


def _cold(nursery: Nursery, place: Place) -> float:
    """Seconds until all is compiled and right where there was nothing."""
    began = time.monotonic()
    assert nursery.run("train", place.environment).right
    return time.monotonic() - began


def test_killed_anywhere(nursery: Nursery, tmp_path: Path, tally: Tally) -> None:
    """Killed at a random point of a cold compile: the next run is right, and what the dead left
    is swept."""
    first = Place(tmp_path / "first")
    whole = min(_cold(nursery, place) for place in (first, Place(tmp_path / "second")))
    chance = random.Random(2)
    count = tally.size(4, 200)
    scratch = first.environment["TMPDIR"]
    right = killed = littered = 0
    for k in range(count):
        place = Place(tmp_path / str(k))
        environment = place.environment | {"TMPDIR": scratch}
        child = nursery.start("train", environment)
        time.sleep(chance.uniform(0.0, whole))
        child.kill()
        killed += child.wait().code == -9
        littered += bool(first.left())
        right += nursery.run("train", environment).right
        if k % 4 == 3:
            aged(place.cache)
            nursery.run("compute", environment)
            assert [p.name for p in place.cache.iterdir() if p.suffix != ".entry"] == []
    patience = time.monotonic() + 60
    number = 0
    while first.left() and time.monotonic() < patience:  # compilers may outlive the killed
        aged(first.scratch)
        number += 1
        nursery.run("compute", first.environment, arguments={"number": number})
    assert first.left() == []
    detail = f"{killed} before its end; left-overs seen {littered} times, all swept"
    tally.held("R2 killed -9 in a cold compile, next run right", count, right, detail)
    assert killed >= count // 2


@pytest.mark.parametrize("locks", [True, False])
def test_same_graph_at_once(nursery: Nursery, place: Place, tally: Tally, locks: bool) -> None:
    """One compile for the program and one for the runtime; without locks more, but no failure."""
    count = tally.size(8, 64)
    place.write_compiler("sleep 0.2")
    children = [nursery.start("compute", place.environment, locks=locks) for _ in range(count)]
    right = sum(child.wait().right for child in children)
    done = place.compilations
    if locks:
        tally.held("R3 processes, same graph, cold: no failure", count, right)
        tally.held("R3 compilations of program and runtime", 2, done)
    else:
        detail = f"{done} compilations of 2 libraries"
        tally.held("R6 the same in a folder without locks", count, right, detail)
        assert done > 2, "the locks were not off"
    assert place.left() == []


def test_different_graphs_at_once(nursery: Nursery, place: Place, tally: Tally) -> None:
    """Each compiler waits until all have started, so that one lock for all would be an error."""
    count = tally.size(6, 64)
    script = f"""
tries=0
while [ "$(wc -l < '{place.notes}')" -lt {count} ]; do
  sleep 0.1; tries=$((tries + 1)); [ $tries -lt 250 ] || exit 1
done
"""
    place.write_compiler(f'case "$*" in *--version*) ;; *) {script} ;; esac')
    children = [
        nursery.start("compute", place.environment, arguments={"number": k}) for k in range(count)
    ]
    right = sum(child.wait().right for child in children)
    tally.held("R4 different graphs compile at the same time", count, right)


def test_holder_of_the_lock_is_killed(nursery: Nursery, place: Place, tally: Tally) -> None:
    """Whoever waits goes on at once, long before it would give up waiting."""
    count = tally.size(1, 20)
    slowest = 0.0
    on = place.compiler.with_name("hang")
    place.write_compiler(f"[ -e '{on}' ] && exec sleep 60")
    assert nursery.run("compute", place.environment, arguments={"number": 1000}).right
    right = 0
    for k in range(count):
        order = {"arguments": {"number": k}}
        on.touch()
        before = place.compilations
        first = nursery.start("compute", place.environment, **order)
        while place.compilations == before:
            time.sleep(0.005)
        second = nursery.start("compute", place.environment, **order)
        time.sleep(0.2)
        assert place.compilations == before + 1, "the second did not wait"
        on.unlink()
        killed = time.monotonic()
        first.kill()
        while place.compilations == before + 1 and time.monotonic() < killed + 30:
            time.sleep(0.002)
        slowest = max(slowest, time.monotonic() - killed)
        right += second.wait().right
        first.wait()
        os.kill(int(place.notes.read_text().split()[before]), 9)  # its compiler lives on
    detail = f"slowest takeover {slowest * 1000:.0f} ms"
    tally.held("R5 the lock's holder is killed, others go on", count, right, detail)
    assert slowest < (1.0 if tally.long else 30.0)
