"""Run forms on a backend, many in one compiled function, and judge every result."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from tensorcore import Function
from tensorcore.errors import ShapeError, UnsupportedOp
from tensorcore.graph import Graph
from tensorcore.lower.legalize import legalize

from .cases import Case, Form
from .claims import refuses, works_undeclared
from .compare import Limit, Verdict, judge, turned
from .oracle import expected
from .report import Entry
from .samples import forget, forms, missing_samples
from .subject import Subject, ahead, turns_freely
from .values import Array

#: How many expressions are compiled together.
PACK = 100
#: Results of so many calls are kept, to see that a later one is not written over them.
_KEPT = 3


@dataclass(frozen=True)
class Outcome:
    """One case and what came of it; ``fallback`` says why the backend did not run it itself."""

    form: Form
    case: Case
    verdict: Verdict
    fallback: str = ""

    @property
    def reason(self) -> str:
        """What is wrong, with the operands where one entry of the result is."""
        at = self.verdict.at
        if at is None:
            return self.verdict.complaint
        attrs = [f"{name}={value!r}" for name, value in self.form.attrs.items()]
        given = ", ".join([*self.form.operands_at(self.case, at), *attrs])
        return f"{self.form.op.name}({given}) in {self.form.dtype}: {self.verdict.complaint}"

    @property
    def place(self) -> str:
        """In which expression and case."""
        at = f"at {self.verdict.at} of " if self.verdict.at else ""
        return f"{at}{self.form}, {self.case.label}"

    def __str__(self) -> str:
        return f"{self.reason} ({self.place})"


@dataclass(frozen=True)
class Task:
    """A form with the exact results of its cases; ``refused`` are the ones to be refused."""

    form: Form
    cases: tuple[tuple[Case, Array, Limit], ...]
    refused: tuple[Case, ...]


def prepared(form: Form, subject: Subject) -> Task:
    """The form with what its cases should give; where nothing runs nobody asks for that."""
    if subject.compile_only:
        nothing = np.zeros(0)
        return Task(form, tuple((case, nothing, Limit()) for case in form.cases), ())
    cases, refused = [], []
    for case in form.cases:
        try:
            exact, limit = expected(form, case, subject.capabilities)
        except ValueError:
            refused.append(case)
        else:
            cases.append((case, exact, limit))
    return Task(form, tuple(cases), tuple(refused))


def check(subject: Subject, wanted: Iterable[Form]) -> list[Outcome]:
    """Every case of the forms on the backend."""
    return check_tasks(subject, [prepared(form, subject) for form in wanted])


def check_tasks(subject: Subject, tasks: Sequence[Task]) -> list[Outcome]:
    """Every case on the backend, in packs that are undone when one fails. What the backend lacks
    is run through its fallback, apart from the rest."""
    lacking = {id(task): lacks(subject, task.form) for task in tasks}
    packs = []
    for through_fallback in (False, True):
        some = [task for task in tasks if bool(lacking[id(task)]) is through_fallback]
        some.sort(key=lambda task: len(task.cases))
        packs += [some[start : start + PACK] for start in range(0, len(some), PACK)]
    reasons = [[lacking[id(task)] for task in pack] for pack in packs]
    jobs = (partial(_compiled, subject, p, r) for p, r in zip(packs, reasons, strict=True))
    found: list[Outcome] = []
    for made, pack, why in zip(ahead(jobs), packs, reasons, strict=True):
        try:
            found += _run(subject, made(), pack, why)
        except Exception:  # noqa: BLE001  # whatever a backend raises, we want to know where
            for task, reason in zip(pack, why, strict=True):
                found += _singly(subject, task, reason)
    return found


def lacks(subject: Subject, form: Form) -> str:
    """Why the backend cannot run a form itself, or an empty string: the op is declared
    unsupported, or it, or what it is lowered to, is not among what the backend takes."""
    declared = subject.capabilities
    if form.op.name in declared.unsupported:
        return declared.unsupported[form.op.name] or "declared unsupported"
    if declared.calls is None:
        return ""
    inputs = form.variables()
    try:
        legalize(Graph(inputs, [form.apply(inputs)]), declared)
    except UnsupportedOp as cause:
        return _why(cause)
    return ""


def _why(refusal: UnsupportedOp) -> str:
    """The last row of the table in the message, without the place in the suite."""
    lines = str(refusal).splitlines()
    rows = [line for line in lines if line.startswith("  ")] or lines
    return rows[-1].strip().partition(", made at")[0]


def _singly(subject: Subject, task: Task, reason: str) -> list[Outcome]:
    try:
        compiled = _compiled(subject, [task], [reason])
        return _run(subject, compiled, [task], [reason])
    except UnsupportedOp as cause:
        if reason or task.form.op.name in (subject.capabilities.calls or ()):
            return [_broken(task, cause)]
        return _singly(subject, task, _why(cause))
    except Exception as cause:  # noqa: BLE001  # reported as the failure it is
        return [_broken(task, cause)]


def _broken(task: Task, cause: Exception) -> Outcome:
    words = str(cause).strip().splitlines() or [""]
    verdict = Verdict(float("inf"), 0.0, f"{type(cause).__name__}: {words[0]}")
    return Outcome(task.form, task.form.cases[0], verdict)


def _compiled(subject: Subject, pack: Sequence[Task], reasons: Sequence[str]) -> Function:
    variables = [task.form.variables() for task in pack]
    outputs = [t.form.apply(v) for t, v in zip(pack, variables, strict=True)]
    inputs = [x for row in variables for x in row]
    return subject.function(inputs, outputs, fallback="allow" if reasons[0] else "error")


def _run(
    subject: Subject, compiled: Function, pack: Sequence[Task], reasons: Sequence[str]
) -> list[Outcome]:
    if subject.compile_only:
        done = Verdict(0.0, 0.0)
        return [Outcome(t.form, c, done) for t in pack for c, *_ in t.cases]
    found = []
    lent = "; ".join(f"op {name}: {why}" for name, why in compiled.fallbacks.items())
    reasons = [reason or lent for reason in reasons]
    dtypes = [task.form.result_dtype for task in pack]
    memory = _Memory(pack)
    for turn in range(max(len(task.cases) for task in pack)):
        chosen = [task.cases[turn % len(task.cases)] for task in pack]
        results, complaint = memory.call(compiled, [case.arrays for case, _, _ in chosen])
        for k, (case, exact, limit) in enumerate(chosen):
            if turn < len(pack[k].cases):
                op = pack[k].form.op
                if op.turns and turns_freely(subject, op):
                    exact = turned(exact, results[k], op.turns(*case.arrays[0].shape[-2:]))
                verdict = judge(results[k], exact, dtypes[k], limit)
                if complaint[k] and not verdict.complaint:
                    verdict = Verdict(verdict.max_ulp, verdict.limit, complaint[k])
                found.append(Outcome(pack[k].form, case, verdict, reasons[k]))
    found += _refusals(compiled, pack, reasons)
    return found


class _Memory:
    """Calls a function, and sees what it does to memory that is not its own."""

    def __init__(self, pack: Sequence[Task]) -> None:
        attributes = [value for task in pack for value in task.form.attrs.values()]
        self._constants = [value for value in attributes if isinstance(value, np.ndarray)]
        self._earlier: deque[list[Array]] = deque(maxlen=_KEPT)

    def call(
        self, compiled: Function, rows: Sequence[Sequence[Array]]
    ) -> tuple[list[Array], list[str]]:
        """The results, and per result a complaint about inputs changed or memory shared."""
        before = [[a.tobytes() for a in row] for row in rows]
        results = compiled(*(a for row in rows for a in row))
        complaints = [""] * len(rows)
        everything = [a for row in rows for a in row]
        earlier = [a for kept in self._earlier for a in kept]
        for k in _sharing(results, [*everything, *self._constants, *earlier]):
            complaints[k] = (
                "the result shares memory with an input, a constant, or another or earlier result"
            )
        for k, row in enumerate(rows):
            if [a.tobytes() for a in row] != before[k]:
                complaints[k] = "an input was changed"
                forget()
        self._earlier.append([a for a in results if isinstance(a, np.ndarray)])
        return list(results), complaints


def _sharing(results: Sequence[Any], others: Sequence[Array]) -> set[int]:
    """Which of the results lie in memory that reaches into that of another array."""
    spans = [(*byte_bounds(a), -1) for a in others if a.size]
    spans += [(*byte_bounds(a), k) for k, a in enumerate(results) if _has_memory(a)]
    spans.sort()
    found: set[int] = set()
    reached, whose = 0, -1  # by any array so far
    owned, owner = 0, -1  # by a result so far
    for start, end, k in spans:
        if k >= 0 and start < reached:
            found |= {k, whose} - {-1}
        elif k < 0 and start < owned:
            found.add(owner)
        if end > reached:
            reached, whose = end, k
        if k >= 0 and end > owned:
            owned, owner = end, k
    return found


def _has_memory(result: Any) -> bool:
    return isinstance(result, np.ndarray) and result.size > 0


def _refusals(
    compiled: Function, pack: Sequence[Task], reasons: Sequence[str]
) -> Iterator[Outcome]:
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
            yield Outcome(task.form, case, Verdict(0.0, 0.0, complaint), reasons[k])


# -- one op in one dtype --------------------------------------------------------------------


def settle(entry: Entry, outcomes: Iterable[Outcome]) -> list[str]:
    """Put outcomes into the report; returns what is wrong."""
    wrong = []
    for outcome in outcomes:
        verdict = outcome.verdict
        entry.add(verdict.max_ulp, verdict.limit, outcome.fallback, verdict.unit)
        if verdict.complaint:
            entry.fail(outcome.reason, outcome.place)
            wrong.append(str(outcome))
    return wrong


def check_op(
    subject: Subject, op: Any, dtype: str, full: bool = False, entry: Entry | None = None
) -> list[str]:
    """What is wrong with one op in one dtype; empty when nothing is."""
    missing = missing_samples(op)
    if missing:
        return [missing]
    wanted = _supported(subject, forms(op, dtype, full))
    outcomes = check(subject, wanted) if wanted else []
    return conclude(subject, op, dtype, Entry() if entry is None else entry, outcomes)


def conclude(
    subject: Subject, op: Any, dtype: str, entry: Entry, outcomes: Sequence[Outcome]
) -> list[str]:
    """Put the outcomes of an op in a dtype into its entry; returns what is wrong. What the
    backend declares unsupported, or lacks, it must refuse."""
    declared = subject.capabilities
    reason = declared.unsupported.get(op.name, "")
    lowered = declared.calls is not None and op.name not in (*declared.calls, *declared.unsupported)
    entry.through_body = lowered and op.body is not None
    if dtype not in subject.capabilities.dtypes:
        entry.refuse(f"{dtype} is not among the declared dtypes")
        to_refuse: list[Form] = [forms(op, dtype, False)[0]]
    else:
        to_refuse = [outcome.form for outcome in outcomes if outcome.fallback][:1]
    wrong = settle(entry, outcomes)
    for form in to_refuse:
        complaint = refuses(subject, form, reason)
        if not complaint and reason and works_undeclared(subject, op):
            complaint = f"{op.name} is declared unsupported, yet it works in every declared dtype"
        if complaint:
            entry.fail(complaint)
            wrong.append(complaint)
    return wrong


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
    subject: Subject, pairs: Iterable[tuple[Any, str]], chosen: Callable[[Any, str], list[Form]]
) -> list[Form]:
    """The forms that are chosen of the ops and dtypes that the backend declares."""
    return [
        form
        for op, dtype in pairs
        if not missing_samples(op) and dtype in subject.capabilities.dtypes
        for form in _supported(subject, chosen(op, dtype))
    ]
