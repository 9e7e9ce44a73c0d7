"""The references of ops that move, pick and combine, against plain Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tensorcore.ops import OPS, Op

from .cases import Form
from .oracle import reference
from .plain import MEANINGS, table
from .samples import forms, takes
from .values import Array, generator

#: Of each kind of dtype one; of integers one that is narrow, which wraps around.
_DTYPES = ("bool", "int8", "int64", "float64", "complex128")
_MOST = 400


def _structural() -> list[Op[Any]]:
    """The ops with a plain meaning that is all of theirs: a composite of a reduction is not."""
    return [
        op for op in OPS.values()
        if op.family.name in MEANINGS and not (op.family.name == "reduction" and op.body)
    ]  # fmt: skip


def test_every_family_has_a_meaning() -> None:
    """A family that only moves or combines has its meaning in plain Python."""
    scalar = {"elementwise", "cast", "along axes", "constant", "barrier", "checked", "host"}
    defined = {"matrices", "transforms"}  # in test_matrices, by what defines them
    assert {op.family.name for op in OPS.values()} <= scalar | defined | set(MEANINGS)


@pytest.mark.parametrize(
    ("op", "dtype"),
    [(op, dtype) for op in _structural() for dtype in _DTYPES if takes(op, dtype)],
    ids=lambda value: getattr(value, "name", value),
)
def test_reference(op: Op[Any], dtype: str) -> None:
    """The reference gives what plain Python gives, on whole numbers, exactly."""
    checked = 0
    for form in forms(op, dtype, full=True):
        for case in form.cases[:3]:
            arrays = _whole(form, case.arrays)
            if sum(a.size for a in arrays) > _MOST or _refused(op, arrays, form):
                continue
            found = reference(op, arrays, form.attrs)
            shape, entries = MEANINGS[op.family.name](op, *map(table, arrays), **form.attrs)
            assert found.shape == shape, form
            expected = np.empty(shape, dtype=object)
            for place, entry in entries.items():
                expected[place] = entry
            assert (found == _wrapped(expected, found)).all(), f"{form}: {found} is {expected}"
            checked += 1
    assert checked


def _whole(form: Form, arrays: tuple[Array, ...]) -> list[Array]:
    """The operands in the dtypes in which the op computes, floats made whole numbers."""
    names = form.op.family.operand_dtypes(form.op, tuple(form.variables()), form.attrs)
    rng = generator("plain", form.op.name)
    made = []
    for a, name in zip(arrays, names, strict=True):
        if a.dtype.kind in "fc":
            whole = rng.integers(-3, 4, a.shape).astype(name)
            made.append(whole + 1j * rng.integers(-3, 4, a.shape) if a.dtype.kind == "c" else whole)
        else:
            made.append(np.asarray(a).astype(name))
    return made


def _refused(op: Op[Any], arrays: list[Array], form: Form) -> bool:
    """Reductions of nothing, which have no largest entry."""
    try:
        reference(op, arrays, form.attrs)
    except ValueError:
        return True
    return False


def _wrapped(expected: Array, found: Array) -> Array:
    """Python's integers in the width of the result."""
    if found.dtype.kind in "iu":
        bits = 8 * found.dtype.itemsize
        low = np.iinfo(found.dtype).min
        wrapped = [(int(e) - low) % (1 << bits) + low for e in expected.ravel()]
        return np.array(wrapped, dtype=found.dtype).reshape(found.shape)
    return expected.astype(found.dtype)
