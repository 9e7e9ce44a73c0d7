"""Gradients: every op that promises one, against central differences, to second order, in reverse
and forward mode."""

from __future__ import annotations

import numpy as np
import pytest

from tensorcore import Lop, Tensor, TensorType, dtypes, grad
from tensorcore import tensor as T
from tensorcore.ops import OPS

from .complex_gradients import check_complex_gradients
from .gradients import check_gradients, checkable, checked, gives_floats
from .samples import choice, forms, missing_samples
from .subject import Subject


@pytest.fixture(scope="module")
def complaints(
    request: pytest.FixtureRequest, subject: Subject, full: bool, every: bool
) -> dict[str, list[str]]:
    """What is wrong with the gradients of the selected ops."""
    names = [
        str(item.callspec.params["op_name"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == "test_gradient"
    ]
    return check_gradients(subject, [OPS[name] for name in names], choice(full, every))


def test_gradient(op_name: str, subject: Subject, complaints: dict[str, list[str]]) -> None:
    """First and second derivatives are right, and the first is linear in the cotangent."""
    if checkable(subject, OPS[op_name]):
        found = complaints.get(op_name, [])
        assert not found, "\n".join(found[:10])


def test_complex_gradient(op_name: str, subject: Subject, full: bool, every: bool) -> None:
    """The gradient of a real cost is right for complex operands and through complex results."""
    found = check_complex_gradients(subject, OPS[op_name], choice(full, every))
    assert not found, "\n".join(found[:10])


def test_checked(op_name: str, subject: Subject) -> None:
    """No op that promises a gradient escapes the check for want of a case."""
    op = OPS[op_name]
    if checkable(subject, op) and gives_floats(op):
        assert checked(op), f"{op.name}: no case of it has ordinary floats of a small size"


def test_powers_at_zero(subject: Subject) -> None:
    """To third order, for exponents that are numbers in the expression and for symbolic ones."""
    if not subject.takes("float64", "int64"):
        pytest.skip("float64 or int64 is not among the declared dtypes")
    x, k = TensorType("float64", (False,))("x"), TensorType("float64", ())("k")
    n = TensorType("int64", ())("n")
    outputs = [_derivatives(x**e, x) for e in (0, 1, 2, 3, 2.0, k, n)]
    f = subject.function([x, k, n], [d for row in outputs for d in row])
    for exponent in range(4):
        found = f(np.zeros(2), float(exponent), exponent)
        for row, e in enumerate((0, 1, 2, 3, 2, exponent, exponent)):
            wanted = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 2, 0], [0, 0, 0, 6]][e]
            values = [part.tolist() for part in found[4 * row : 4 * row + 4]]
            assert values == [[w, w] for w in wanted], f"x**{e} at 0, form {row}: {values}"


def _derivatives(y: Tensor, x: Tensor) -> list[Tensor]:
    """An expression, and its first three derivatives."""
    found = [y]
    for _ in range(3):
        found.append(grad(T.sum(found[-1]), x, disconnected_inputs="ignore"))
    return found


def test_declared(op_name: str) -> None:
    """An op with float results has a gradient, or says that it has none."""
    op = OPS[op_name]
    missing = missing_samples(op)
    if missing:
        pytest.fail(missing)
    if not op.differentiable or op.vjp is not None or op.body is not None:
        return
    dtype = next((d for d in op.accepts if dtypes.is_float(d)), None)
    if dtype is not None:
        form = forms(op, dtype, False)[0]
        result = form.apply(form.variables()).dtype
        assert not dtypes.is_float(result), (
            f"{op.name} gives {result} and has no gradient: declare one with "
            f"{op.name}.gradient, or declare the op with differentiable=False"
        )


def test_dtype(op_name: str) -> None:
    """The gradient has the dtype and the type of what it is taken of."""
    op = OPS[op_name]
    if missing_samples(op) or not op.differentiable:
        return
    for dtype in (d for d in op.accepts if dtypes.is_float(d)):
        form = forms(op, dtype, False)[0]
        inputs = form.variables()
        wrt = [
            x for k, x in enumerate(inputs) if dtypes.is_float(x.dtype) and k not in op.no_gradient
        ]
        y = form.apply(inputs)
        if wrt and dtypes.is_float(y.dtype):
            found = Lop(y, wrt, y.type("g"), disconnected_inputs="ignore")
            assert [g.type for g in found] == [x.type for x in wrt]
