"""What a backend declares not to run: it must refuse it, and must not be able to run it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tensorcore.backend import Backend, Capabilities, Diagnosis, Executable
from tensorcore.dtypes import ALL
from tensorcore.errors import TensorcoreError, UnsupportedOp
from tensorcore.ops import OPS
from tensorcore.program import Program

from .cases import Form
from .compare import judge
from .oracle import expected
from .samples import forms, takes
from .subject import Subject


class Declaring:
    """A backend that declares something else and passes everything on."""

    def __init__(self, inner: Backend, declared: Capabilities) -> None:
        self._inner, self._declared = inner, declared
        self.name = inner.name

    def diagnose(self) -> Diagnosis:
        """As the backend says."""
        return self._inner.diagnose()

    def capabilities(self) -> Capabilities:
        """What is to be tried."""
        return self._declared

    def compile(self, program: Program) -> Executable:
        """As the backend does."""
        return self._inner.compile(program)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def declared_unsupported(subject: Subject, op: Any, dtype: str) -> str:
    """Why the backend says it does not run an op in a dtype, or an empty string."""
    if op.name in subject.capabilities.unsupported:
        return subject.capabilities.unsupported[op.name] or "declared unsupported"
    if dtype not in subject.capabilities.dtypes:
        return f"{dtype} is not among the declared dtypes"
    return ""


def refuses(subject: Subject, form: Form, reason: str = "") -> str:
    """What is wrong with how the backend refuses what it lacks, with ``reason`` if it has one."""
    inputs, op = form.variables(), form.op
    try:
        compiled = subject.function(inputs, form.apply(inputs), fallback="error")
        if not subject.compile_only:
            compiled(*form.cases[0].arrays)
    except UnsupportedOp as cause:
        return "" if reason in str(cause) else f"refused without its reason, {reason!r}: {cause}"
    except TensorcoreError as cause:
        return f"refused with {type(cause).__name__} in place of UnsupportedOp: {cause}"
    return f"{op.name} in {form.dtype} is declared unsupported, yet it works"


def works(subject: Subject, form: Form, declared: Capabilities) -> bool:
    """Whether the backend itself gives the right results, were this what it declares."""
    backend = Declaring(subject.backend, declared)
    trial = replace(subject, spec=backend, backend=backend, capabilities=declared)
    inputs, tried = form.variables(), 0
    try:
        compiled = trial.function(inputs, form.apply(inputs), fallback="error")
        for case in form.cases:
            try:
                exact, limit = expected(form, case, declared)
            except ValueError:  # a case that is to be refused
                continue
            found = compiled(*case.arrays)
            if judge(found, exact, form.result_dtype, limit).complaint:
                return False
            tried += 1
    except Exception:  # noqa: BLE001  # whatever it raises, it does not work
        return False
    return tried > 0


def works_undeclared(subject: Subject, op: Any) -> bool:
    """Whether an op that is declared unsupported works in every declared dtype all the same. An
    op that fails in one may be declared so: there is no declaration by dtype."""
    if subject.compile_only:
        return False
    known = subject.capabilities
    rest = {name: why for name, why in known.unsupported.items() if name != op.name}
    declared = replace(known, unsupported=rest)
    dtypes = [dtype for dtype in known.dtypes if takes(op, dtype)]
    return bool(dtypes) and all(
        works(subject, forms(op, dtype, False)[0], declared) for dtype in dtypes
    )


def working_dtypes(subject: Subject, dtypes: Iterable[str]) -> list[str]:
    """Which of the dtypes are not declared, though an elementwise op works in them: notes, as a
    backend may promise less than it does."""
    if subject.compile_only:
        return []
    found = []
    for dtype in dtypes:
        op = next(op for op in OPS.values() if _plain(op) and dtype in op.accepts)
        wider = replace(subject.capabilities, dtypes=(*subject.capabilities.dtypes, dtype))
        undeclared = dtype not in subject.capabilities.dtypes
        if undeclared and works(subject, forms(op, dtype, False)[0], wider):
            found.append(f"{dtype} is not declared, though {op.name} works in it")
    return found


def _plain(op: Any) -> bool:
    """Whether an op takes two operands of one dtype and gives the same, in every dtype."""
    family = op.family.name == "elementwise" and op.arity == 2 and op.rule == "same"
    return family and op.body is None and set(op.accepts) >= set(ALL)
