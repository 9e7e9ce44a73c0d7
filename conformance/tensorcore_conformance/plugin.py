"""The pytest plugin: options, and the summary of what was measured.

It is loaded in every pytest run of everyone who has tensorcore installed, so it imports
nothing and does nothing unless the suite itself is collected.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

TIERS = ("smoke", "pr")
#: Where the suite, once collected, keeps its ``report.Report``.
REPORT = pytest.StashKey[Any]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the suite."""
    group = parser.getgroup("tensorcore", "the conformance suite of tensorcore")
    group.addoption(
        "--tensorcore-backend",
        metavar="NAME",
        default=None,
        help="the backend to hold to the reference; by default the configured one",
    )
    group.addoption(
        "--tensorcore-tier",
        choices=TIERS,
        default="smoke",
        help="how much to check: smoke (seconds, the default) or pr (minutes)",
    )
    group.addoption(
        "--tensorcore-json", metavar="FILE", default=None, help="write what was measured there"
    )


def pytest_configure(config: pytest.Config) -> None:
    """A report that could not be written is a mistake to tell before the suite runs."""
    target = config.getoption("--tensorcore-json")
    if target:
        try:
            open(target, "a", encoding="utf-8").close()
        except OSError as cause:
            raise pytest.UsageError(f"cannot write the report: {cause}") from cause


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """One paragraph: cases, refusals, failures, and the largest errors beside their limits."""
    report = config.stash.get(REPORT, None)
    if report is None:
        return
    terminalreporter.section("tensorcore conformance")
    for line in report.lines():
        terminalreporter.write_line(line)
    target = config.getoption("--tensorcore-json")
    if target:
        with open(target, "w", encoding="utf-8") as file:
            json.dump(report.content(), file, indent=1, sort_keys=True)
            file.write("\n")
        terminalreporter.write_line(f"written to {target}")
