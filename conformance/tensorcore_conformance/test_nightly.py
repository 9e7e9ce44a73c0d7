"""More of what the pr tier holds a backend to: larger samples, and more random graphs."""

from __future__ import annotations

from typing import Any

import pytest

from tensorcore.dtypes import ALL
from tensorcore.ops import OPS

from .check import Outcome, check, settle
from .report import Report
from .subject import Subject
from .sweeps import elementwise, random_form
from .test_graphs import random_graphs

_COUNT, _MOST = 1 << 14, 40_000
_SEEDS, _GRAPHS = range(1, 7), 250
_PAIRS = [(op.name, d) for op in OPS.values() for d in ALL if elementwise(op, d)]


@pytest.fixture(scope="module")
def drawn(request: pytest.FixtureRequest, subject: Subject) -> dict[tuple[str, str], list[Outcome]]:
    """What came of the selected ops, packed by dtype."""
    found: dict[tuple[str, str], list[Outcome]] = {}
    chosen: dict[str, list[Any]] = {}
    for item in request.session.items:
        if isinstance(item, pytest.Function) and item.originalname == "test_drawn_values":
            params = item.callspec.params
            chosen.setdefault(str(params["dtype"]), []).append(OPS[str(params["name"])])
    for dtype, ops in chosen.items():
        if subject.takes(dtype):
            forms = [random_form(op, dtype, _COUNT, _MOST) for op in ops]
            forms = [form for form in forms if subject.takes(form.result_dtype)]
            for outcome in check(subject, forms):
                found.setdefault((outcome.form.op.name, dtype), []).append(outcome)
    return found


@pytest.mark.parametrize(("name", "dtype"), _PAIRS)
def test_drawn_values(
    name: str, dtype: str, drawn: dict[tuple[str, str], list[Outcome]], report: Report
) -> None:
    """Thousands of random bit patterns, and of combinations of special values."""
    complaints = settle(report.entry(name, dtype), drawn.get((name, dtype), []))
    assert not complaints, "\n".join(complaints[:10])


@pytest.mark.parametrize("seed", _SEEDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_more_random_graphs(dtype: str, seed: int, subject: Subject) -> None:
    """Graphs that the other tiers do not grow."""
    if not subject.takes(dtype, "bool", "int64"):
        pytest.skip(f"{dtype} is not among the declared dtypes")
    random_graphs(subject, dtype, _GRAPHS, seed)
