"""What public programs for Theano use is here: the shares that the project promises."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).resolve().parent.parent / "docs"


@pytest.fixture(scope="module")
def coverage() -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "theano_coverage.py"), run_name="coverage")


@pytest.fixture(scope="module")
def rows(coverage: dict[str, Any]) -> list[Any]:
    found: list[Any] = coverage["rows"]()
    return found


def test_uses_and_symbols(coverage: dict[str, Any], rows: list[Any]) -> None:
    uses, symbols = coverage["shares"](rows)
    assert uses >= 0.99 and symbols >= 0.95, (uses, symbols)


def test_the_rest_has_a_reason(rows: list[Any]) -> None:
    assert len(rows) > 1700
    assert [row.symbol for row in rows if not row.here and not row.reason] == []


def test_a_name_that_is_nowhere_is_not_found(coverage: dict[str, Any]) -> None:
    from tensorcore.legacy import finder

    fresh = finder.install()
    try:
        place = coverage["_place"]
        for symbol, kind in (
            ("theano.tensor.no_such_op", "function"),
            ("from theano.tensor import nothing", "import"),
            ("theano.function(nothing=)", "kwarg"), ("tensor.nothing()", "method"),
            ("RandomStreams.nothing", "rstream"), ("THEANO_FLAGS:nothing", "flag"),
        ):  # fmt: skip
            assert place(symbol, kind)[0] == "", symbol
    finally:
        if fresh:
            finder.uninstall()
