"""What growing graphs take from a pool of tensors: those of a kind, and values inside a domain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tensorcore import Tensor
from tensorcore import tensor as T
from tensorcore.ops import Op

Draw = Callable[[Sequence[Any]], Any]
_PLAIN_DOMAIN = (-3.0, 3.0)


def long(pool: Sequence[Tensor]) -> list[Tensor]:
    """The tensors whose last axis is not known to be 1."""
    return [x for x in pool if x.ndim and not x.broadcastable[-1]]


def alike(x: Tensor, pool: Sequence[Tensor], draw: Draw) -> Tensor:
    """A tensor with the axes of ``x``."""
    found: Tensor = draw([y for y in pool if y.broadcastable == x.broadcastable])
    return found


def leaves(pool: Sequence[Tensor]) -> list[Tensor]:
    """Inputs to sort and select by: rounding, which may differ, moves no value past another."""
    return [x for x in long(pool) if x.op is None]


def inputs_of(pool: Sequence[Tensor]) -> list[Tensor]:
    """The inputs, of any shape."""
    return [x for x in pool if x.op is None]


def matrices(pool: Sequence[Tensor]) -> list[Tensor]:
    """The square matrices."""
    return [x for x in pool if x.broadcastable == (False, False)]


def tamed(op: Op[Any], x: Tensor) -> Tensor:
    """``x`` inside the op's domain, unless the op takes all ordinary numbers."""
    if op.domain == _PLAIN_DOMAIN and op.rule not in ("float", "divide"):
        return x
    low, high = op.domain
    return T.clip(x, low, high)
