"""Reductions of what an op computes: each function inside the loops of sums, along either axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tensorcore import TensorType
from tensorcore import tensor as T
from tensorcore.ops import OPS, Op

from .claims import declared_unsupported
from .subject import Subject
from .sweeps import unary
from .values import domain, generator

_SHAPES = ((7, 5), (300, 40), (3, 1), (1, 3))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_of_functions(dtype: str, subject: Subject, full: bool) -> None:
    """The sums of each op's results, along rows and columns and of all, are those of the results
    that the backend gives one by one, up to rounding."""
    if not subject.takes(dtype):
        pytest.skip(f"{dtype} is not among the declared dtypes")
    names = [name for name in unary(dtype) if not declared_unsupported(subject, OPS[name], dtype)]
    names = [
        name for name in names if OPS[name].make((TensorType(dtype, ())(),), {}).dtype == dtype
    ]
    inputs = [TensorType(dtype, (False, False))(name) for name in names]
    values = [OPS[name].make((x,), {}) for name, x in zip(names, inputs, strict=True)]
    sums = [T.sum(y, axis=axis) for y in values for axis in (0, 1, None)]
    alone, summed = subject.function(inputs, values), subject.function(inputs, sums)
    if subject.compile_only:
        return
    rng = generator("sums", dtype)
    for shape in _SHAPES:
        arrays = [domain(OPS[name], dtype, shape, rng) for name in names]
        each, found = alone(*arrays), iter(summed(*arrays))
        for name, y in zip(names, each, strict=True):
            wide = y.astype("float64")
            for axis in (0, 1, None):
                # A loop may round an op's result otherwise than one that stores it.
                units = 2 * np.sqrt(y.size) + max(OPS[name].ulp)
                limit = units * np.finfo(dtype).eps * np.abs(wide).sum(axis)
                off = np.abs(next(found) - wide.sum(axis))
                assert (off <= limit).all(), f"{name} summed along {axis} in shape {shape}"


def _fits(op: Op[Any], dtype: str, subject: Subject) -> bool:
    same = op.make((TensorType(dtype, ())(),), {}).dtype == dtype
    return same and not declared_unsupported(subject, op, dtype)
