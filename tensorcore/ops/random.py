"""Random words: a function of a key and a counter, so that any backend makes the same ones.

Philox2x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3"
(SC 2011): ten rounds of a multiplication whose halves are exchanged and keyed. It passes
TestU01's BigCrush, as its authors report.
"""

from __future__ import annotations

from typing import Any

from ..node import Tensor, TensorLike
from ._declare import declare
from ._families import ELEMENTWISE

_MULTIPLIER = 0xD256D193
_WEYL = 0x9E3779B9
_ROUNDS = 10


def _reference(xp: Any, key: Any, counter: Any) -> Any:
    def number(value: int) -> Any:
        return xp.asarray(value, dtype=xp.uint64)

    mask, half, factor = number(0xFFFFFFFF), number(32), number(_MULTIPLIER)
    low, high = xp.bitwise_and(counter, mask), xp.bitwise_right_shift(counter, half)
    key = xp.bitwise_and(key, mask)
    for _ in range(_ROUNDS):
        product = low * factor
        mixed = xp.bitwise_xor(xp.bitwise_right_shift(product, half), key)
        low, high = xp.bitwise_xor(mixed, high), xp.bitwise_and(product, mask)
        key = xp.bitwise_and(key + number(_WEYL), mask)
    return xp.bitwise_or(xp.bitwise_left_shift(high, half), low)


@declare(ELEMENTWISE, accepts=("uint64",), reference=_reference, c="tc_philox_#({0}, {1})")
def philox(key: TensorLike, counter: TensorLike) -> Tensor:
    """64 random bits for a counter, under a key of 32 bits (the low half)."""


@philox.gradient
def _(g: Tensor, y: Tensor, *inputs: Tensor) -> Any:
    return None, None
