"""Rules about reductions: axes of size 1, one reduction of another, and what is constant or a
factor along the axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..node import Tensor, is_constant, make_constant
from ..ops.composites import fill
from ..ops.creation import size_of
from ..ops.elementwise import cast_to, mul, neg
from ..ops.movement import broadcast_to, dimshuffle, shape_list
from ..ops.reduction import reduce_all, reduce_any, reduce_max, reduce_min, reduce_prod, reduce_sum
from ..types import TensorType
from .pattern import Exactness, Exactnesses, Rule, by_kind, variable

EXACT, FINITE = Exactness.EXACT, Exactness.FINITE
#: Which of two zeros is the larger is open, the rest of a maximum is not.
_EXTREME = by_kind(biu=EXACT, f=FINITE)
#: In another order floats round differently.
_REORDERED = by_kind(biu=EXACT, fc=Exactness.FAST_MATH)
_OPS: dict[Any, Exactnesses] = {
    reduce_sum: _REORDERED, reduce_prod: _REORDERED, reduce_max: _EXTREME, reduce_min: _EXTREME,
    reduce_any: EXACT, reduce_all: EXACT,
}  # fmt: skip


def _operand(node: Tensor) -> Tensor:
    """The operand in the dtype in which the reduction computes."""
    assert node.op is not None
    return node.op.operands(node.inputs, node.attrs)[0]


def _without_ones(node: Tensor) -> Tensor | None:
    """Over axes of size 1 there is nothing to combine."""
    x, axes = _operand(node), node.attrs["axes"]
    ones = [a for a in axes if x.broadcastable[a]]
    if not ones or node.op is None:
        return None
    kept = tuple(a for a in range(x.ndim) if a not in ones)
    rest = tuple(kept.index(a) for a in axes if a not in ones)
    dropped = dimshuffle(x, kept)
    return node.op.make((dropped,), {"axes": rest}) if rest else dropped


def _of_same(node: Tensor) -> Tensor | None:
    """A reduction of the same reduction is one over the axes of both."""
    inner = _operand(node)
    if inner.op is not node.op or node.op is None:
        return None
    x, before = _operand(inner), inner.attrs["axes"]
    kept = [a for a in range(x.ndim) if a not in before]
    axes = sorted([*before, *(kept[a] for a in node.attrs["axes"])])
    return node.op.make((x,), {"axes": tuple(axes)})


def _of_permuted(node: Tensor) -> Tensor | None:
    """A reduction of permuted axes that leaves no axis out of order needs no permutation."""
    inner = _operand(node)
    if inner.op is not dimshuffle or node.op is None:
        return None
    pattern, axes = inner.attrs["pattern"], node.attrs["axes"]
    left = [a for k, a in enumerate(pattern) if k not in axes]
    inside = [pattern[k] for k in axes]
    whole = len(pattern) == inner.inputs[0].ndim and "x" not in pattern
    if not whole or left != sorted(left):
        return None
    return node.op.make((inner.inputs[0],), {"axes": tuple(sorted(inside))})


def _is_size(size: Tensor) -> bool:
    """Whether a size needs no check that it is not negative."""
    return size.op is size_of or (is_constant(size) and int(size.attrs["value"]) >= 0)


def _of_constant(node: Tensor) -> Tensor | None:
    """The sum of a repeated number is a product."""
    x, axes = _operand(node), node.attrs["axes"]
    if x.op is broadcast_to:
        number, sizes = x.inputs[0], x.inputs[1:]
    elif x.op is fill:
        number, sizes = x.inputs[1], shape_list(x)
    else:
        return None
    if not is_constant(number) or number.ndim or node.dtype == "float16":
        return None
    if not np.isfinite(number.attrs["value"]) or not all(_is_size(sizes[a]) for a in axes):
        return None
    count = make_constant(np.asarray(1, dtype="int64"))
    for axis in axes:
        count = mul(count, sizes[axis])
    total = mul(cast_to(count, node.dtype), cast_to(number, node.dtype))
    if node.ndim == 0:
        return total
    rest = tuple(s for k, s in enumerate(sizes) if k not in axes)
    return broadcast_to.make((total, *rest), {"broadcastable": node.broadcastable})


def _factor(node: Tensor) -> Tensor | None:
    """A scalar factor multiplies the sum once."""
    x = _operand(node)
    if x.op is not mul:
        return None
    for c, rest in (x.inputs, x.inputs[::-1]):
        if c.ndim == 0 and rest.ndim and c.dtype == rest.dtype == node.dtype:
            return mul(c, reduce_sum(rest, axes=node.attrs["axes"]))
    return None


def _negative(node: Tensor) -> Tensor | None:
    x = _operand(node)
    return neg(reduce_sum(x.inputs[0], axes=node.attrs["axes"])) if x.op is neg else None


def _column(dtype: str) -> Tensor:
    return TensorType(dtype, (False, True))("x")


def _one(op: Any) -> tuple[Rule, ...]:
    """The rules that hold for every reduction, for one of them."""
    name = op.name.removeprefix("reduce_")
    # A sum begins with +0, and so has no -0.
    alone = by_kind(biu=EXACT, fc=FINITE) if op is reduce_sum else EXACT
    return (
        Rule(f"{name}_of_ones", op.name, alone, apply=_without_ones,
             example=lambda d: op(_column(d), axes=(0, 1))),
        Rule(f"{name}_of_{name}", op.name, _OPS[op], apply=_of_same,
             example=lambda d: op(op(variable(d, 2), axes=(0,)), axes=(0,))),
        Rule(f"{name}_of_permuted", op.name, _OPS[op], apply=_of_permuted,
             example=lambda d: op(dimshuffle(variable(d, 2), (1, 0)), axes=(0,))),
    )  # fmt: skip


def _ones(dtype: str) -> Tensor:
    return reduce_sum(fill(variable(dtype, 2), make_constant(np.asarray(3, dtype))), axes=(0, 1))


REDUCTIONS: tuple[Rule, ...] = (
    *(rule for op in _OPS for rule in _one(op)),
    Rule("sum_of_constant", "reduce_sum", by_kind(iu=EXACT, f=Exactness.STABLE),
         apply=_of_constant, example=_ones),
    Rule("sum_of_multiple", "reduce_sum", _REORDERED, apply=_factor,
         example=lambda d: reduce_sum(mul(variable(d, 0, "c"), variable(d)), axes=(0,))),
    Rule("sum_of_negative", "reduce_sum", by_kind(i=EXACT, f=FINITE, c=FINITE), apply=_negative,
         example=lambda d: reduce_sum(neg(variable(d)), axes=(0,))),
)  # fmt: skip
