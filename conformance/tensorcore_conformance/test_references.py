"""The references themselves: against numbers of arbitrary precision, and Python's integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mp

from tensorcore import TensorType, dtypes
from tensorcore.errors import DTypeError
from tensorcore.ops import OPS, Op

from .compare import Limit, judge
from .exact import MEANING, TRUTH_MEANING, WHOLE_MEANING, XP, in_range, rounded
from .oracle import WIDER, reference
from .values import Array, crossed, domain, generator, specials, wide_integers

_COUNT = 40
_BITS = 200
_HALVES = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
_FLOATS = ("float64", "complex128")


def _operands(op: Op[Any], dtype: str) -> list[Array]:
    """Values of the op's domain, or of its own samples; halves too, where they lie inside."""
    rng = generator("reference", op.name, dtype)
    if op.samples is not None:
        return [np.asarray(a) for a in next(iter(op.samples(dtype)))[0]]
    names = ["bool" if op.rule == "select" and k == 0 else dtype for k in range(op.arity)]
    values = [domain(op, name, (_COUNT,), rng) for name in names]
    low, high = op.domain
    inside = _HALVES[(low < _HALVES) & (high > _HALVES)]
    if dtypes.kind(dtype) == "f" and inside.size:
        return [
            np.concatenate([v, np.roll(np.resize(inside, 6), k).astype(v.dtype)])
            for k, v in enumerate(values)
        ]
    return values


def _result(op: Op[Any], arrays: Sequence[Array]) -> str:
    return op.make(tuple(TensorType(a.dtype.name, (False,))() for a in arrays), {}).dtype


def _number(value: Any) -> Any:
    if isinstance(value, np.complexfloating):
        return mpmath.mpc(float(value.real), float(value.imag))
    return bool(value) if isinstance(value, np.bool_) else mpmath.mpf(float(value))


def _exact(op: Op[Any], arrays: Sequence[Array]) -> list[Any]:
    rows = [[_number(v) for v in row] for row in zip(*arrays, strict=True)]
    meaning = MEANING.get(op.name)
    if meaning is not None:
        return [meaning(*row) for row in rows]
    columns = [np.array(column, dtype=object) for column in zip(*rows, strict=True)]
    return list(op.reference(XP, *columns))


def check_inexact(op: Op[Any], dtype: str) -> str:
    """What is wrong with the reference of an elementwise op of floating or complex operands."""
    arrays = _operands(op, dtype)
    try:
        result = _result(op, arrays)
    except DTypeError:
        return ""
    wide = [a.astype(WIDER.get(a.dtype.name, a.dtype)) for a in arrays]
    found = reference(op, wide, {})
    with mp.workprec(_BITS):
        exact = _exact(op, arrays)
        if dtypes.kind(result) == "c":
            parts = [rounded([part(mpmath.mpc(v)) for v in exact]) for part in (mp.re, mp.im)]
            expected = parts[0] + 1j * parts[1]
        elif dtypes.kind(result) == "f":
            expected = rounded(exact)
        else:
            expected = np.array([bool(v) for v in exact])
    with np.errstate(all="ignore"):
        limit = Limit(max(op.ulp[1], 1.0)) if dtypes.kind(result) in "fc" else Limit()
        return judge(found.astype(result), expected, result, limit).complaint


def check_whole(op: Op[Any], dtype: str) -> str:
    """What is wrong with the reference of an elementwise op of integers or truth values."""
    truth = dtypes.kind(dtype) == "b"
    meaning = (TRUTH_MEANING if truth else WHOLE_MEANING).get(op.name)
    names = ["bool" if op.rule == "select" and k == 0 else dtype for k in range(op.arity)]
    if meaning is None or dtype not in op.accepts:
        return ""
    rng = generator("reference", op.name, dtype)
    arrays = crossed([specials(n) for n in names], 400, rng)
    if not truth:
        more = [specials(n)[rng.integers(0, 2, 50)] if n == "bool" else
                wide_integers(n, (50,), rng) for n in names]  # fmt: skip
        arrays = [np.concatenate(pair) for pair in zip(arrays, more, strict=True)]
    found = reference(op, arrays, {})
    assert found.dtype == np.dtype(_result(op, arrays))
    for k, row in enumerate(zip(*arrays, strict=True)):
        expected = in_range(meaning(*(v.item() for v in row)), found.dtype)
        if found[k].item() != expected:
            return f"{op.name}{tuple(v.item() for v in row)} is {expected}, found {found[k]}"
    return ""


def _elementwise(of: Sequence[str]) -> pytest.MarkDecorator:
    """The elementwise ops, each in those of the dtypes that it accepts."""
    ops = [op for op in OPS.values() if op.family.name == "elementwise"]
    pairs = [(op.name, dtype) for op in ops for dtype in of if dtype in op.accepts]
    return pytest.mark.parametrize(("name", "dtype"), pairs)


@_elementwise(_FLOATS)
def test_inexact(name: str, dtype: str) -> None:
    """The reference agrees with an independent formula in arbitrary precision."""
    complaint = check_inexact(OPS[name], dtype)
    assert not complaint, complaint


@_elementwise(dtypes.DISCRETE)
def test_whole(name: str, dtype: str) -> None:
    """The reference agrees with Python's own integers."""
    complaint = check_whole(OPS[name], dtype)
    assert not complaint, complaint


def test_a_wrong_reference_is_seen() -> None:
    """The checks can fail: another function's reference does not pass for an op's own."""
    op = OPS[next(name for name in OPS if name in WHOLE_MEANING and OPS[name].arity == 2)]
    right = op.reference
    try:
        op.reference = lambda xp, x, y: right(xp, x, x)
        assert check_whole(op, "int8")
        assert check_inexact(op, "float64")
    finally:
        op.reference = right
