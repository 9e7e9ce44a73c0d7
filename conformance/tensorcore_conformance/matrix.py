"""The table of a page: op by op and dtype by dtype, what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from .report import COMPILED, FAILED, FALLBACK, PASSED, STATUSES, UNSUPPORTED

Content = Mapping[str, Any]
SIGNS = {PASSED: "✓", COMPILED: "⚙", FALLBACK: "↷", UNSUPPORTED: "–", FAILED: "✗"}
#: How the columns are ordered: whole numbers before floats before complex numbers.
_LETTERS = "biufc"


def matrix(reports: Sequence[Content]) -> str:
    """The table for some reports side by side; each op can be linked to as ``#op-NAME``."""
    dtypes = sorted({d for r in reports for row in r["ops"].values() for d in row}, key=_order)
    families: dict[str, dict[str, None]] = {}
    for report in reports:
        for op in report["ops"]:
            families.setdefault(report["families"].get(op, "other"), {})[op] = None
    width = 2 + len(dtypes) * len(reports)
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
        f'<thead><tr><th class="corner" rowspan="2">op</th><th rowspan="2">unit</th>{head}</tr>'
        f"<tr>{columns}</tr></thead>"
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
    name = escape(op)
    return (
        f'<tr id="op-{name}"><th scope="row">{name}</th>'
        f'<td class="error">{_unit(op, reports)}</td>{found}</tr>\n'
    )


def _unit(op: str, reports: Sequence[Content]) -> str:
    """In what the errors of a row are counted."""
    rows = [report["ops"].get(op, {}) for report in reports]
    return " or ".join(dict.fromkeys(c["unit"] for r in rows for c in r.values() if c["unit"]))


def _cell(op: str, dtype: str, report: Content, k: int) -> str:
    cell = report["ops"].get(op, {}).get(dtype)
    if cell is None:
        return f"<td{_first(k)}></td>"
    status, words = cell["status"], _words(cell)
    tip = f"{op}, {dtype}, {report['backend']}: {words}"
    error = " ".join(filter(None, ("body" if cell["through_body"] else "", _error(cell))))
    shown = f' <span class="error">{error}</span>' if error else ""
    sign = f'<span role="img" aria-label="{STATUSES[status]}">{SIGNS[status]}</span>'
    classes = status if k else f"{status} first"
    return f'<td class="{classes}" title="{escape(tip)}">{sign}{shown}</td>'


def _words(cell: Content) -> str:
    parts = [STATUSES[cell["status"]], f"{cell['cases']} cases"]
    parts += ["through its body"] if cell["through_body"] else []
    if cell["limit"]:
        unit = f" {cell['unit']}" if cell["unit"] else ""
        error, limit = _figure(cell["max_ulp"]), _figure(cell["limit"])
        parts.append(f"largest error {error}, limit {limit}{unit}")
    return "; ".join(part for part in [*parts, cell["reason"]] if part)


def _error(cell: Content) -> str:
    if not cell["cases"] or cell["status"] in (COMPILED, UNSUPPORTED):
        return ""
    if not cell["limit"]:
        return "" if cell["status"] == FAILED else "exact"
    return f"{_figure(cell['max_ulp'])}/{_figure(cell['limit'])}"


def _figure(number: float | None) -> str:
    return "∞" if number is None else f"{number:.2g}" if number < 100 else f"{number:.0f}"
