"""What NumPy may do with symbolic tensors: an operator with an array at its left is ours, and so is
a function that means the same; everything else is refused with the way to go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

#: NumPy's functions, one entry at a time or of whole arrays, that are functions of ``T``; by their
#: names there, if these differ. ``array + tensor`` arrives as ``np.add``.
_SAME = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "true_div",
    "true_divide": "true_div", "floor_divide": "int_div", "remainder": "mod", "mod": "mod",
    "power": "pow", "matmul": "matmul", "bitwise_and": "and_", "bitwise_or": "or_",
    "bitwise_xor": "xor", "invert": "invert", "less": "lt", "less_equal": "le", "greater": "gt",
    "greater_equal": "ge", "absolute": "abs", "negative": "neg", "positive": "identity",
    "sign": "sgn", "rint": "round_half_to_even", "conjugate": "conj", "amax": "max",
    "amin": "min", "where": "switch",
    **{name: name for name in (
        "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "square", "sin", "cos",
        "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "arctan2", "arcsinh",
        "arccosh", "arctanh", "floor", "ceil", "trunc", "deg2rad", "rad2deg", "maximum",
        "minimum", "isnan", "isinf", "isfinite", "hypot", "logaddexp", "left_shift",
        "right_shift",
        "sum", "prod", "mean", "var", "std", "max", "min", "argmax", "argmin", "any", "all",
        "cumsum", "cumprod", "sort", "argsort", "dot", "tensordot", "outer", "transpose",
        "reshape", "ravel", "swapaxes", "clip", "concatenate", "stack", "diagonal", "trace",
        "repeat", "tile", "zeros_like", "ones_like", "real", "imag",
    )},
}  # fmt: skip
#: What stands for other functions, roughly; only named in errors.
_LIKE = {"logical_not": "invert", "logical_and": "and_", "logical_or": "or_", "around": "round"}


def of_ufunc(
    apply: Callable[..., Any],
    ufunc: Any,
    method: str,
    inputs: Sequence[Any],
    options: Mapping[str, Any],
) -> Any:
    """The result of a ufunc with a tensor among its operands: a tensor by ``apply(name,
    *operands)``; of ``==`` and ``!=``, identity. Raises TypeError otherwise."""
    name = ufunc.__name__
    if method == "__call__" and not options:
        if name in _SAME:
            return apply(_SAME[name], *inputs)
        if name in ("equal", "not_equal"):
            return name == "not_equal"
    if "out" in options:
        raise TypeError(
            f"an array cannot change in place to a symbolic result (np.{name}): write "
            f"y = x + tensor, not x += tensor."
        )
    raise no_function(name if method == "__call__" else f"{name}.{method}")


def of_function(
    apply: Callable[..., Any], name: str, args: Sequence[Any], options: Mapping[str, Any]
) -> Any:
    """The result of a function of NumPy that is given a tensor: that of ours, by ``apply``. Raises
    TypeError where there is none, or where it does not take these arguments."""
    if name not in _SAME:
        raise no_function(name)
    return apply(_SAME[name], *args, **options)


def no_function(name: str) -> TypeError:
    """The error for a function of NumPy that is given a tensor."""
    from . import tensor

    ours = _LIKE.get(name, name)
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
