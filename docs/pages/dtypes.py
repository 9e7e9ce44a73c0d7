"""Which dtype a result has: ``docs/dtypes.md``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorcore.tensor as T
from tensorcore import Tensor, TensorType, config, dtypes
from tensorcore.errors import DTypeError

from .markdown import MADE, table

FLOATX = ("float64", "float32", "float16")
LITERALS = (True, 1, -1, 200, 1000, 2**40, 0.5, 0.1, 1j)


def _variable(dtype: str) -> Tensor:
    return TensorType(dtype, (False,))()


def _result(make: Callable[[], Tensor]) -> str:
    try:
        return make().dtype
    except DTypeError:
        return "refused"


def _pairs(make: Callable[[Tensor, Tensor], Tensor], names: Sequence[str]) -> str:
    rows = (
        [f"**{a}**"] + [_result(lambda: make(_variable(a), _variable(b))) for b in names]  # noqa: B023
        for a in names
    )
    return table(["", *names], rows)


def _unary(functions: dict[str, Callable[[Tensor], Tensor]]) -> str:
    rows = (
        [f"**{d}**"] + [_result(lambda: f(_variable(d))) for f in functions.values()]  # noqa: B023
        for d in dtypes.ALL
    )
    return table(["", *functions], rows)


def page() -> str:
    """Which dtype a result has, for every op kind, pair of dtypes and floatX."""
    parts = [
        "# Result dtypes",
        MADE,
        (
            "Theano decides for Python floats (they do not raise a float32), for the division of "
            "integers (`floatX`) and for float functions of integers. NumPy decides everything "
            "else."
        ),
        "## Two tensors: `+`, `*`, `maximum`, `switch` and the like",
        (
            "As `numpy.result_type` of two arrays. `-` refuses two bools, `maximum`, `//` and `%` "
            "refuse complex numbers. Comparisons promote alike and give bool."
        ),
        _pairs(T.add, dtypes.ALL),
    ]
    for floatx in FLOATX:
        with config.change_flags(floatX=floatx):
            parts += [
                f"## `/` with floatX={floatx}",
                _pairs(T.true_div, dtypes.ALL),
                f"## A tensor `+` a Python number with floatX={floatx}",
                table(
                    ["", *(f"`{n}`" for n in LITERALS)],
                    (
                        [f"**{d}**"] + [_result(lambda: _variable(d) + n) for n in LITERALS]  # noqa: B023
                        for d in dtypes.ALL
                    ),
                ),
            ]
    parts += [
        (
            "An integer adopts the dtype of an integer tensor that holds it, else it takes the "
            "smallest signed one that does, and the two promote."
        ),
        "## Functions of one tensor",
        _unary(
            {
                "`exp`, `log`, ...": T.exp,
                "`sum`, `prod`": T.sum,
                "`mean`": T.mean,
                "`max`": T.max,
                "`argmax`": T.argmax,
                "`any`": T.any,
                "`isnan`": T.isnan,
                "`-x`": T.neg,
            }
        ),
    ]
    return "\n\n".join(parts) + "\n"
