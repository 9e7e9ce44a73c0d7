"""Functions of NumPy that are given symbols: those that mean the same are ours, by one table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorcore.tensor as T
from tensorcore.array_protocol import _SAME

A = np.array([[0.3, 0.7, 0.2], [0.9, 0.4, 0.6]])
B = np.array([[3, 1, 2], [5, 0, 4]])
#: Arguments behind the first, where one array is not what the function takes.
MORE: dict[str, tuple[Any, ...]] = {
    "clip": (0.4, 0.6), "reshape": ((3, 2),), "swapaxes": (0, 1), "repeat": (2,), "tile": (2,),
    "dot": (A.T,), "matmul": (A.T,), "tensordot": (A.T, 1), "left_shift": (2,),
    "right_shift": (1,),
}  # fmt: skip
SEVERAL = ("concatenate", "stack")


@pytest.mark.parametrize("name", sorted(_SAME))
def test_a_function_of_numpy_is_ours_if_it_means_the_same(name: str, on_reference: None) -> None:
    whole = name in ("left_shift", "right_shift", "invert") or name.startswith("bitwise")
    value = B if whole else A + 1 if name == "arccosh" else A
    x = T.lmatrix("x") if whole else T.dmatrix("x")
    f = getattr(np, name)
    two = (isinstance(f, np.ufunc) and f.nin == 2) or name == "outer"
    more = MORE.get(name, (value,) if two else ())
    if name in SEVERAL:
        wanted, found = f([value, value], axis=1), f([x, x], axis=1)
    elif name == "where":
        wanted, found = f(value > 0.5, value, 0.0), f(x > 0.5, x, 0.0)
    else:
        wanted, found = f(value, *more), f(x, *more)
    result = found.eval({x: value})
    assert result.shape == wanted.shape and result.dtype == wanted.dtype
    np.testing.assert_allclose(result, wanted, rtol=1e-12)


def test_axes_are_passed_on_and_an_array_on_the_left_stays_one_operand(on_reference: None) -> None:
    x, cube = T.dmatrix("x"), T.dtensor3("cube")
    assert np.sum(x, axis=0, keepdims=True).eval({x: A}).shape == (1, 3)
    assert np.argmax(x, axis=1).eval({x: A}).tolist() == [1, 0]
    stack = np.arange(12.0).reshape(2, 2, 3)
    found = (np.ones((2, 4, 2)) @ cube).eval({cube: stack})
    assert found.shape == (2, 4, 3) and (found == np.ones((2, 4, 2)) @ stack).all()
