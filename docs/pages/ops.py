"""The table of ops, with the promised and the measured error: ``docs/ops.md``."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tensorcore.inspection.op_table import OpFacts, all_facts

from .markdown import MADE, code, page_of, prose, table

MEASURED = Path(__file__).resolve().parent.parent / "measured.json"
DTYPES = ("float32", "float64")


def page() -> str:
    """Every op: how it is called, dtypes, gradient, error, and where it differs from NumPy."""
    entries, record = all_facts(), json.loads(MEASURED.read_text(encoding="utf-8"))
    kinds = [entry.kind for entry in entries]
    return page_of(
        "# Ops",
        MADE,
        (
            f"{len(entries)} ops: {kinds.count('primitive')} primitives, and "
            f"{kinds.count('composite')} composites, which are expressions of other ops and run "
            f"as such wherever a backend does not claim them, and {kinds.count('host')} of the "
            "kind host, which runs in Python on every backend. [functions.md](functions.md) lists "
            "what users call; `tensorcore ops NAME` says everything about one op."
        ),
        _overview(entries),
        "## Errors",
        (
            "For results that may be rounded: the limit that the conformance suite holds every "
            "backend to, and the largest error that it has measured. *ulp*: units in the last "
            "place of the result. *scaled*: `eps` times the sum of the magnitudes that were "
            "added (or times the largest value of the row), where the limit grows with the "
            "number of terms; the figures are those of the worst case. By default float64 is held "
            "to the limit of float32; *own* is what its declaration names for "
            "`math_accuracy=high`. Ops that are not listed give the correctly rounded result, or, "
            "where they only move or pick values, those bits."
        ),
        _surroundings(record),
        _errors(entries, record),
        "## Where results differ from NumPy",
        table(
            ("op", "what differs"),
            ((code(entry.name), prose(entry.notes)) for entry in entries if entry.notes),
        ),
    )


def _overview(entries: Sequence[OpFacts]) -> str:
    rows = (
        (
            code(entry.signature),
            entry.kind + (", " + entry.family if entry.family != "elementwise" else ""),
            entry.dtypes,
            _result(entry),
            entry.gradient,
            prose(entry.description.partition("\n\n")[0]),
        )
        for entry in entries
    )
    return table(("op", "kind", "dtypes", "result", "gradient", "what it computes"), rows)


def _result(entry: OpFacts) -> str:
    """The rule for the dtype; how a family with rules of its own works is told by its page."""
    return "" if entry.result.startswith("as its family") else entry.result


def _surroundings(record: Mapping[str, Any]) -> str:
    rows = (
        (code(backend), found["machine"], ", ".join(f"{k} {v}" for k, v in found["about"].items()))
        for backend, found in record.items()
    )
    return table(("backend", "machine", "versions"), rows)


def _errors(entries: Sequence[OpFacts], record: Mapping[str, Any]) -> str:
    head = ["op", *(f"limit {d}" for d in DTYPES), "own", "unit"]
    head += [f"{backend} {d}" for backend in record for d in DTYPES]
    rows = []
    for entry in entries:
        found = [[of["ops"].get(entry.name, {}).get(d) for d in DTYPES] for of in record.values()]
        limits = [next((row[k][1] for row in found if row[k]), None) for k in range(len(DTYPES))]
        if not any(limits):
            continue
        own = entry.ulp["float64"]
        rows.append(
            [code(entry.name), *(_figure(limit) for limit in limits)]
            + [f"{own:g}" if own else "", "ulp" if _is_ulp(entry) else "scaled"]
            + [_figure(cell and cell[0]) for row in found for cell in row]
        )
    return table(head, rows)


def _is_ulp(entry: OpFacts) -> bool:
    return entry.family == "elementwise"


def _figure(number: float | None) -> str:
    return "" if number is None else f"{number:.3g}"


def record(reports: Sequence[Path]) -> None:
    """Put what reports of the conformance suite (its option ``--json``) measured into the file
    of figures, in place of what it has of the same backends."""
    known = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.exists() else {}
    for path in reports:
        report = json.loads(path.read_text(encoding="utf-8"))
        known[report["backend"]] = {
            "machine": f"{platform.system()} {platform.machine()}",
            "device": report["device"],
            "tier": report["tier"],
            "about": report["versions"],
            "support": {op: _support(row) for op, row in report["ops"].items()},
            "groups": {name: of["passed"] for name, of in report["groups"].items()},
            "ops": {op: row for op, row in map(_inexact, report["ops"].items()) if row},
        }
    text = json.dumps(known, indent=1, sort_keys=True)
    MEASURED.write_text(text + "\n", encoding="utf-8")


def _support(row: Mapping[str, Any]) -> list[Any]:
    """How an op was carried out in all dtypes, in one word or two, and in how many cases."""
    words, cases = set(), 0
    for entry in row.values():
        cases += entry["cases"]
        if entry["status"] != "passed":
            words.add(entry["status"] + (f": {entry['reason']}" if entry["reason"] else ""))
        elif entry["native"] < entry["cases"]:
            words.add("by the reference")
        else:
            words.add("by its body" if entry["through_body"] else "native")
    return [", ".join(sorted(words)), cases]


def _inexact(of: tuple[str, Mapping[str, Any]]) -> tuple[str, dict[str, list[float]]]:
    """An op with its measured error and limit by dtype, where there is room for rounding."""
    op, row = of
    return op, {
        dtype: [round(entry["max_ulp"], 3), round(entry["limit"], 3)]
        for dtype, entry in row.items()
        if entry["cases"] and entry["limit"] and entry["max_ulp"] is not None
    }
