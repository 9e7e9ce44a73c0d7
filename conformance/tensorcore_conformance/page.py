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

from .report import (
    COMPILED,
    FAILED,
    FALLBACK,
    PASSED,
    STATUSES,
    UNSUPPORTED,
    counts,
    load,
    native_share,
    total_cases,
)  # fmt: skip

Content = Mapping[str, Any]
_SIGNS = {PASSED: "✓", COMPILED: "⚙", FALLBACK: "↷", UNSUPPORTED: "–", FAILED: "✗"}
#: How the columns are ordered: whole numbers before floats before complex numbers.
_LETTERS = "biufc"
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
its reference. The figures are the largest error that was found and the limit, in units in the last
place (for sums in eps times the sum of the magnitudes). Point at a cell for its cases and its
reason.</p>"""


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
        *(_reasons(report, status) for report in reports for status in (FALLBACK, UNSUPPORTED)),
        "<h2>Op by op</h2>",
        _matrix(reports),
        "</body></html>\n",
    ]
    return "\n".join(part for part in parts if part)


def _legend() -> str:
    keys = (
        f'<span class="key {status}">{_SIGNS[status]} {words}</span>'
        for status, words in STATUSES.items()
    )
    return f"<p>{' '.join(keys)}</p>"


def _card(report: Content) -> str:
    count, total = counts(report), sum(counts(report).values())
    verdict = "does not conform" if count[FAILED] or report["failures"] else "conforms"
    if not total:
        verdict = "was not measured"
    sums = "".join(
        f'<li class="{status}">{_SIGNS[status]} {count[status]} {words}</li>'
        for status, words in STATUSES.items()
        if count[status]
    )
    bar = "".join(
        f'<span class="{status}" style="width:{100 * count[status] / total:.3f}%"></span>'
        for status in STATUSES
        if count[status]
    )
    facts = {"tier": report["tier"], "device": report["device"], **report["versions"]}
    rows = "".join(
        f"<dt>{escape(str(k))}</dt><dd>{escape(str(v))}</dd>" for k, v in facts.items() if v
    )
    cases = f"{total_cases(report):,} cases of {len(report['ops'])} ops"
    ran = "compiled only, nothing was run"
    if not report["compile_only"]:
        ran = f"{native_share(report):.1%} of the cases of its dtypes ran natively"
    return (
        f'<article class="card"><h2>{escape(report["backend"])} {verdict}</h2>'
        f'<div class="bar" aria-hidden="true">{bar}</div><ul class="sum">{sums}</ul>'
        f"<p>{cases}; {ran}.</p><dl>{rows}</dl></article>"
    )


def _failures(report: Content) -> str:
    found = [
        f"<code>{escape(op)} {dtype}</code>: {escape(cell['reason'])}"
        for op, row in report["ops"].items()
        for dtype, cell in row.items()
        if cell["status"] == FAILED
    ] + [escape(line) for line in report["failures"]]
    if not found:
        return ""
    rows = "".join(f"<li>{line}</li>" for line in found)
    return f"<h2>{escape(report['backend'])}: what is wrong</h2><ul>{rows}</ul>"


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
        f"<li>{escape(reason)}: {len(ops)} ops, <code>{escape(', '.join(ops))}</code></li>"
        for reason, ops in found.items()
    )
    return f"<h2>{escape(report['backend'])}: {STATUSES[status]}</h2><ul>{rows}</ul>"


# -- the matrix -----------------------------------------------------------------------------


def _matrix(reports: Sequence[Content]) -> str:
    dtypes = sorted({d for r in reports for row in r["ops"].values() for d in row}, key=_order)
    families: dict[str, dict[str, None]] = {}
    for report in reports:
        for op in report["ops"]:
            families.setdefault(report["families"].get(op, "other"), {})[op] = None
    width = 1 + len(dtypes) * len(reports)
    head = "".join(
        f'<th class="first" scope="colgroup" colspan="{len(dtypes)}">{escape(r["backend"])}</th>'
        for r in reports
    )
    columns = "".join(
        f'<th scope="col"{_first(k)}>{dtype}</th>'
        for _ in reports
        for k, dtype in enumerate(dtypes)
    )
    body = []
    for family, ops in families.items():
        body.append(f'<tr class="family"><th colspan="{width}">{escape(family)}</th></tr>')
        body += [_row(op, dtypes, reports) for op in ops]
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Results op by op"><table>'
        f'<thead><tr><th class="corner" rowspan="2">op</th>{head}</tr><tr>{columns}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _order(dtype: str) -> tuple[int, int]:
    kind = dtype.rstrip("0123456789")
    return _LETTERS.find(kind[0]), int(dtype[len(kind) :] or 0)


def _first(k: int) -> str:
    return "" if k else ' class="first"'


def _row(op: str, dtypes: Sequence[str], reports: Sequence[Content]) -> str:
    found = "".join(
        _cell(op, dtype, report, k) for report in reports for k, dtype in enumerate(dtypes)
    )
    return f'<tr><th scope="row">{escape(op)}</th>{found}</tr>\n'


def _cell(op: str, dtype: str, report: Content, k: int) -> str:
    cell = report["ops"].get(op, {}).get(dtype)
    if cell is None:
        return f"<td{_first(k)}></td>"
    status, words = cell["status"], _words(cell)
    tip = f"{op}, {dtype}, {report['backend']}: {words}"
    error = _error(cell)
    shown = f' <span class="error">{error}</span>' if error else ""
    sign = f'<span role="img" aria-label="{STATUSES[status]}">{_SIGNS[status]}</span>'
    classes = status if k else f"{status} first"
    return f'<td class="{classes}" title="{escape(tip)}">{sign}{shown}</td>'


def _words(cell: Content) -> str:
    parts = [STATUSES[cell["status"]], f"{cell['cases']} cases"]
    if cell["limit"]:
        parts.append(f"largest error {_figure(cell['max_ulp'])}, limit {_figure(cell['limit'])}")
    return "; ".join(part for part in [*parts, cell["reason"]] if part)


def _error(cell: Content) -> str:
    if not cell["limit"] or cell["status"] in (COMPILED, UNSUPPORTED):
        return ""
    return f"{_figure(cell['max_ulp'])}/{_figure(cell['limit'])}"


def _figure(number: float | None) -> str:
    return "∞" if number is None else f"{number:.2g}" if number < 100 else f"{number:.0f}"


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
