"""Check gradients of real costs of complex tensors against central differences of their parts.

The gradient of a real cost C by a complex z is ``dC/dRe(z) + i dC/dIm(z)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorcore import Tensor, dtypes, grad
from tensorcore import tensor as T
from tensorcore.ops import Op

from .cases import Form
from .claims import declared_unsupported
from .oracle import WIDER, reference
from .samples import forms, missing_samples
from .subject import Subject
from .values import Array, generator

DTYPE = "complex128"
_STEP, _TOLERANCE = (1e-6, 1e-7) if WIDER[DTYPE] is np.clongdouble else (1e-5, 1e-5)
_MOST_ELEMENTS = 40


def checkable(subject: Subject, op: Op[Any], dtype: str = DTYPE) -> bool:
    """Whether the op promises a gradient for complex numbers and the backend runs it."""
    made = forms(op, dtype, False) if dtype in op.accepts and not missing_samples(op) else []
    if not made or not op.differentiable or declared_unsupported(subject, op, dtype):
        return False
    result = made[0].apply(made[0].variables()).dtype
    return dtypes.is_float(result) and "c" in dtypes.kind(dtype) + dtypes.kind(result)


def check_complex_gradients(
    subject: Subject, op: Op[Any], chosen: Callable[[Op[Any], str], list[Form]]
) -> list[str]:
    """What is wrong with the gradients of the op at complex operands, or of complex results.

    All forms of the op are compiled together.
    """
    points = [
        _Point(form, arrays)
        for dtype in (DTYPE, "float64")
        if checkable(subject, op, dtype)
        for form in chosen(op, dtype)
        if (arrays := _ordinary(form)) is not None
        and form.apply(form.variables()).dtype in (DTYPE, "float64")
    ]
    if not points:
        return []
    compiled = subject.function(
        [x for point in points for x in point.inputs], [g for p in points for g in p.gradients]
    )
    results = iter(compiled(*(a for point in points for a in point.arrays)))
    complaints = ((p, p.judge([next(results) for _ in p.gradients])) for p in points)
    return [f"{point.form}: {complaint}" for point, complaint in complaints if complaint]


def _ordinary(form: Form) -> tuple[Array, ...] | None:
    for case in form.cases:
        sizes = [a.size for a in case.arrays]
        plain = "special" not in case.label and case.label.endswith(("from 0", "layout 0"))
        if plain and 0 not in sizes and 0 < sum(sizes) <= _MOST_ELEMENTS:
            return tuple(np.array(a, order="C") for a in case.arrays)
    return None


def _weights(form: Form, shape: tuple[int, ...]) -> Array:
    rng = generator("complex gradient", form.op.name)
    return np.asarray(rng.uniform(-1, 1, shape) + 1j * rng.uniform(-1, 1, shape))


def _cost(y: Any, weights: Any) -> Any:
    """A real function of all parts of the result: it is linear, and not holomorphic."""
    return (y.real * weights.real + y.imag * weights.imag).sum()


class _Point:
    """A form at ordinary values, with the gradients of a real cost of its result."""

    def __init__(self, form: Form, arrays: Sequence[Array]) -> None:
        self.form, self.arrays = form, arrays
        self.inputs = form.variables()
        y = form.apply(self.inputs)
        names = form.op.family.operand_dtypes(form.op, tuple(self.inputs), form.attrs)
        self.operands = [a.astype(d) for a, d in zip(arrays, names, strict=True)]
        self.wrt = [k for k, x in enumerate(self.inputs) if dtypes.is_float(x.dtype)]
        self.weights = _weights(form, reference(form.op, self.operands, form.attrs).shape)
        cost: Tensor = T.sum(T.real(y) * self.weights.real)
        if dtypes.kind(y.dtype) == "c":
            cost = cost + T.sum(T.imag(y) * self.weights.imag)
        wrt = [self.inputs[k] for k in self.wrt]
        self.gradients: list[Tensor] = grad(cost, wrt, disconnected_inputs="ignore")

    def judge(self, found: Sequence[Array]) -> str:
        """What is wrong with the values of the gradients."""
        for k, g in zip(self.wrt, found, strict=True):
            expected = _differences(self.form, self.operands, k, self.weights)
            dtype = self.arrays[k].dtype
            if g.dtype != dtype:
                return f"the gradient of operand {k} has dtype {g.dtype}, expected {dtype}"
            errors = np.abs(g.ravel() - expected)
            if not (errors <= _TOLERANCE * (1 + np.abs(expected).max())).all():
                at = int(np.nanargmax(np.where(np.isnan(errors), np.inf, errors)))
                return (
                    f"the gradient of operand {k} at element {at} is {g.ravel()[at]}, central "
                    f"differences give {expected[at]}"
                )
        return ""


def _differences(form: Form, operands: Sequence[Array], k: int, weights: Array) -> Array:
    """By both parts of each element of operand ``k``, from the reference in the wider dtype."""
    wide = [a.astype(WIDER.get(a.dtype.name, a.dtype)) for a in operands]
    steps = (1, 1j) if wide[k].dtype.kind == "c" else (1,)
    result = np.zeros(wide[k].size, dtype=DTYPE)
    for number in range(wide[k].size):
        for step in steps:
            ends = []
            for sign in (1, -1):
                moved = [*wide[:k], wide[k].copy(), *wide[k + 1 :]]
                moved[k].flat[number] += sign * step * _STEP
                ends.append(_cost(reference(form.op, moved, form.attrs), weights))
            result[number] += step * float((ends[0] - ends[1]) / (2 * _STEP))
    return result if wide[k].dtype.kind == "c" else result.real
