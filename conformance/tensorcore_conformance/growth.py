"""Random graphs grown from the declarations, with shapes that fit by construction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tensorcore import Tensor, TensorType, dtypes
from tensorcore import tensor as T
from tensorcore.ops import OPS, Op

Draw = Callable[[Sequence[Any]], Any]
#: All axes have the same size or are known to be 1, so that anything broadcasts with anything.
KINDS = ((), (False,), (True, False), (False, True), (False, False))
_PLAIN_DOMAIN = (-3.0, 3.0)


def usable(dtype: str, family: str) -> list[Op[Any]]:
    """The declared ops of a family that take floats and give floats of the dtype."""
    found = []
    for op in OPS.values():
        if op.family.name != family or dtype not in op.accepts:
            continue
        if family == "elementwise":
            result = op.make(tuple(TensorType(dtype, ())() for _ in range(op.arity)), {})
            if result.dtype != dtype:
                continue
        elif family == "reduction":
            result = op.make((TensorType(dtype, (False,))(),), {"axes": (0,)})
            if not dtypes.is_float(result.dtype):
                continue
        found.append(op)
    return found


def grow(inputs: Sequence[Tensor], steps: int, draw: Draw) -> list[Tensor]:
    """A pool of tensors: the inputs, and one more for each step."""
    pool = list(inputs)
    dtype = inputs[0].dtype
    table = {name: usable(dtype, name) for name in _GROWERS}
    for _ in range(steps):
        family = draw(["elementwise"] * 6 + list(_GROWERS))
        if table[family]:
            made = _GROWERS[family](draw(table[family]), pool, draw)
            if made is not None:
                pool.append(made)
    return pool


def _tamed(op: Op[Any], x: Tensor) -> Tensor:
    """``x`` inside the op's domain, unless the op takes all ordinary numbers."""
    if op.domain == _PLAIN_DOMAIN and op.rule not in ("float", "divide"):
        return x
    low, high = op.domain
    return T.clip(x, low, high)


def _elementwise(op: Op[Any], pool: Sequence[Tensor], draw: Draw) -> Tensor:
    operands = tuple(_tamed(op, draw(pool)) for _ in range(op.arity))
    return op.make(operands, {})


def _rows(op: Op[Any], pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    x = draw(pool)
    if x.ndim == 0:
        return None
    axes = draw([(a,) for a in range(x.ndim)] + [tuple(range(x.ndim))])
    return op.make((_tamed(op, x),), {"axes": axes})


def _dimshuffle(op: Op[Any], pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    x = draw(pool)
    patterns: dict[int, list[tuple[Any, ...]]] = {1: [("x", 0), (0, "x")], 2: [(1, 0)]}
    return op.make((x,), {"pattern": draw(patterns[x.ndim])}) if x.ndim else None


def _contraction(op: Op[Any], pool: Sequence[Tensor], draw: Draw) -> Tensor | None:
    whole = [x for x in pool if x.ndim and not any(x.broadcastable)]
    if not whole:
        return None
    x, y = draw(whole), draw(whole)
    a, b = tuple(range(x.ndim)), tuple(range(x.ndim - 1, x.ndim - 1 + y.ndim))
    return op.make((x, y), {"a": a, "b": b, "out": a[:-1] + b[1:]})


_GROWERS: dict[str, Callable[[Op[Any], Sequence[Tensor], Draw], Tensor | None]] = {
    "elementwise": _elementwise,
    "reduction": _rows,
    "along axes": _rows,
    "dimshuffle": _dimshuffle,
    "contraction": _contraction,
}
