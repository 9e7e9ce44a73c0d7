"""Running a test of the conformance suite by name, and an op's plain random test."""

from __future__ import annotations

import importlib
import inspect
import traceback
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pytest
from tensorcore_conformance import test_ops
from tensorcore_conformance.cases import Case, Form, Request
from tensorcore_conformance.gradients import check_gradients
from tensorcore_conformance.report import Report
from tensorcore_conformance.samples import choice
from tensorcore_conformance.subject import Subject
from tensorcore_conformance.values import domain, generator

from tensorcore import dtypes
from tensorcore.ops import OPS

from .rows import Named


def run(test: Named, subject: Subject) -> str:
    """What the test complains about, with its own line; empty when it passes."""
    module = importlib.import_module(f"tensorcore_conformance.{test.module}")
    function = getattr(module, test.name)
    wanted = inspect.signature(function).parameters
    given = {name: _fixture(name, test, subject) for name in wanted}
    try:
        function(**given)
    except (Exception, pytest.fail.Exception) as found:  # noqa: BLE001  # whatever a wrong backend does
        lines = [
            frame.line or ""
            for frame in traceback.extract_tb(found.__traceback__)
            if "tensorcore_conformance" in frame.filename
        ]
        return f"{type(found).__name__}: {found}\n{lines[-1] if lines else ''}"
    return ""


def _fixture(name: str, test: Named, subject: Subject) -> Any:
    if name in test.parameters:
        value = test.parameters[name]
        return OPS[value] if name == "op" else value
    if name == "subject":
        return subject
    if name in ("full", "every"):
        return name == "full" and test.full
    if name == "report":
        return Report(subject.name, "pr", "", {})
    if name == "outcomes":
        pair = test.parameters["op_name"], test.parameters["dtype"]
        return test_ops.gathered(subject, {pair: None}, {}, test.full)
    assert name == "complaints", name
    return check_gradients(subject, [OPS[test.parameters["op_name"]]], choice(test.full, False))


# -- plain random tests ---------------------------------------------------------------------

#: By family: shapes of the operands, then whole numbers that are operands too, and attributes.
_PLAIN: Mapping[str, tuple[tuple[Any, ...], tuple[Any, ...], tuple[dict[str, Any], ...]]] = {
    "reduction": (((4, 6),), (), ({"axes": (1,)}, {"axes": (0,)})),
    "along axes": (((4, 6),), (), ({"axes": (1,)}, {"axes": (0,)})),
    "contraction": (((4, 5), (5, 6)), (), ({"a": (0, 1), "b": (1, 2), "out": (0, 2)},)),
    "cumulative": (((4, 6),), (), ({"axis": 1}, {"axis": 0})),
    "sorting": (((4, 6),), (), ({},)),
    "gather": (((5, 4),), ([2, 0, 3],), ({},)),
    "scatter": (((5, 4), (3, 4)), ([2, 0, 3],), ({},)),
    "join": (((3, 4), (2, 4)), (), ({"axis": 0},)),
    "window": (((7,),), (1, 3, 2), ({"axes": (0,), "index": ()},)),
    "window_update": (((7,), (3,)), (1, 3, 2), ({"axes": (0,), "index": ()},)),
    "dimshuffle": (((3, 4),), (), ({"pattern": (1, 0)},)),
}


def plain(subject: Subject, name: str, dtype: str, attrs: Mapping[str, Any] | None) -> list[str]:
    """What is wrong with the op on random numbers in contiguous arrays of ordinary shapes: in
    floats where it takes them, and in ``dtype``, integers being small and positive."""
    op = OPS[name]
    wanted = dict.fromkeys([*(d for d in ("float64", "float32") if d in op.accepts), dtype])
    forms = [form for d in wanted for form in _plain_forms(op, d, attrs)]
    inputs = [form.variables() for form in forms]
    outputs = [form.apply(given) for form, given in zip(forms, inputs, strict=True)]
    compiled = subject.function([x for given in inputs for x in given], outputs)
    results = compiled(*(a for form in forms for a in form.cases[0].arrays))
    wrong = []
    for form, given, found in zip(forms, inputs, results, strict=True):
        names = op.family.operand_dtypes(op, tuple(given), form.attrs)
        pairs = zip(form.cases[0].arrays, names, strict=True)
        operands = [np.asarray(a).astype(d) for a, d in pairs]
        expected = np.asarray(op.reference(np, *operands, **form.attrs))
        allowed = 1e-3 if found.dtype == np.float16 else 1e-6
        if found.shape != expected.shape or not np.allclose(found, expected, allowed, allowed):
            wrong.append(f"{form}: {found} is {expected}")
    return wrong


def _plain_forms(op: Any, dtype: str, attrs: Mapping[str, Any] | None) -> Iterable[Form]:
    request = Request(op, dtype, False, generator("plain", op.name, dtype))
    family = op.family.name
    if family in ("elementwise", "cast"):
        names = request.operand_dtypes() if family == "elementwise" else (dtype,)
        shapes, places, choices = ((4, 6),) * len(names), (), (attrs or {},)
    else:
        shapes, places, choices = _PLAIN[family]
        names = (dtype,) * len(shapes)
    pairs = zip(shapes, names, strict=True)
    arrays = [_ordinary(op, d, shape, request.rng) for shape, d in pairs]
    arrays += [np.asarray(place, dtype="int64") for place in places]
    flags = tuple((False,) * a.ndim for a in arrays)
    for chosen in choices:
        case = Case(tuple(arrays), chosen, flags, "plain")
        yield Form(op, dtype, case.types, chosen, (case,))


def _ordinary(op: Any, dtype: str, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    if dtypes.kind(dtype) in "iu":
        return rng.integers(1, 8, shape).astype(dtype)
    return domain(op, dtype, shape, rng)
