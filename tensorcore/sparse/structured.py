"""Functions of the entries that are stored; the zeros stay what they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import tensor as T
from ..node import Tensor
from .variables import SparseVariable, sparse

#: Functions that are 0 at 0, so that they are the same of the whole matrix.
_KEEPING = (
    "arcsin", "arcsinh", "arctan", "arctanh", "ceil", "conj", "deg2rad", "expm1", "floor", "log1p",
    "rad2deg", "sgn", "sin", "sinh", "sqr", "sqrt", "tan", "tanh", "trunc",
)  # fmt: skip
#: Functions that are not, under Theano's names: of the entries alone.
_OF_ENTRIES = {
    "structured_exp": T.exp, "structured_log": T.log, "structured_sigmoid": T.sigmoid,
}  # fmt: skip
_WITH_A_NUMBER = {
    "structured_add": T.add, "structured_maximum": T.maximum, "structured_minimum": T.minimum,
    "structured_pow": T.pow,
}  # fmt: skip

__all__ = [*_KEEPING, *_OF_ENTRIES, *_WITH_A_NUMBER]  # noqa: PLE0604


def _of_one(name: str, function: Callable[..., Tensor]) -> Callable[[Any], SparseVariable]:
    def apply(x: Any) -> SparseVariable:
        a = sparse(x, name)
        return a.with_data(function(a.data))

    words = name.removeprefix("structured_")
    _name(apply, name, f"``{words}`` of the entries that are stored.")
    return apply


def _of_two(name: str, function: Callable[..., Tensor]) -> Callable[[Any, Any], SparseVariable]:
    def apply(x: Any, y: Any) -> SparseVariable:
        a = sparse(x, name)
        return a.with_data(function(a.data, y))

    words = name.removeprefix("structured_")
    _name(apply, name, f"``{words}`` of the entries that are stored and a number.")
    return apply


def _name(function: Callable[..., Any], name: str, docstring: str) -> None:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = docstring


globals().update({word: _of_one(word, getattr(T, word)) for word in _KEEPING})
globals().update({word: _of_one(word, f) for word, f in _OF_ENTRIES.items()})
globals().update({word: _of_two(word, f) for word, f in _WITH_A_NUMBER.items()})
