"""What NumPy may do with symbolic tensors: an operator with an array at its left is ours, and
everything else is refused with the name of our function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

#: ``array + tensor`` arrives as the ufunc ``np.add``.
_OPERATORS = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "true_div",
    "true_divide": "true_div", "floor_divide": "int_div", "remainder": "mod", "power": "pow",
    "matmul": "dot", "bitwise_and": "and_", "bitwise_or": "or_", "bitwise_xor": "xor",
    "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge",
}  # fmt: skip
_OTHER_NAMES = {
    "absolute": "abs", "amax": "max", "amin": "min", "sign": "sgn", "where": "switch",
    "matmul": "dot", "rint": "round", "logical_not": "invert",
}  # fmt: skip


def of_ufunc(
    apply: Callable[..., Any],
    ufunc: Any,
    method: str,
    inputs: Sequence[Any],
    options: Mapping[str, Any],
) -> Any:
    """The result of a ufunc with a tensor among its operands: of an operator, a tensor by
    ``apply(name, *operands)``; of ``==`` and ``!=``, identity. Raises TypeError otherwise."""
    name = ufunc.__name__
    if method == "__call__" and not options:
        if name in _OPERATORS:
            return apply(_OPERATORS[name], *inputs)
        if name in ("equal", "not_equal"):
            return name == "not_equal"
    if "out" in options:
        raise TypeError(
            f"an array cannot change in place to a symbolic result (np.{name}): write "
            f"y = x + tensor, not x += tensor."
        )
    raise no_function(name if method == "__call__" else f"{name}.{method}")


def no_function(name: str) -> TypeError:
    """The error for a function of NumPy that is given a tensor."""
    from . import tensor

    ours = _OTHER_NAMES.get(name, name)
    known = ours in tensor.__all__
    advice = f"use T.{ours}" if known else "build it from the functions of tensorcore.tensor, T"
    return TypeError(
        f"np.{name} computes with arrays and cannot take a symbolic tensor; {advice}, or get a "
        f"value first with .eval({{input: value}})."
    )


def no_array() -> TypeError:
    """The error for an array made of a tensor."""
    return TypeError(
        "a symbolic tensor has no value, so NumPy cannot make an array of it. Join tensors with "
        "T.stack or T.concatenate; get a value with .eval({input: value})."
    )
