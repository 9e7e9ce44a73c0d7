"""Rules that make graphs smaller without making any result worse."""

from __future__ import annotations

from typing import Any

from ..node import Tensor, is_constant
from ..ops._families import broadcast_flags
from ..ops.composites import fill, sqr
from ..ops.elementwise import add, cast_to, mul, neg, pow, sqrt, sub, true_div
from ..ops.logic import switch
from ..ops.movement import broadcast_to, dimshuffle
from .pattern import Exactness, Rule, rule, var

EXACT, FINITE, STABLE = Exactness.EXACT, Exactness.FINITE, Exactness.STABLE
x, y = var("x"), var("y")


def _identity(node: Tensor) -> Tensor:
    return node.inputs[0]


def _fill(node: Tensor) -> Tensor | None:
    """fill(a, v) is v when v already has the result's axes."""
    value = node.inputs[1]
    return value if value.broadcastable == node.broadcastable else None


def _cast(node: Tensor) -> Tensor | None:
    (inner,) = node.inputs
    if inner.dtype == node.dtype:
        return inner
    if inner.op is None:
        return None
    # What is repeated is cast once, before: so a filled constant stays a constant.
    if inner.op.name == "fill":
        return fill(inner.inputs[0], cast_to(inner.inputs[1], node.dtype))
    if inner.op.name == "broadcast_to":
        return inner.op.make((cast_to(inner.inputs[0], node.dtype), *inner.inputs[1:]), inner.attrs)
    return None


def _dimshuffle(node: Tensor) -> Tensor | None:
    (inner,) = node.inputs
    pattern = node.attrs["pattern"]
    if inner.op is not None and inner.op.name == "dimshuffle":
        before = inner.attrs["pattern"]
        joint = tuple("x" if a == "x" else before[a] for a in pattern)
        return dimshuffle(inner.inputs[0], joint)
    return inner if pattern == tuple(range(inner.ndim)) else None


def _reshape(node: Tensor) -> Tensor | None:
    inner = node.inputs[0]
    if inner.op is not None and inner.op.name == "reshape_to":
        assert node.op is not None
        return node.op.make((inner.inputs[0], *node.inputs[1:]), node.attrs)
    return None


def _contract(node: Tensor) -> Tensor | None:
    """A transposed operand becomes another labelling: no copy is made."""
    a, b = node.inputs
    labels = {"a": node.attrs["a"], "b": node.attrs["b"], "out": node.attrs["out"]}
    changed = False
    operands = []
    for t, which in ((a, "a"), (b, "b")):
        if t.op is not None and t.op.name == "dimshuffle":
            pattern = t.attrs["pattern"]
            if "x" not in pattern and len(pattern) == t.inputs[0].ndim:
                old = labels[which]
                labels[which] = tuple(old[pattern.index(i)] for i in range(len(pattern)))
                t, changed = t.inputs[0], True
        operands.append(t)
    assert node.op is not None
    return node.op.make(tuple(operands), labels) if changed else None


def _size_of(node: Tensor) -> Tensor | None:
    """The size of a result that has one operand's axis is the size of that operand."""
    (inner,) = node.inputs
    axis = node.attrs["axis"]
    op = inner.op
    if op is None or node.op is None:
        return None
    if op.family.name in ("elementwise", "cast"):
        if broadcast_flags(inner.inputs)[axis]:
            return None
        for t in inner.inputs:
            k = axis - inner.ndim + t.ndim
            if k >= 0 and not t.broadcastable[k]:
                return node.op.make((t,), {"axis": k})
    if op.name == "dimshuffle":
        source = inner.attrs["pattern"][axis]
        return None if source == "x" else node.op.make(inner.inputs, {"axis": source})
    return None


def _zero_times(node: Tensor) -> Tensor | None:
    for k in (0, 1):
        c, other = node.inputs[k], node.inputs[1 - k]
        if is_constant(c) and c.ndim == 0 and c.dtype != "bool" and c.attrs["value"] == 0:
            return fill(other, cast_to(c, node.dtype))
    return None


def _spread(node: Tensor) -> Tensor | None:
    """A function of one repeated tensor and scalars is computed before it is repeated."""
    repeated = [t for t in node.inputs if t.ndim]
    if len(repeated) != 1 or repeated[0].op is not broadcast_to:
        return None
    inner, *sizes = repeated[0].inputs
    assert node.op is not None
    value = node.op.make(tuple(inner if t.ndim else t for t in node.inputs), node.attrs)
    return broadcast_to.make((value, *sizes), repeated[0].attrs)


def _function(name: str, root: str, apply: Any, exactness: Exactness = EXACT) -> Rule:
    return Rule(name, root, exactness, apply=apply)


SIMPLIFY: tuple[Rule, ...] = (
    _function("identity", "identity", _identity),
    _function("fill_known", "fill", _fill),
    _function("cast_same", "cast", _cast),
    _function("dimshuffle_merge", "dimshuffle", _dimshuffle),
    _function("reshape_merge", "reshape_to", _reshape),
    *(_function(f"{op}_spread", op, _spread) for op in ("add", "sub", "mul", "true_div", "neg")),
    _function("contract_transposed", "contract", _contract),
    _function("size_of_operand", "size", _size_of),
    rule("mul_one", mul(x, 1), x, EXACT),
    rule("div_one", true_div(x, 1), x, EXACT),
    rule("pow_one", pow(x, 1), x, EXACT),
    rule("sub_zero", sub(x, 0), x, EXACT),
    rule("neg_neg", neg(neg(x)), x, EXACT),
    rule("add_neg", add(x, neg(y)), sub(x, y), EXACT),
    rule("sub_neg", sub(x, neg(y)), add(x, y), EXACT),
    rule("neg_sub", neg(sub(x, y)), sub(y, x), FINITE),
    rule("mul_neg_neg", mul(neg(x), neg(y)), mul(x, y), EXACT),
    rule("add_zero", add(x, 0), x, FINITE),
    rule("sub_self", sub(x, x), fill(x, 0), FINITE),
    _function("mul_zero", "mul", _zero_times, FINITE),
    rule("switch_same", switch(y, x, x), x, EXACT),
    rule("pow_zero", pow(x, 0), fill(x, 1), EXACT),
    rule("pow_two", pow(x, 2), sqr(x), STABLE),
    rule("pow_half", pow(x, 0.5), sqrt(x), FINITE),
    rule("pow_minus_one", pow(x, -1), true_div(1, x), STABLE),
)
