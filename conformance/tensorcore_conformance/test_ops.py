"""Values: every op in every dtype, on every class of shapes, layouts and samples."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import pytest

from tensorcore.ops import OPS

from .check import PACK, Outcome, all_forms, check_tasks, conclude, prepared, settle
from .claims import working_dtypes
from .report import COMPILED, PASSED, Entry, Report
from .samples import choice, missing_samples
from .subject import PrimitivesOnly, Subject
from .subject import subject as make_subject

#: Ops and dtypes, in order.
Pairs = dict[tuple[str, str], None]
_IN_TURN = "the dtypes of an op take turns over its forms; tier nightly has all forms in all dtypes"


@dataclass
class Outcomes:
    """What came of the cases, by op and dtype: on the backend, and of composites when only
    primitives are claimed; and how many functions were made for the backend."""

    values: dict[tuple[str, str], list[Outcome]] = field(repr=False)
    lowered: dict[tuple[str, str], list[Outcome]] = field(repr=False)
    compiles: int = 0


def _selected(request: pytest.FixtureRequest, test: str) -> Pairs:
    """The op and dtype pairs of the selected items of a test."""
    found: Pairs = {}
    for item in request.session.items:
        if item.path != request.path or not isinstance(item, pytest.Function):
            continue
        if item.originalname == test:
            params = item.callspec.params
            found[str(params["op_name"]), str(params["dtype"])] = None
    return found


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, subject: Subject, full: bool, every: bool, report: Report
) -> Outcomes:
    """All cases of the selected ops."""
    on_backend, lowered = _selected(request, "test_values"), _selected(request, "test_lowering")
    dtypes = dict.fromkeys(dtype for _, dtype in on_backend)
    report.notes |= dict.fromkeys(working_dtypes(subject, dtypes))
    if full and not every:
        report.notes[_IN_TURN] = None
    return gathered(subject, on_backend, lowered, full, every)


def gathered(
    subject: Subject, on_backend: Pairs, lowered: Pairs, full: bool, every: bool = False
) -> Outcomes:
    """All cases of pairs of an op and a dtype, packed by dtype: what should come of them is
    computed once for the backend and for the lowering."""
    chosen = choice(full, every)
    primitives = make_subject(PrimitivesOnly())
    result = Outcomes(defaultdict(list), defaultdict(list))
    for dtype in dict.fromkeys(d for _, d in [*on_backend, *lowered]):
        names = [op for op, d in {**on_backend, **lowered} if d == dtype]
        pairs = [(OPS[name], dtype) for name in names]
        declared = dtype in subject.capabilities.dtypes
        both = subject if declared else primitives
        tasks = [prepared(form, both) for form in all_forms(both, pairs, chosen)]
        some = [t for t in tasks if declared and (t.form.op.name, dtype) in on_backend]
        before = subject.compiles
        for outcome in check_tasks(subject, some):
            result.values[outcome.form.op.name, dtype].append(outcome)
        result.compiles += subject.compiles - before
        own = both.capabilities.ulp  # the backend's own limits are not those of a lowering
        some = [
            prepared(task.form, primitives) if task.form.op.name in own else task
            for task in tasks
            if (task.form.op.name, dtype) in lowered
        ]
        for outcome in check_tasks(primitives, some):
            result.lowered[outcome.form.op.name, dtype].append(outcome)
    return result


def test_values(
    op_name: str, dtype: str, subject: Subject, outcomes: Outcomes, report: Report
) -> None:
    """The op gives what its reference gives, within its limit; what the backend lacks it
    refuses, and its fallback gives the same."""
    op, entry = OPS[op_name], report.entry(op_name, dtype)
    missing = missing_samples(op)
    if missing:
        entry.fail(missing)
        pytest.fail(missing)
    complaints = conclude(subject, op, dtype, entry, outcomes.values[op_name, dtype])
    if subject.compile_only and entry.status == PASSED:
        entry.status = COMPILED
    assert not complaints, "\n".join(complaints[:10])


def test_lowering(op_name: str, dtype: str, outcomes: Outcomes) -> None:
    """A composite's body gives what its independent reference gives."""
    complaints = settle(Entry(), outcomes.lowered[op_name, dtype])
    assert not complaints, "\n".join(complaints[:10])


def test_compilations_are_few(outcomes: Outcomes) -> None:
    """One function serves all shapes, layouts and samples of a pack of expressions."""
    found = [o for some in outcomes.values.values() for o in some]
    expressions = {id(o.form) for o in found}
    packs = {(o.form.dtype, bool(o.fallback)) for o in found}
    made, allowed = outcomes.compiles, len(expressions) / PACK + len(packs)
    assert made <= allowed, "packs were compiled again, expression by expression: see above"
