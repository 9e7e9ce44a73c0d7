"""Where kinds of loops meet: what one op reads or writes at computed places, another combines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tensorcore import TensorType
from tensorcore import tensor as T
from tensorcore.errors import OutOfRange
from tensorcore.ops import OPS, Op

from .oracle import reference
from .subject import Subject


@pytest.fixture(autouse=True)
def _needs(subject: Subject) -> None:
    if not subject.takes("float64", "int64", "bool"):
        pytest.skip("float64, int64 or bool is not among the declared dtypes")


def _reductions() -> list[Op[Any]]:
    return [op for op in OPS.values() if op.family.name in ("reduction", "along axes")]


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("op", _reductions(), ids=lambda op: op.name)
def test_reductions_of_gathered_values(op: Op[Any], axis: int, subject: Subject) -> None:
    """Along the rows and along the columns, in short and in long ones; a wrong place is found."""
    x, places = TensorType("float64", (False,) * 2)("x"), TensorType("int64", (False,) * 2)("i")
    dtype = "bool" if "float64" not in op.accepts else "float64"
    taken = T.take_along_axis(T.cast(x, dtype), places, 1)
    f = subject.function([x, places], op.make((taken,), {"axes": (axis,)}))
    rng = np.random.default_rng(0)
    for rows, columns in ((4, 5), (1, 700), (300, 3)):
        values = rng.integers(-2, 3, (rows, columns)).astype("float64")
        where = rng.integers(-columns, columns, (rows, columns))
        picked = np.take_along_axis(values, where, 1).astype(dtype)
        expected = reference(op, [picked], {"axes": (axis,)})
        np.testing.assert_allclose(f(values, where), expected, rtol=1e-6, atol=1e-6)
        where[-1, -1] = columns
        with pytest.raises(OutOfRange):
            f(values, where)
