"""Which tests of the suite were asked for, which ran, and what came of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from .report import FAILED, Failure, Report


@dataclass
class Tally:
    """The tests of one run. ``groups`` names, by test, the module it stands in; ``wanted`` counts
    those of the whole tier, and ``deselected`` those that ``-k`` and the like took away."""

    report: Report
    groups: dict[str, str]
    deselected: int = 0
    #: Tests of the tier that were left out for another reason.
    left_out: int = 0
    #: Modules of the tier of which nothing was asked for.
    absent: tuple[str, ...] = ()
    #: Whether single tests were named on the command line.
    named: bool = False
    #: Whether failures are told in words, without pytest's tracebacks.
    in_words: bool = True
    outcomes: dict[str, str] = field(default_factory=dict)

    def record(self, item: pytest.Item, found: pytest.TestReport, cause: object) -> None:
        """Count the outcome of a test's setup, call or teardown."""
        if found.when != "call" and found.passed:
            return
        if self.outcomes.get(item.nodeid) != "failed":
            self.outcomes[item.nodeid] = found.outcome
        if not found.failed or not isinstance(cause, BaseException):
            return
        words = complaint(item, cause)
        if self.in_words:
            found.longrepr = words
        if not self._in_matrix(item):
            name = item.nodeid.rpartition("/")[2]
            self.report.failures.append(Failure(name, words.splitlines()[0]))

    def _in_matrix(self, item: pytest.Item) -> bool:
        """Whether the matrix of ops and dtypes says already that the test failed."""
        params = getattr(getattr(item, "callspec", None), "params", {})
        if getattr(item, "originalname", "") != "test_values":
            return False
        entry = self.report.ops.get(params["op_name"], {}).get(params["dtype"])
        return entry is not None and entry.status == FAILED

    def close(self) -> None:
        """Put the counts into the report, and why the run is no whole one, if so."""
        groups: dict[str, dict[str, int]] = {}
        for test, group in self.groups.items():
            row = groups.setdefault(group, {"passed": 0, "failed": 0, "skipped": 0})
            if test in self.outcomes:
                row[self.outcomes[test]] += 1
        self.report.groups = {group: row for group, row in groups.items() if any(row.values())}
        self.report.partial = self._partial()

    def _partial(self) -> str:
        total = len(self.groups) + self.deselected + self.left_out
        not_run = self.left_out + len(self.groups) - len(self.outcomes)
        counted = {"deselected": self.deselected, "not run": not_run}
        parts = [f"{n} of {total} tests were {what}" for what, n in counted.items() if n]
        if self.absent:
            parts.append(f"nothing of {', '.join(self.absent)} was asked for")
        elif self.named and not parts:
            parts.append("single tests were named")
        return ", ".join(parts)


def complaint(item: pytest.Item, cause: BaseException) -> str:
    """What a failed test says, in words: no source of the suite, nothing twice."""
    text = str(getattr(cause, "msg", None) or cause).strip()
    if not isinstance(cause, AssertionError | pytest.fail.Exception):
        return f"{type(cause).__name__}: {text}"
    words, _, _ = text.partition("\nassert ")  # what pytest appends to a message
    if words and not words.startswith("assert "):
        return words
    about = (getattr(getattr(item, "obj", None), "__doc__", None) or item.name).strip()
    return f"{about.splitlines()[0].rstrip('.')}: {words.splitlines()[0] if words else 'no'}"


def keyword_options(config: pytest.Config) -> dict[str, Any]:
    """The options of the command line that say what was checked."""
    found = {
        "tier": config.getoption("--tensorcore-tier"),
        "compile_only": config.getoption("--tensorcore-compile-only"),
        "-k": config.getoption("keyword", ""),
        "-m": config.getoption("markexpr", ""),
        "--maxfail": config.getoption("maxfail", 0),
    }
    return {name: value for name, value in found.items() if value}


def by_module(items: Iterable[pytest.Item]) -> dict[str, str]:
    """The module of each test."""
    return {item.nodeid: item.path.stem for item in items}
