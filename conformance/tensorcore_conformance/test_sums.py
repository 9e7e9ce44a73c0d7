"""Reductions of what an op computes: each function inside the loops of sums, along either axis."""

from __future__ import annotations

import numpy as np
import pytest

from tensorcore import TensorType
from tensorcore import tensor as T
from tensorcore.ops import OPS

from .claims import declared_unsupported
from .subject import Subject
from .sweeps import unary
from .values import domain, generator

_SHAPES = ((7, 5), (300, 40), (3, 1), (1, 3))
_AXES = (0, 1, None)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_of_functions(dtype: str, subject: Subject, every: bool) -> None:
    """The sums of each op's results, along rows and columns and of all, are those of the results
    that the backend gives one by one, up to rounding. Below the nightly tier the ops take turns
    over the three ways: each loop is there many times, each op in one of them for each dtype."""
    if not subject.takes(dtype):
        pytest.skip(f"{dtype} is not among the declared dtypes")
    names = [name for name in unary(dtype) if not declared_unsupported(subject, OPS[name], dtype)]
    names = [
        name for name in names if OPS[name].make((TensorType(dtype, ())(),), {}).dtype == dtype
    ]
    inputs = [TensorType(dtype, (False, False))(name) for name in names]
    values = [OPS[name].make((x,), {}) for name, x in zip(names, inputs, strict=True)]
    turn = np.dtype(dtype).itemsize // 4  # another one for each dtype
    axes = [_AXES if every else _AXES[(k + turn) % 3 :][:1] for k in range(len(names))]
    sums = [T.sum(y, axis=axis) for y, some in zip(values, axes, strict=True) for axis in some]
    alone, summed = subject.function(inputs, values), subject.function(inputs, sums)
    if subject.compile_only:
        return
    rng = generator("sums", dtype)
    for shape in _SHAPES:
        arrays = [domain(OPS[name], dtype, shape, rng) for name in names]
        each, found = alone(*arrays), iter(summed(*arrays))
        for name, y, some in zip(names, each, axes, strict=True):
            wide = y.astype("float64")
            for axis in some:
                # A loop may round an op's result otherwise than one that stores it.
                units = 2 * np.sqrt(y.size) + max(OPS[name].ulp)
                limit = units * np.finfo(dtype).eps * np.abs(wide).sum(axis)
                off = np.abs(next(found) - wide.sum(axis))
                assert (off <= limit).all(), f"{name} summed along {axis} in shape {shape}"
