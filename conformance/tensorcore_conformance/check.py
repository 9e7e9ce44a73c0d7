"""Run forms on a backend, many in one compiled function, and judge every result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorcore import Function
from tensorcore.errors import ShapeError, TensorcoreError, UnsupportedOp

from .compare import Limit, Verdict, judge
from .oracle import expected
from .report import Entry
from .samples import Case, Form, forms, missing_samples
from .subject import Subject
from .values import Array

#: How many expressions are compiled together.
PACK = 50
_LATER_ALIAS_CHECKS = 2


@dataclass(frozen=True)
class Outcome:
    """One case and what came of it."""

    form: Form
    case: Case
    verdict: Verdict

    def __str__(self) -> str:
        return f"{self.form}, {self.case.label}: {self.verdict.complaint}"


@dataclass(frozen=True)
class _Task:
    """A form with the exact results of its cases; ``refused`` are the ones to be refused."""

    form: Form
    cases: tuple[tuple[Case, Array, Limit], ...]
    refused: tuple[Case, ...]


def _task(form: Form, subject: Subject) -> _Task:
    cases, refused = [], []
    for case in form.cases:
        try:
            exact, limit = expected(form, case, subject.capabilities)
        except ValueError:
            refused.append(case)
        else:
            cases.append((case, exact, limit))
    return _Task(form, tuple(cases), tuple(refused))


def check(subject: Subject, wanted: Iterable[Form]) -> list[Outcome]:
    """Every case of the forms on the backend, in packs that are undone when one fails."""
    tasks = [_task(form, subject) for form in wanted]
    tasks.sort(key=lambda task: len(task.cases))
    found: list[Outcome] = []
    for start in range(0, len(tasks), PACK):
        pack = tasks[start : start + PACK]
        try:
            outcomes = _run(subject, pack)
        except Exception:  # noqa: BLE001  # whatever a backend raises, we want to know where
            outcomes = [o for task in pack for o in _singly(subject, task)]
        found += outcomes
    return found


def _singly(subject: Subject, task: _Task) -> list[Outcome]:
    try:
        return _run(subject, [task])
    except Exception as cause:  # noqa: BLE001  # reported as the failure it is
        words = str(cause).strip().splitlines() or [""]
        verdict = Verdict(float("inf"), 0.0, f"{type(cause).__name__}: {words[0]}")
        return [Outcome(task.form, task.form.cases[0], verdict)]


def _run(subject: Subject, pack: Sequence[_Task]) -> list[Outcome]:
    variables = [task.form.variables() for task in pack]
    outputs = [t.form.apply(v) for t, v in zip(pack, variables, strict=True)]
    compiled = subject.function([x for row in variables for x in row], outputs)
    found = []
    for turn in range(max(len(task.cases) for task in pack)):
        chosen = [task.cases[turn % len(task.cases)] for task in pack]
        fresh = [turn < len(task.cases) for task in pack]
        rows = [case.arrays for case, _, _ in chosen]
        results, complaint = _call(compiled, rows, turn)
        for k, (case, exact, limit) in enumerate(chosen):
            if fresh[k]:
                node = outputs[k]
                verdict = judge(results[k], exact, node.dtype, limit)
                if complaint[k] and not verdict.complaint:
                    verdict = Verdict(verdict.measured, verdict.limit, complaint[k])
                found.append(Outcome(pack[k].form, case, verdict))
    found += _refusals(compiled, pack)
    return found


def _call(
    compiled: Function, rows: Sequence[Sequence[Array]], turn: int
) -> tuple[list[Array], list[str]]:
    """The results, and per result a complaint about inputs changed or memory shared."""
    before = [[a.tobytes() for a in row] for row in rows]
    results = compiled(*(a for row in rows for a in row))
    complaints = [""] * len(rows)
    everything = [a for row in rows for a in row]
    for k, row in enumerate(rows):
        if [a.tobytes() for a in row] != before[k]:
            complaints[k] = "an input was changed"
            continue
        if not isinstance(results[k], np.ndarray):
            continue
        others = everything if turn < _LATER_ALIAS_CHECKS else row
        others = [*others, *(results[:k] if turn < _LATER_ALIAS_CHECKS else ())]
        if any(np.may_share_memory(results[k], other) for other in others):
            complaints[k] = "the result shares memory with an input or another result"
    return list(results), complaints


def _refusals(compiled: Function, pack: Sequence[_Task]) -> Iterator[Outcome]:
    """Shapes that an op does not take must end in a ShapeError."""
    usual = [task.cases[0][0].arrays for task in pack]
    for k, task in enumerate(pack):
        for case in task.refused:
            rows = [case.arrays if j == k else row for j, row in enumerate(usual)]
            try:
                compiled(*(a for row in rows for a in row))
            except ShapeError:
                complaint = ""
            else:
                complaint = "the reference refuses these shapes, the backend does not"
            yield Outcome(task.form, case, Verdict(0.0, 0.0, complaint))


# -- one op in one dtype --------------------------------------------------------------------


def settle(entry: Entry, outcomes: Iterable[Outcome]) -> list[str]:
    """Put outcomes into the report; returns what is wrong."""
    wrong = []
    for outcome in outcomes:
        entry.add(outcome.verdict.measured, outcome.verdict.limit)
        if outcome.verdict.complaint:
            entry.fail(str(outcome))
            wrong.append(str(outcome))
    return wrong


def declared_unsupported(subject: Subject, op: Any, dtype: str) -> str:
    """Why the backend says it does not run an op in a dtype, or an empty string."""
    if op.name in subject.capabilities.unsupported:
        return subject.capabilities.unsupported[op.name] or "declared unsupported"
    if dtype not in subject.capabilities.dtypes:
        return f"{dtype} is not among the declared dtypes"
    return ""


def refuses(subject: Subject, op: Any, dtype: str) -> str:
    """What is wrong with how the backend refuses what it declares unsupported."""
    reason = subject.capabilities.unsupported.get(op.name, "")
    form = forms(op, dtype, False)[0]
    inputs = form.variables()
    try:
        compiled = subject.function(inputs, form.apply(inputs))
        compiled(*form.cases[0].arrays)
    except UnsupportedOp as cause:
        return "" if reason in str(cause) else f"refused without its reason, {reason!r}: {cause}"
    except TensorcoreError as cause:
        return f"refused with {type(cause).__name__} in place of UnsupportedOp: {cause}"
    return f"{op.name} in {dtype} is declared unsupported, yet it works"


def check_op(subject: Subject, op: Any, dtype: str, full: bool = False) -> list[str]:
    """What is wrong with one op in one dtype; empty when nothing is."""
    missing = missing_samples(op)
    if missing:
        return [missing]
    if declared_unsupported(subject, op, dtype):
        wrong = refuses(subject, op, dtype)
        return [wrong] if wrong else []
    return settle(Entry(), check(subject, _supported(subject, forms(op, dtype, full))))


def _supported(subject: Subject, found: Iterable[Form]) -> list[Form]:
    """Without the forms whose other operands or result need a dtype that is not declared."""
    result = []
    for form in found:
        inputs = form.variables()
        names = form.op.family.operand_dtypes(form.op, tuple(inputs), form.attrs)
        if subject.takes(form.apply(inputs).dtype, *names, *(x.dtype for x in inputs)):
            result.append(form)
    return result


def all_forms(
    subject: Subject, pairs: Iterable[tuple[Any, str]], full: bool
) -> dict[tuple[str, str], list[Form]]:
    """The forms of each op and dtype that the backend declares."""
    return {
        (op.name, dtype): _supported(subject, forms(op, dtype, full))
        for op, dtype in pairs
        if not missing_samples(op) and not declared_unsupported(subject, op, dtype)
    }
