"""Values: every op in every dtype, on every class of shapes, layouts and samples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tensorcore.ops import OPS

from .check import PACK, Outcome, all_forms, check, declared_unsupported, refuses, settle
from .report import UNSUPPORTED, Entry, Report
from .samples import missing_samples
from .subject import PrimitivesOnly, Subject
from .subject import subject as make_subject


@dataclass(frozen=True)
class Outcomes:
    """What came of the cases, by op and dtype, and how many functions were made for them."""

    found: Mapping[tuple[str, str], list[Outcome]] = field(repr=False)
    compiles: int


def _selected(request: pytest.FixtureRequest, test: str) -> list[tuple[Any, str]]:
    """The op and dtype pairs of the selected items of a test."""
    pairs = []
    for item in request.session.items:
        if isinstance(item, pytest.Function) and item.originalname == test:
            found = item.callspec.params
            pairs.append((OPS[str(found["op_name"])], str(found["dtype"])))
    return pairs


def _outcomes(subject: Subject, pairs: list[tuple[Any, str]], full: bool) -> Outcomes:
    """All cases, packed by dtype."""
    by_dtype: dict[str, list[tuple[Any, str]]] = defaultdict(list)
    for op, dtype in pairs:
        by_dtype[dtype].append((op, dtype))
    found: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    before = subject.compiles
    for some in by_dtype.values():
        wanted = all_forms(subject, some, full)
        for outcome in check(subject, (f for forms in wanted.values() for f in forms)):
            found[outcome.form.op.name, outcome.form.dtype].append(outcome)
    return Outcomes(found, subject.compiles - before)


@pytest.fixture(scope="module")
def values(request: pytest.FixtureRequest, subject: Subject, full: bool) -> Outcomes:
    """The outcomes of all selected ops on the backend."""
    return _outcomes(subject, _selected(request, "test_values"), full)


@pytest.fixture(scope="module")
def lowered(request: pytest.FixtureRequest, full: bool) -> Outcomes:
    """The outcomes of all selected composites when only primitives are claimed."""
    pairs = [p for p in _selected(request, "test_lowering") if p[0].body is not None]
    return _outcomes(make_subject(PrimitivesOnly()), pairs, full)


def test_values(
    op_name: str, dtype: str, subject: Subject, values: Outcomes, report: Report
) -> None:
    """The op gives what its reference gives, within its limit; what is declared unsupported
    is refused."""
    op, entry = OPS[op_name], report.entry(op_name, dtype)
    missing = missing_samples(op)
    if missing:
        entry.fail(missing)
        pytest.fail(missing)
    reason = declared_unsupported(subject, op, dtype)
    if reason:
        entry.status, entry.reason = UNSUPPORTED, reason
        wrong = refuses(subject, op, dtype)
        if wrong:
            entry.fail(wrong)
        assert not wrong
        return
    complaints = settle(entry, values.found[op_name, dtype])
    assert not complaints, "\n".join(complaints[:10])


def test_lowering(op_name: str, dtype: str, lowered: Outcomes) -> None:
    """A composite's body gives what its independent reference gives."""
    if OPS[op_name].body is not None:
        complaints = settle(Entry(), lowered.found[op_name, dtype])
        assert not complaints, "\n".join(complaints[:10])


def test_compilations_are_few(values: Outcomes) -> None:
    """One function serves all shapes, layouts and samples of a pack of expressions."""
    expressions = {id(o.form) for outcomes in values.found.values() for o in outcomes}
    dtypes = {dtype for _, dtype in values.found}
    made, allowed = values.compiles, len(expressions) / PACK + len(dtypes)
    assert made <= allowed, "packs were compiled again, expression by expression: see above"
