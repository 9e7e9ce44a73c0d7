"""Rules: both sides of each, on special values, held to the rule's exactness class; and that
each fires. The stabilising ones also on the backend, with their gradients, at extremes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tensorcore import Tensor, TensorType, grad
from tensorcore import tensor as T
from tensorcore.graph import toposort, variables
from tensorcore.node import is_constant
from tensorcore.rewrite.engine import Rewriter, index_rules
from tensorcore.rewrite.pattern import Exactness, Rule, instantiate
from tensorcore.rewrite.simplify import SIMPLIFY
from tensorcore.rewrite.stabilize import STABILIZE

from .compare import ulp_errors
from .exact import exactly, precision, rounded, slopes
from .oracle import evaluate
from .subject import Subject
from .values import Array, crossed, generator, specials

RULES = [r for r in SIMPLIFY + STABILIZE if r.left is not None]
_POSITIVE = (1e-5, 0.5, 3.0, 30.0, 40.0, 100.0, 800.0)
EXTREMES = (*_POSITIVE, *(-x for x in _POSITIVE))
_GRADIENT_ULP = 64

by_name = pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)


def sides(rule: Rule, dtype: str) -> tuple[list[Tensor], Tensor, Tensor]:
    """Variables of the dtype, and both sides of the rule over them."""
    assert rule.left is not None and rule.right is not None
    holes = [node for node in variables([rule.left]) if not is_constant(node)]
    bound = {hole: TensorType(dtype, (False,))(hole.name) for hole in holes}
    return list(bound.values()), instantiate(rule.left, bound), instantiate(rule.right, bound)


def allowance(output: Tensor) -> float:
    """The units in the last place that an expression may lose: those of its ops, and one more
    for each rounding."""
    ops = [node.op for node in toposort([output]) if node.op is not None and node.inputs]
    return 1 + sum(op.ulp[0] + 1 for op in ops)


@by_name
def test_both_sides(rule: Rule, float_dtype: str) -> None:
    """The right side keeps what the rule's class promises."""
    dtype = float_dtype
    inputs, left, right = sides(rule, dtype)
    values = crossed([specials(dtype)] * len(inputs), 3000, generator(rule.name))
    feed = dict(zip(inputs, values, strict=True))
    nodes = evaluate([left, right], feed)
    a, b = np.broadcast_arrays(nodes[left], nodes[right].astype(left.dtype))
    if rule.exactness is Exactness.EXACT:
        wrong = ~_same_bits(a, b)
    elif rule.exactness is Exactness.FINITE:
        finite = _all_finite(nodes, [*inputs, *toposort([left])], a.shape)
        wrong = finite & ~(a == b)
    elif rule.exactness is Exactness.STABLE:
        wrong = _further(inputs, left, right, feed, a, b)
    else:
        pytest.skip(f"{rule.exactness} promises nothing about values")
    if wrong.any():
        k = int(wrong.argmax())
        at = ", ".join(f"{x}={feed[x][k]!s}" for x in inputs)
        pytest.fail(f"{rule.name} is {rule.exactness.value}, yet at {at}: {a[k]!s} != {b[k]!s}")


def _same_bits(a: Array, b: Array) -> Array:
    same = (a == b) & (np.signbit(a) == np.signbit(b))
    return np.asarray(same | (np.isnan(a) & np.isnan(b)))


def _all_finite(nodes: dict[Tensor, Array], which: list[Tensor], shape: Any) -> Array:
    result = np.ones(shape, dtype=bool)
    for node in which:
        if nodes[node].dtype.kind == "f":
            result &= np.isfinite(nodes[node])
    return result


def _further(
    inputs: list[Tensor], left: Tensor, right: Tensor, feed: dict[Tensor, Array], a: Array, b: Array
) -> Array:
    """Where the right side is further from the exact value than the left, and further than its
    own ops promise; at infinities, where the left has a value and the right another."""
    finite = np.all([np.isfinite(feed[x]) for x in inputs], axis=0)
    with precision():
        points = {x: [float(v) for v in feed[x][finite]] for x in inputs}
        exact = rounded(exactly(left, points))
    with np.errstate(all="ignore"):
        errors = [ulp_errors(np.array(side[finite]), exact) for side in (a, b)]
    wrong = ~np.isnan(a) & (a != b)
    wrong[finite] = errors[1] > np.maximum(errors[0], allowance(right))
    # Beyond the precision of the exact evaluation, 1 - tiny is 1 and its logarithm infinite.
    unknown = np.isnan(exact) | (np.isinf(exact) & np.isfinite(b[finite]))
    wrong[finite] &= ~unknown
    return np.asarray(wrong)


@by_name
def test_fires(rule: Rule) -> None:
    """The rule finds its own left side."""
    _, left, _ = sides(rule, "float64")
    rewriter = Rewriter(index_rules([rule]), fold=False)
    (result,) = rewriter.run([left])
    assert rewriter.fired[rule.name] >= 1
    assert result.type is left.type


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extremes(dtype: str, subject: Subject) -> None:
    """Where a formula as written fails, its value and its gradient are right."""
    if not subject.takes(dtype):
        pytest.skip(f"{dtype} is not among the declared dtypes")
    made = [(rule, *sides(rule, dtype)) for rule in RULES if rule in STABILIZE]
    outputs = [y for _, (x,), left, _ in made for y in (left, grad(T.sum(left), x))]
    compiled = subject.function([x for _, (x,), _, _ in made], outputs)
    at = np.array(EXTREMES, dtype=dtype)
    found = compiled(*[at] * len(made))
    complaints = []
    for k, (rule, (x,), left, right) in enumerate(made):
        limits = allowance(right) + 16, _GRADIENT_ULP
        complaints += _at_extremes(rule, x, left, at, found[2 * k : 2 * k + 2], limits)
    assert not complaints, "\n".join(complaints)


def _at_extremes(
    rule: Rule, x: Tensor, left: Tensor, at: Array, found: list[Array], limits: tuple[float, float]
) -> list[str]:
    with precision():
        points = [float(v) for v in at]
        exact = rounded(exactly(left, {x: points})), rounded(slopes(left, x, points))
    complaints = []
    for what, value, true, limit in zip(("value", "gradient"), found, exact, limits, strict=True):
        with np.errstate(all="ignore"):
            errors = ulp_errors(value, true)
        wrong = ~np.isnan(exact[0]) & (errors > limit)
        complaints += [
            f"the {what} of {rule.name} at {at[k]} is {value[k]}, exactly {true[k]}: off by "
            f"{errors[k]:.3g} ULP, allowed {limit}"
            for k in np.flatnonzero(wrong)[:3]
        ]
    return complaints
