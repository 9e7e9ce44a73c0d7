"""What arguments must be, and the errors when they are not."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..errors import NumberError
from ..node import Tensor, TensorLike, as_tensor, is_constant
from ..ops._families import normalize_axes
from ..ops.checked import checked
from ..ops.logic import ge, le
from ..origin import where_made


def integer(value: Any, what: str) -> int:
    """A Python integer; raises TypeError."""
    try:
        return operator.index(value)
    except TypeError as cause:
        raise TypeError(f"{what} must be an integer, found {value!r:.60}.") from cause


def whole(value: Any, what: str) -> int:
    """A Python integer that is not negative; raises TypeError or ValueError."""
    number = integer(value, what)
    if number < 0:
        raise ValueError(f"{what} must not be negative, found {number}.")
    return number


def one_axis(axis: Any, ndim: int, what: str, whose: str = "the tensor") -> int:
    """One axis, counted from the start; raises TypeError or ShapeError."""
    if axis is None or isinstance(axis, (tuple, list)):
        raise TypeError(f"{what}: an axis is an integer, found {axis!r}.")
    (number,) = normalize_axes(axis, ndim, what, whose)
    return number


def one_of(word: Any, words: Sequence[Any], what: str) -> None:
    """Raise ValueError unless the word is one of those."""
    if word not in words:
        raise ValueError(f"{what} is one of {', '.join(map(str, words))}; found {word!r}.")


def integers(value: TensorLike, what: str) -> Tensor:
    """A tensor of integers; raises TypeError."""
    node = as_tensor(value)
    if not node.dtype.startswith(("int", "uint")):
        raise TypeError(
            f"{what} must be of integers, found {node!r} of type {node.type!r}, made at "
            f"{where_made(node)}. T.cast(i, 'int64') makes integers."
        )
    return node


def integer_scalar(value: TensorLike, what: str) -> Tensor:
    """An integer, symbolic or not, as a tensor; raises TypeError."""
    node = integers(value, what)
    if node.ndim:
        raise TypeError(f"{what} must be an integer scalar, found {node!r} of type {node.type!r}.")
    return node


#: Ops whose results are from 0 to 1, and those whose results are not negative: in a loop that
#: looks at each entry nothing is computed by vectors.
_SHARES = frozenset({"sigmoid", "hard_sigmoid", "softmax"})
_NATURAL = _SHARES | {"exp", "sqrt", "sqr", "abs", "softplus"}


def from_to(value: TensorLike, low: float, high: float | None, function: str, what: str) -> Tensor:
    """Real numbers from ``low`` to ``high``, both included, or without an end, which ``function``
    was given as ``what``. Others, NaN among them, raise NumberError: constants here, and what is
    computed at the call, unless the op that computes it gives no others."""
    node = as_tensor(value)
    words = f"must be from {low} to {high}" if high is not None else f"must be {low} or more"
    if is_constant(node):
        numbers = node.attrs["value"]
        right = (numbers >= low) & (numbers <= (np.inf if high is None else high))
        if not right.all():
            raise NumberError(f"{function}: {what} {words}, found {numbers[~right][0]}.")
    elif node.op is None or node.op.name not in (_NATURAL if high is None else _SHARES):
        inside = ge(node, low) if high is None else ge(node, low) & le(node, high)
        return checked(node, inside, message=f"{what} {words}", error="NumberError")
    return node


def listed(tensors: Any, what: str) -> list[Tensor]:
    """The tensors of a list that is not empty; raises TypeError or ValueError."""
    if isinstance(tensors, (Tensor, str)) or not isinstance(tensors, Iterable):
        found = "one tensor" if isinstance(tensors, Tensor) else repr(tensors)
        raise TypeError(f"{what} takes a list of tensors, found {found}.")
    parts = [as_tensor(t) for t in tensors]
    if not parts:
        raise ValueError(f"{what} needs at least one tensor, found an empty list.")
    return parts
