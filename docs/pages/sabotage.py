"""The sabotages that the conformance suite is tested with: ``docs/sabotage.md``."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .markdown import MADE, code, page_of, table

_TESTS = str(Path(__file__).resolve().parents[2] / "tests")
if _TESTS not in sys.path:
    sys.path.append(_TESTS)

from sabotages import OF_REFERENCE, OF_SCALAR_CODE, OF_STRUCTURE  # noqa: E402


def page() -> str:
    """Each sabotage: its name, what is altered, and the test that catches it."""
    count = len(OF_REFERENCE) + len(OF_SCALAR_CODE) + len(OF_STRUCTURE)
    return page_of(
        "# Sabotages",
        MADE,
        inspect.cleandoc(
            f"""
            The conformance suite is held to what it claims: {count} times one expression of a
            backend is altered, and each time the test of the suite that is named here must fail,
            with words about what is wrong, while the op's plain test, on random numbers in
            contiguous arrays of ordinary shapes, stays green. Without the alteration the named
            test passes. `tests/test_sabotage.py` runs them all; `tests/sabotages/` has the tables.
            `(pr)` marks cases that the smoke tier leaves out.

            "op NAME" is what is declared for an op, with `c` for its scalar code; "prelude NAME" is
            a function that such code calls, for integers (`i`, `u`), floats (`f`) or complex
            numbers (`c`). Everything else is a place in a module, or a file of the C runtime.
            """
        ),
        f"## The reference backend ({len(OF_REFERENCE)})",
        "What an op computes is written over its operands `a`, `b` and its right result `y`.",
        _table(OF_REFERENCE),
        f"## Generated C: scalar code ({len(OF_SCALAR_CODE)})",
        _table(OF_SCALAR_CODE),
        f"## Generated C: loops, addresses, memory and calls ({len(OF_STRUCTURE)})",
        _table(OF_STRUCTURE),
    )


def _table(rows: Sequence[Any]) -> str:
    cells = (
        (
            row.name,
            row.where,
            f"{code(row.old)} → {code(row.new) or 'nothing'}",
            code(str(row.caught)) + (" (pr)" if row.caught.full else ""),
        )
        for row in rows
    )
    return table(("sabotage", "where", "altered", "caught by"), cells)
