"""The pytest plugin: options, and the summary of what was measured.

It is loaded in every pytest run of everyone who has tensorcore installed, so it imports
nothing and does nothing unless the suite itself is collected.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import pytest

TIERS = ("smoke", "pr", "nightly", "exhaustive")
#: Where the suite, once collected, keeps its ``report.Report`` and its ``tally.Tally``.
REPORT, TALLY = pytest.StashKey[Any](), pytest.StashKey[Any]()


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
        help="how much to check: smoke (seconds, the default), pr (minutes), nightly (more "
        "random graphs and larger samples), exhaustive (all float16 values of unary ops too)",
    )
    group.addoption(
        "--tensorcore-json", metavar="FILE", default=None, help="write what was measured there"
    )
    group.addoption(
        "--tensorcore-html", metavar="FILE", default=None, help="write it as a page there"
    )
    group.addoption(
        "--tensorcore-require",
        metavar="NAME",
        action="append",
        default=[],
        help="a backend that must be available: without it one failure, not one skip (may be "
        "given several times)",
    )
    group.addoption(
        "--tensorcore-compile-only",
        action="store_true",
        help="check that every case compiles, and run nothing: for machines without the device",
    )


def pytest_configure(config: pytest.Config) -> None:
    """A report that could not be written is a mistake to tell before the suite runs."""
    for target in (config.getoption("--tensorcore-json"), config.getoption("--tensorcore-html")):
        if target:
            try:
                open(target, "a", encoding="utf-8").close()
            except OSError as cause:
                raise pytest.UsageError(f"cannot write the report: {cause}") from cause


def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> pytest.Collector | None:
    """A test file that imports everything from ``tensorcore_conformance.suite`` holds the suite."""
    if type(obj).__module__ != f"{__package__}.collecting":
        return None
    from .collecting import Suite

    return obj.collected(collector, name) if isinstance(obj, Suite) else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Every test of the suite is counted, and its failure told in words."""
    found = yield
    tally = item.config.stash.get(TALLY, None)
    if tally is not None and item.nodeid in tally.groups:
        tally.record(item, found, call.excinfo and call.excinfo.value)
    return found


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """One paragraph: cases, refusals, failures, and the largest errors beside their limits."""
    report = config.stash.get(REPORT, None)
    if report is None:
        return
    tally = config.stash.get(TALLY, None)
    if tally is not None:
        tally.close()
    terminalreporter.section("tensorcore conformance")
    for line in report.lines():
        terminalreporter.write_line(line)
    _write(report, config, terminalreporter)


def _write(report: Any, config: pytest.Config, terminalreporter: Any) -> None:
    target = config.getoption("--tensorcore-json")
    if target:
        with open(target, "w", encoding="utf-8") as file:
            json.dump(report.content(), file, indent=1, sort_keys=True)
            file.write("\n")
        terminalreporter.write_line(f"written to {target}")
    target = config.getoption("--tensorcore-html")
    if target:
        from .page import page

        with open(target, "w", encoding="utf-8") as file:
            file.write(page([report.content()]))
        terminalreporter.write_line(f"written to {target}")
