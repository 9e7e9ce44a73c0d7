"""What each backend supports, as the conformance suite found it: ``docs/support.md``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tensorcore.inspection.op_table import all_facts

from .markdown import MADE, code, page_of, table
from .ops import MEASURED


def page() -> str:
    """Each backend with its device, then each op with how every backend carried it out."""
    record = json.loads(MEASURED.read_text(encoding="utf-8"))
    return page_of(
        "# Support",
        MADE,
        (
            "What the conformance suite found when these backends were last recorded. *native*: by "
            "code of the backend's own. *by its body*: as the expression of other ops that the op "
            "is declared to be. *on the host*: an op that is Python code on every backend, unless "
            "a library is claimed for it. *by the reference*: under the option `fallback`. The "
            "number is that of the values compared, in all dtypes; [ops.md](ops.md#errors) has the "
            "largest errors beside their limits."
        ),
        _backends(record),
        "## Ops",
        _ops(record),
        "## Beside single ops",
        "Tests passed, by module of the suite: gradients, graphs, loops, state and others.",
        _groups(record),
    )


def _backends(record: Mapping[str, Any]) -> str:
    rows = (
        (
            code(name),
            found["device"],
            found["tier"],
            f"{sum(cases for _, cases in found['support'].values()):,}",
            ", ".join(f"{k} {v}" for k, v in found["about"].items()),
        )
        for name, found in record.items()
    )
    return table(("backend", "device", "tier", "values compared", "versions"), rows)


def _ops(record: Mapping[str, Any]) -> str:
    host = {entry.name for entry in all_facts() if entry.kind == "host"}
    rows = []
    for op in _names(found["support"] for found in record.values()):
        cells = [found["support"].get(op, ("", 0)) for found in record.values()]
        if op in host:
            cells = [(words.replace("native", "on the host"), cases) for words, cases in cells]
        rows.append([code(op), *(f"{words}, {cases:,}" if words else "" for words, cases in cells)])
    return table(("op", *map(code, record)), rows)


def _groups(record: Mapping[str, Any]) -> str:
    rows = []
    for group in _names(found["groups"] for found in record.values()):
        counts = (found["groups"].get(group, 0) for found in record.values())
        rows.append([code(group), *(str(count) if count else "" for count in counts)])
    return table(("module", *map(code, record)), rows)


def _names(tables: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted({name for found in tables for name in found})
