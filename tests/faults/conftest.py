"""Faults of the machine. Each test holds one promise in a small fixed form; with ``--long`` it
holds the promised figure, and a table says how often each was tried and how often it held."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faults.client import Nursery, Place, real_compiler

ROWS = pytest.StashKey[list[tuple[str, int, int, str]]]()


class Tally:
    """How much a test tries, and what came of it."""

    def __init__(self, config: pytest.Config) -> None:
        self.long = bool(config.getoption("--long"))
        self._rows = config.stash.setdefault(ROWS, [])

    def size(self, small: int, long: int) -> int:
        """The number of trials."""
        return long if self.long else small

    def held(self, promise: str, tried: int, held: int, detail: str = "") -> None:
        """Note the outcome; fails unless the promise held each time."""
        self._rows.append((promise, tried, held, detail))
        assert held == tried, f"{promise}: held {held} of {tried} times. {detail}"


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    return Tally(request.config)


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    if sys.platform == "win32":
        pytest.skip("children are forked")
    if not real_compiler():
        pytest.skip("there is no C compiler")
    found = Nursery(tmp_path_factory.mktemp("nursery"))
    yield found
    found.close()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place with a compiler that notes its starts."""
    if not real_compiler():
        pytest.skip("there is no C compiler")
    return Place(tmp_path / "place")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if not config.getoption("--long"):
        return
    rows: dict[str, tuple[int, int, str]] = {}
    for promise, tried, held, detail in config.stash.get(ROWS, []):
        before = rows.get(promise)
        if before is not None:
            tried, held, detail = before[0] + tried, before[1] + held, ""
        rows[promise] = tried, held, detail
    width = max(map(len, rows), default=0)
    terminalreporter.section("promises")
    terminalreporter.write_line(f"{'promise':<{width}}  {'tried':>7}  {'held':>7}")
    for promise, (tried, held, detail) in sorted(rows.items(), key=_number):
        line = f"{promise:<{width}}  {tried:>7,}  {held:>7,}  {detail}"
        terminalreporter.write_line(line.rstrip())


def _number(row: tuple[str, Any]) -> int:
    return int(row[0].split()[0].lstrip("R"))
