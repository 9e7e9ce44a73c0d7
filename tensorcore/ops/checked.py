"""An op that passes its operand on and ends the call where a condition does not hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .. import errors
from ..dtypes import ALL
from ..node import Tensor, TensorLike, as_tensor
from ._array_api import copied
from ._declare import Op, declare
from ._families import Elementwise
from .elementwise import cast_to
from .logic import ge, lt


class Checked(Elementwise):
    """An operand, whether it is right, and two integers for the message."""

    name = "checked"

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        x, right, *numbers = args
        first, second = [*numbers, 0, 0][:2]
        whole = (cast_to(as_tensor(number), "int64") for number in (first, second))
        inputs = (as_tensor(x), cast_to(as_tensor(right), "bool"), *whole)
        return inputs, {"error": "OutOfRange", **attrs}


def _reference(
    xp: Any, x: Any, right: Any, first: Any, second: Any, *, message: str, error: str
) -> Any:
    x, right, first, second = xp.broadcast_arrays(x, right, first, second)
    if not xp.all(right):
        wrong = xp.argmin(xp.reshape(xp.astype(right, xp.uint8), (-1,)))
        numbers = (int(xp.reshape(n, (-1,))[wrong]) for n in (first, second))
        raise getattr(errors, error)(message.format(*numbers))
    return copied(xp, x)


def _samples(dtype: str) -> Iterator[Any]:
    attrs = {"message": "{0} is wrong beside {1}", "error": "OutOfRange"}
    x = np.arange(6).reshape(2, 3).astype(dtype)
    yield (x, np.ones((2, 3), bool), np.arange(6).reshape(2, 3), np.array(6)), attrs
    yield (x[0], np.array(True), np.array(0), np.array(0)), attrs


@declare(
    Checked(), accepts=ALL, rule="checked", reference=_reference, c="{0}", samples=_samples,
    notes="Entries that nobody uses are not looked at.",
)  # fmt: skip
def checked(
    x: TensorLike, right: TensorLike, first: TensorLike = 0, second: TensorLike = 0, *,
    message: str, error: str = "OutOfRange",
) -> Tensor:  # fmt: skip
    """``x``, where ``right`` holds; where it does not, the call ends with that ``error`` of
    ``tensorcore.errors``, whose message has the integers ``first`` and ``second`` of the entry as
    ``{0}`` and ``{1}``."""


checked.gradient(lambda g, y, x, *rest: (g, *(None for _ in rest)))


def within(place: TensorLike, size: TensorLike, message: str) -> Tensor:
    """The integers ``place``, refused at the call where one is negative or not below ``size``;
    the message has both as ``{0}`` and ``{1}``."""
    place, size = cast_to(as_tensor(place), "int64"), as_tensor(size)
    return checked(place, ge(place, 0) & lt(place, size), place, size, message=message)
