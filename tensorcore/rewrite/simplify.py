"""Rules that make graphs smaller without making any result worse."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import kind
from ..node import Tensor, as_tensor, is_constant, make_constant
from ..ops.composites import fill, sqr
from ..ops.elementwise import (
    abs_,
    add,
    cast,
    cast_to,
    exp,
    identity,
    log,
    mul,
    neg,
    pow,
    sqrt,
    sub,
    true_div,
)
from ..ops.logic import and_, eq, ge, gt, invert, le, lt, maximum, minimum, neq, or_, switch, xor
from .chains import CHAINS
from .movements import MOVEMENTS
from .pattern import Exactness, Rule, by_kind, length_of, rule, same_sizes, var, variable
from .reductions import REDUCTIONS

EXACT, FINITE, STABLE = Exactness.EXACT, Exactness.FINITE, Exactness.STABLE
FAST_MATH = Exactness.FAST_MATH
x, y, i = var("x"), var("y"), var("i", "int64")
#: Exact but for complex numbers, whose product and quotient mix their parts.
REAL_EXACT = by_kind(biuf=EXACT, c=FINITE)
#: Exact for integers; floats may lose the sign of a zero, or a NaN.
FINITE_FLOATS = by_kind(biu=EXACT, fc=FINITE)
WHOLE = by_kind(biu=EXACT)
SIGNED = by_kind(i=EXACT, f=EXACT)
#: Exact for integers, which wrap alike; nearer to the true value for floats.
STABLE_FLOATS = by_kind(iu=EXACT, f=STABLE)
FLOATS = by_kind(f=STABLE)
NAN = np.float16("nan")  # of the narrowest dtype, so that it raises no other


def _identity(node: Tensor) -> Tensor:
    return node.inputs[0]


def _fill(node: Tensor) -> Tensor | None:
    """fill(a, v) is v when v has the result's axes and is known to have their sizes."""
    x, value = node.inputs
    if value.broadcastable != node.broadcastable or _compares(x):
        return None
    for axis in range(-min(x.ndim, value.ndim), 0):
        if x.broadcastable[axis] or value.broadcastable[axis]:
            continue
        if length_of(x, axis) != length_of(value, axis):  # then fill is what compares them
            return None
    return value


def _filled_by_itself(dtype: str) -> Tensor:
    x = variable(dtype)
    return fill(x, exp(x))


def _compares(node: Tensor) -> bool:
    """Whether computing the node compares the sizes of operands, so that it may not vanish."""
    for _ in range(8):
        if node.op is None or node.op.family.name not in ("elementwise", "cast"):
            return False
        long = [t for t in node.inputs if not all(t.broadcastable)]
        if len(long) != 1:
            return len(set(long)) > 1
        node = long[0]
    return True


def _cast(node: Tensor) -> Tensor | None:
    (inner,) = node.inputs
    if inner.dtype == node.dtype:
        return inner
    if inner.op is None:
        return None
    # What is repeated is cast once, before: so a filled constant stays a constant.
    if inner.op is fill:
        return fill(inner.inputs[0], cast_to(inner.inputs[1], node.dtype))
    if inner.op.name == "broadcast_to":
        return inner.op.make((cast_to(inner.inputs[0], node.dtype), *inner.inputs[1:]), inner.attrs)
    if inner.op is cast and _keeps(inner.inputs[0].dtype, inner.dtype, node.dtype):
        return cast_to(inner.inputs[0], node.dtype)
    return None


def _keeps(source: str, middle: str, target: str) -> bool:
    """Whether a cast through ``middle`` changes nothing: it holds every value of the source,
    and what the target makes of them does not depend on their kind."""
    if source == "bool":
        return True
    exact = np.can_cast(source, middle, "safe") and np.dtype(source).itemsize < 8
    if not exact or kind(middle) == "c":
        return False
    # A float outside an integer dtype has no counterpart there, an integer wraps around.
    return kind(source) == kind(middle) or kind(target) not in "iu"


def _zero_times(node: Tensor) -> Tensor | None:
    for k in (0, 1):
        c, other = node.inputs[k], node.inputs[1 - k]
        if is_constant(c) and c.ndim == 0 and c.dtype != "bool" and c.attrs["value"] == 0:
            return fill(other, cast_to(c, node.dtype))
    return None


def _chosen(node: Tensor) -> Tensor | None:
    """Switch of a constant is the branch it chooses, if its shape says as much as both do."""
    condition, *branches = node.inputs
    if not is_constant(condition):
        return None
    value = condition.attrs["value"]
    if value.size == 0 or (value != value.flat[0]).any():
        return None
    taken, left = branches if value.flat[0] else branches[::-1]
    if all(condition.broadcastable) and (all(left.broadcastable) or same_sizes(taken, left)):
        return taken
    return None


def _filled(name: str, left: Tensor, value: Any, exactness: Any) -> Rule:
    """A rule from an expression of ``x`` to a constant in its shape."""
    return rule(name, left, fill(x, make_constant(np.asarray(value))), exactness)


def _function(name: str, root: str, apply: Any, example: Any, exactness: Any = EXACT) -> Rule:
    return Rule(name, root, exactness, apply=apply, example=example)


_BASIC: tuple[Rule, ...] = (
    _function("identity", "identity", _identity, lambda d: identity(variable(d))),
    _function("fill_known", "fill", _fill, _filled_by_itself),
    _function("cast_same", "cast", _cast, lambda d: cast(variable(d), d)),
    rule("mul_one", mul(x, 1), x, REAL_EXACT),
    rule("div_one", true_div(x, 1), x, REAL_EXACT),
    rule("sub_zero", sub(x, 0), x, EXACT),
    rule("add_zero", add(x, 0), x, FINITE_FLOATS),
    rule("neg_neg", neg(neg(x)), x, EXACT),
    rule("add_neg", add(x, neg(y)), sub(x, y), EXACT),
    rule("sub_neg", sub(x, neg(y)), add(x, y), EXACT),
    rule("neg_sub", neg(sub(x, y)), sub(y, x), FINITE_FLOATS),
    rule("mul_neg_neg", mul(neg(x), neg(y)), mul(x, y), EXACT),
    rule("div_neg_neg", true_div(neg(x), neg(y)), true_div(x, y), by_kind(f=EXACT, c=FINITE)),
    rule("invert_invert", invert(invert(i)), i, EXACT),
    rule("abs_abs", abs_(abs_(x)), abs_(x), EXACT),
    rule("abs_neg", abs_(neg(x)), abs_(x), SIGNED),
    rule("sqr_neg", sqr(neg(x)), sqr(x), EXACT),
    rule("sqr_abs", sqr(abs_(x)), sqr(x), SIGNED),
    rule("sub_self", sub(x, x), fill(x, 0), FINITE_FLOATS),
    _function(
        "mul_zero",
        "mul",
        _zero_times,
        lambda d: mul(variable(d), cast_to(as_tensor(0), d)),
        FINITE_FLOATS,
    ),
    rule("div_self", true_div(x, x), fill(x, 1), by_kind(f=FAST_MATH)),
    rule("zero_div", true_div(0, x), fill(x, 0), by_kind(f=FAST_MATH)),
    rule("maximum_same", maximum(x, x), x, EXACT),
    rule("minimum_same", minimum(x, x), x, EXACT),
    rule("and_same", and_(i, i), i, EXACT),
    rule("or_same", or_(i, i), i, EXACT),
    rule("xor_same", xor(i, i), fill(i, 0), WHOLE),
    # Not of floats: x == x asks whether x is a number.
    _filled("eq_same", eq(x, x), True, WHOLE),
    _filled("neq_same", neq(x, x), False, WHOLE),
    _filled("le_same", le(x, x), True, WHOLE),
    _filled("ge_same", ge(x, x), True, WHOLE),
    _filled("lt_same", lt(x, x), False, EXACT),
    _filled("gt_same", gt(x, x), False, EXACT),
    rule("switch_same", switch(y, x, x), fill(y, x), EXACT),
    _function(
        "switch_constant", "switch", _chosen, lambda d: switch(True, variable(d), cast(2, d))
    ),
    rule("exp_log", exp(log(x)), switch(ge(x, 0), x, NAN), FLOATS),
    rule("sqr_sqrt", sqr(sqrt(x)), switch(ge(x, 0), x, NAN), FLOATS),
    rule("log_exp", log(exp(x)), x, FLOATS),
    rule("sqrt_sqr", sqrt(sqr(x)), abs_(x), FLOATS),
    rule("sqrt_product", sqrt(mul(x, x)), abs_(x), FLOATS),
)
_POWERS: tuple[Rule, ...] = (
    rule("pow_zero", pow(x, 0), fill(x, 1), by_kind(iuf=EXACT, c=FINITE)),
    rule("pow_one", pow(x, 1), x, by_kind(iuf=EXACT)),
    rule("pow_two", pow(x, 2), sqr(x), STABLE_FLOATS),
    rule("pow_three", pow(x, 3), mul(x, sqr(x)), STABLE_FLOATS),
    rule("pow_four", pow(x, 4), sqr(sqr(x)), STABLE_FLOATS),
    rule("pow_half", pow(x, 0.5), sqrt(x), by_kind(f=FINITE)),
    rule("pow_minus_one", pow(x, -1), true_div(1, x), FLOATS),
    rule("pow_minus_two", pow(x, -2), sqr(true_div(1, x)), FLOATS),
    rule("pow_minus_half", pow(x, -0.5), true_div(1, sqrt(x)), FLOATS, finite_only=True),
)
SIMPLIFY: tuple[Rule, ...] = (*_BASIC, *MOVEMENTS, *CHAINS, *_POWERS, *REDUCTIONS)
