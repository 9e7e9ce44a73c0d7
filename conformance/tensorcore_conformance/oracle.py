"""What an op should give: its reference on NumPy, in a wider dtype where rounding is allowed,
and how far from it a backend may be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tensorcore import Tensor, config, dtypes
from tensorcore.backend import Capabilities
from tensorcore.graph import toposort
from tensorcore.node import is_constant
from tensorcore.ops import Op

from .cases import Case, Form
from .compare import Array, Limit

_LONG = np.finfo(np.longdouble).nmant > np.finfo(np.float64).nmant
#: The dtype in which the reference of a result that may be rounded is computed.
WIDER: dict[str, Any] = {
    "float16": np.float64,
    "float32": np.float64,
    "float64": np.longdouble if _LONG else np.float64,
    "complex64": np.complex128,
    "complex128": np.clongdouble if _LONG else np.complex128,
}
#: How many of the last axes belong to one matrix or signal.
_AXES_OF_ERRORS = {"matrices": 2, "transforms": 1}
#: How a reduction that sums or multiplies says so: by how it combines, not by its name.
_SUMS, _PRODUCTS = "sum", "prod"


def reference(op: Op[Any], arrays: Sequence[Array], attrs: Mapping[str, Any]) -> Array:
    """The op's reference on these operands; ValueError for shapes that it refuses."""
    with np.errstate(all="ignore"):
        return np.asarray(op.reference(np, *arrays, **attrs))


def widened(array: Array) -> Array:
    """The array in the wider dtype."""
    wider = WIDER.get(array.dtype.name)
    return array if wider is None else array.astype(wider)


def promised(op: Op[Any], dtype: str, declared: Capabilities) -> float:
    """The units in the last place that the backend has, from the op or from itself.

    By default float64 is held to what float32 is; with ``math_accuracy=high`` to its own.
    """
    if op.name in declared.ulp:
        return float(declared.ulp[op.name])
    own = dtype == "float64" and config.math_accuracy == "high"
    return float(op.ulp[1 if own else 0])


@np.errstate(all="ignore")  # NaN and overflow are what is asked about
def expected(form: Form, case: Case, declared: Capabilities) -> tuple[Array, Limit]:
    """The exact result of a case and its limit; ValueError where the op must refuse."""
    op, inputs = form.op, form.variables()
    names = op.family.operand_dtypes(op, tuple(inputs), form.attrs)
    operands = [np.array(a, order="C").astype(d) for a, d in zip(case.arrays, names, strict=True)]
    result = form.apply(inputs).dtype
    amount = promised(op, result, declared)
    summing = op.family.name in ("contraction", "cumulative") or op.c in (_SUMS, _PRODUCTS)
    if dtypes.kind(result) not in "fc" or not (amount or summing):
        exact = reference(op, operands, form.attrs)
        return exact, _exact_limit(op, operands, exact, result, form.attrs)
    wide = [widened(a) for a in operands]
    exact = reference(op, wide, form.attrs)
    return exact, _inexact_limit(op, wide, exact, amount, form)


def _exact_limit(
    op: Op[Any], operands: Sequence[Array], exact: Array, result: str, attrs: Mapping[str, Any]
) -> Limit:
    if op.family.name == "cast":
        return Limit(free=_undefined(operands[0], result))
    if dtypes.kind(result) != "f" or not (exact == 0).any():
        return Limit()
    if op.family.name == "reduction":
        return Limit(signs=False)  # which of several zeros is taken is open
    # Where NumPy's own dtypes disagree on the sign of a zero, it is open too (the larger of
    # two zeros).
    floats = [a.astype(np.longdouble) if a.dtype.kind == "f" else a for a in operands]
    return Limit(signs=np.signbit(exact) == np.signbit(reference(op, floats, attrs)))


def _undefined(values: Array, target: str) -> Array | bool:
    """Where a float has no counterpart among the integers of the target."""
    if values.dtype.kind != "f" or dtypes.kind(target) not in "iu":
        return False
    info = np.iinfo(target)
    with np.errstate(all="ignore"):
        whole = np.trunc(values.astype(np.longdouble))
    return ~((whole >= np.longdouble(info.min)) & (whole <= np.longdouble(info.max)))


def _inexact_limit(
    op: Op[Any], wide: Sequence[Array], exact: Array, amount: float, form: Form
) -> Limit:
    if op.family.name == "contraction":
        sizes = dict(zip(form.attrs["a"], wide[0].shape, strict=True))
        terms = math.prod(n for label, n in sizes.items() if label not in form.attrs["out"])
        slack = 2 if exact.dtype.kind == "c" else 0
        magnitude = reference(op, [np.abs(a) for a in wide], form.attrs)
        return Limit(terms + slack, magnitude)
    if op.family.name in ("scatter", "window_update", "subtensor_update"):
        magnitude = reference(op, [np.abs(a) for a in wide[:2]] + list(wide[2:]), form.attrs)
        ones = [np.zeros_like(wide[0]), np.ones_like(wide[1]), *wide[2:]]
        added = np.abs(reference(op, ones, form.attrs))  # how often each entry is added to
        return Limit(float(added.max(initial=0)), magnitude)
    if op.family.name == "cumulative":
        return _cumulative_limit(op, wide, exact, form)
    if op.family.name in _AXES_OF_ERRORS:  # errors are those of the whole, not of entries
        count = _AXES_OF_ERRORS[op.family.name] if exact.size else 0
        last = tuple(range(max(exact.ndim - count, 0), exact.ndim))
        return Limit(amount, np.max(np.abs(exact), axis=last, keepdims=True) + 0 * np.abs(exact))
    if op.family.name not in ("reduction", "along axes"):
        return Limit(amount)
    axes = form.attrs["axes"]
    count = math.prod(wide[0].shape[a] for a in axes)
    if op.c == _SUMS:
        magnitude = reference(op, [np.abs(wide[0])], form.attrs)
        return Limit(math.log2(max(count, 1)) + 8, magnitude)
    if op.c == _PRODUCTS:
        slack = 2 if exact.dtype.kind == "c" else 1
        fin = np.finfo(form.apply(form.variables()).dtype)
        size = np.abs(exact)  # at the ends of the range the order decides what overflows
        free = (size > fin.max / 1e6) | ((size < float(fin.tiny) * 1e6) & (size > 0))
        return Limit(slack * count + 1, size, free=free & np.isfinite(exact))
    if wide[0].size == 0:
        return Limit(amount)
    if op.family.name == "along axes":
        return Limit(amount, np.max(np.abs(exact), axis=axes, keepdims=True) + 0 * np.abs(exact))
    return Limit(amount, np.maximum(np.max(np.abs(wide[0]), axis=axes), np.abs(exact)) + 1)


def _cumulative_limit(op: Op[Any], wide: Sequence[Array], exact: Array, form: Form) -> Limit:
    """One rounding per operand and entry; nothing is said where an order could overflow."""
    count = len(wide) * wide[0].shape[form.attrs["axis"]]
    slack = 2 if exact.dtype.kind == "c" else 1
    product = op.c == _PRODUCTS
    size = np.abs(exact) if product else reference(op, [np.abs(w) for w in wide], form.attrs)
    fin = np.finfo(form.apply(form.variables()).dtype)
    edge = (np.abs(size) > fin.max / 1e6) | ((size < float(fin.tiny) * 1e6) & (size > 0))
    return Limit(slack * count + 1, size, free=edge & np.isfinite(exact))


# -- whole graphs ---------------------------------------------------------------------------


def evaluate(
    outputs: Sequence[Tensor],
    values: Mapping[Tensor, Array],
    wide: bool = False,
    nudge: np.random.Generator | None = None,
) -> dict[Tensor, Array]:
    """All nodes of a graph as written, op by op with the references: no rewriting, no lowering.

    ``wide``: in the wider dtypes. ``nudge``: each inexact result is moved by up to a unit or
    two in its last place, at random, which shows how much the results depend on rounding.
    """
    known: dict[Tensor, Array] = {}
    for node in toposort(outputs):
        if node.op is None:
            value = values[node]
        elif is_constant(node):
            value = node.attrs["value"]
        else:
            names = node.op.family.operand_dtypes(node.op, node.inputs, node.attrs)
            pairs = zip(node.inputs, names, strict=True)
            operands = [_as(known[i], d, wide) for i, d in pairs]
            value = reference(node.op, operands, node.attrs)
        value = _as(value, node.dtype, wide)
        if nudge is not None and node.dtype in WIDER and not is_constant(node):
            value = _nudged(value, node, nudge)
        known[node] = value
    return known


def _as(value: Array, dtype: str, wide: bool) -> Array:
    target = WIDER.get(dtype, dtype) if wide else dtype
    with np.errstate(all="ignore"):
        return value if value.dtype == np.dtype(target) else value.astype(target)


def _nudged(value: Array, node: Tensor, rng: np.random.Generator) -> Array:
    units = 1 + (node.op.ulp[0] if node.op is not None else 0)
    with np.errstate(all="ignore"):
        unit = units * np.spacing(np.abs(value))
        moved = np.asarray(value + rng.uniform(-1, 1, value.shape) * unit)
        if value.dtype.kind == "c":
            moved = np.asarray(moved + 1j * rng.uniform(-1, 1, value.shape) * unit)
    return moved.astype(value.dtype)
