"""Reports as one page: a file of its own that needs no network and no scripts.

``python -m tensorcore_conformance.page REPORT.json... -o PAGE.html`` shows several backends side
by side. This module imports nothing of tensorcore, so that a report can be read anywhere.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from .matrix import SIGNS, matrix
from .report import (
    FAILED,
    FALLBACK,
    STATUSES,
    UNSUPPORTED,
    counts,
    failures,
    load,
    natively,
    together,
    total_cases,
    verdict,
)

Content = Mapping[str, Any]
_STYLE = """
:root { color-scheme: light dark;
  --ink: #1c2430; --soft: #5b6776; --page: #ffffff; --band: #f3f5f8; --line: #d9dee5;
  --passed: #e2f3e6; --passed-ink: #14602c; --compiled: #e1ecfa; --compiled-ink: #1c4a86;
  --fallback: #fdf0cf; --fallback-ink: #725000; --unsupported: #e9ebef;
  --unsupported-ink: #4b5563; --failed: #b3261e; --failed-ink: #ffffff; }
@media (prefers-color-scheme: dark) { :root {
  --ink: #e4e8ee; --soft: #9aa6b5; --page: #14181e; --band: #1c222b; --line: #323b47;
  --passed: #16351f; --passed-ink: #9be3ae; --compiled: #17304f; --compiled-ink: #a9cdf9;
  --fallback: #453608; --fallback-ink: #f6d77d; --unsupported: #2b313a;
  --unsupported-ink: #b4bdc9; --failed: #f2857d; --failed-ink: #2c0704; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem clamp(1rem, 3vw, 3rem); color: var(--ink);
  background: var(--page); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p { margin: .3rem 0; max-width: 70ch; } .soft { color: var(--soft); }
.cards { display: grid; gap: 1rem; margin-top: 1.4rem;
  grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); }
.card { border: 1px solid var(--line); border-radius: .6rem; padding: 1rem 1.2rem; }
.card h2 { margin: 0 0 .4rem; } .card dl { display: grid; margin: .6rem 0 0; gap: .1rem 1rem;
  grid-template-columns: max-content 1fr; } dt { color: var(--soft); } dd { margin: 0; }
.sum { list-style: none; display: flex; flex-wrap: wrap; gap: .4rem; margin: .5rem 0; padding: 0; }
.sum li, .key { border-radius: .4rem; padding: .1rem .55rem; font-variant-numeric: tabular-nums; }
.bar { display: flex; height: .55rem; border-radius: .3rem; overflow: hidden;
  background: var(--band); border: 1px solid var(--line); }
.scroll { overflow: auto; max-height: 85vh; border: 1px solid var(--line); border-radius: .6rem; }
.groups table { min-width: 0; } summary { font-weight: 600; margin: 1.2rem 0 .4rem; }
a { color: inherit; } tr:target > * { outline: 2px solid var(--soft); }
table { border-collapse: separate; border-spacing: 0; font-size: .8rem; width: max-content;
  min-width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .18rem .45rem; border-bottom: 1px solid var(--line); text-align: center;
  white-space: nowrap; } td { border-left: 1px solid var(--line); }
thead th { position: sticky; background: var(--band); z-index: 2; }
thead tr:first-child th { top: 0; height: 2rem; } thead tr:last-child th { top: 2rem; }
tbody th { position: sticky; left: 0; background: var(--page); text-align: left; z-index: 1;
  font: .8rem ui-monospace, monospace; }
thead th.corner { left: 0; z-index: 3; text-align: left; }
.family th { background: var(--band); font: 600 .8rem system-ui, sans-serif; }
.first { border-left: 3px solid var(--soft); } .error { font-size: .72rem; }
.passed { background: var(--passed); color: var(--passed-ink); }
.compiled { background: var(--compiled); color: var(--compiled-ink); }
.fallback { background: var(--fallback); color: var(--fallback-ink); }
.unsupported { background: var(--unsupported); color: var(--unsupported-ink); }
.failed { background: var(--failed); color: var(--failed-ink); font-weight: 600; }
li { margin: .25rem 0; overflow-wrap: anywhere; } code { font: .85em ui-monospace, monospace; }
@media print { .scroll { max-height: none; overflow: visible; } thead th { position: static; } }
"""
_INTRODUCTION = """<p class="soft">What each backend was held to: every op in every dtype, against
its reference. The figures are the largest error that was found and the limit, in the unit of the
row; <em>exact</em> ops must give the very value. <em>body</em>: the backend has no such step, so
the op is computed through its body, of simpler ones. Point at a cell for its cases; the reasons
stand below the table too.</p>"""


def page(reports: Sequence[Content]) -> str:
    """The page of some reports, as HTML."""
    names = ", ".join(str(report["backend"]) for report in reports)
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Conformance: {escape(names)}</title>",
        f"<style>{_STYLE}</style></head><body>",
        "<header><h1>Conformance</h1>",
        _INTRODUCTION,
        f"{_legend()}</header>",
        f'<section class="cards">{"".join(map(_card, reports))}</section>',
        *map(_failures, reports),
        "<h2>Tests by group</h2>" if any(report["groups"] for report in reports) else "",
        _groups(reports),
        "<h2>Op by op</h2>",
        matrix(reports),
        *(_reasons(report, status) for report in reports for status in (FALLBACK, UNSUPPORTED)),
        "</body></html>\n",
    ]
    return "\n".join(part for part in parts if part)


def _legend() -> str:
    keys = (
        f'<span class="key {status}">{SIGNS[status]} {words}</span>'
        for status, words in STATUSES.items()
    )
    return f"<p>{' '.join(keys)}</p>"


def _card(report: Content) -> str:
    count, total = counts(report), sum(counts(report).values())
    sums = "".join(
        f'<li class="{status}">{SIGNS[status]} {count[status]} {words}</li>'
        for status, words in STATUSES.items()
        if count[status]
    )
    bar = "".join(
        f'<span class="{status}" style="width:{100 * count[status] / total:.3f}%"></span>'
        for status in STATUSES
        if count[status]
    )
    asked = ", ".join(f"{k} {v}" for k, v in report["options"].items())
    facts = {
        "date": report["date"],
        "package": report["package"],
        "device": report["device"],
        "options": asked,
        **report["versions"],
    }
    rows = "".join(
        f"<dt>{escape(str(k))}</dt><dd>{escape(str(v))}</dd>" for k, v in facts.items() if v
    )
    cases = f"{total_cases(report):,} cases of {len(report['ops'])} ops"
    ran = "compiled only, nothing was run"
    if not report["compile_only"]:
        ran = natively(report)
    notes = "".join(f"<p>Note: {escape(note)}.</p>" for note in report["notes"])
    return (
        f'<article class="card"><h2>{escape(verdict(report))}</h2>'
        f'<div class="bar" aria-hidden="true">{bar}</div><ul class="sum">{sums}</ul>'
        f"<p>{cases}; {ran}.</p>{notes}<dl>{rows}</dl></article>"
    )


def _failures(report: Content) -> str:
    found = together(failures(report))
    if not found:
        return ""
    rows = "".join(f"<li>{escape(line)}</li>" for line in found)
    return f"<h2>{escape(report['backend'])}: what is wrong</h2><ul>{rows}</ul>"


def _groups(reports: Sequence[Content]) -> str:
    """How many tests of each module passed, failed and were skipped."""
    names = dict.fromkeys(group for report in reports for group in report["groups"])
    if not names:
        return ""
    outcomes = ("passed", "failed", "skipped")
    head = "".join(f'<th scope="col">{escape(r["backend"])}: passed</th>' for r in reports)
    head = head.replace(": passed</th>", ": passed</th><th>failed</th><th>skipped</th>")
    body = "".join(
        f'<tr><th scope="row">{escape(name.removeprefix("test_"))}</th>'
        + "".join(_count(r["groups"].get(name, {}).get(o, 0), o) for r in reports for o in outcomes)
        + "</tr>\n"
        for name in names
    )
    return (
        '<div class="groups"><table><thead><tr><th class="corner">tests of</th>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _count(number: int, outcome: str) -> str:
    of_failures = ' class="failed"' if number and outcome == FAILED else ""
    return f"<td{of_failures}>{number}</td>"


def _reasons(report: Content, status: str) -> str:
    """The ops with a status by reason, so that one reason is said once."""
    found: dict[str, dict[str, None]] = {}
    for op, row in report["ops"].items():
        for cell in row.values():
            if cell["status"] == status:
                found.setdefault(cell["reason"], {})[op] = None
    if not found:
        return ""
    rows = "".join(
        f"<li>{escape(reason)}: {len(ops)} ops, {', '.join(map(_link, ops))}</li>"
        for reason, ops in found.items()
    )
    head = f"{escape(report['backend'])}: {STATUSES[status]}"
    return f"<details><summary>{head}</summary><ul>{rows}</ul></details>"


def _link(op: str) -> str:
    return f'<a href="#op-{escape(op)}"><code>{escape(op)}</code></a>'


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page; the exit code is 2 for a file that is no report."""
    parser = argparse.ArgumentParser(
        prog="python -m tensorcore_conformance.page", description=main.__doc__
    )
    parser.add_argument("reports", nargs="+", metavar="REPORT.json")
    parser.add_argument("-o", "--output", required=True, metavar="PAGE.html")
    words = parser.parse_args(argv)
    try:
        text = page([load(path) for path in words.reports])
        Path(words.output).write_text(text, encoding="utf-8")
    except (OSError, ValueError) as cause:
        print(f"page: {cause}", file=sys.stderr)
        return 2
    print(f"written to {words.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
