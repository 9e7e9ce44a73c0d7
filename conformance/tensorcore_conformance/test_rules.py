"""Rules: what each makes of an expression, on special values in every dtype, held to the rule's
exactness class; and that each fires. The stabilising ones also on the backend, with their
gradients, at extremes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from tensorcore import Tensor, TensorType, config, dtypes, grad
from tensorcore import tensor as T
from tensorcore.errors import DTypeError
from tensorcore.graph import Graph, toposort, variables
from tensorcore.rewrite.engine import Rewriter, index_rules
from tensorcore.rewrite.pattern import Exactness, Rule, instantiate
from tensorcore.rewrite.simplify import SIMPLIFY
from tensorcore.rewrite.stabilize import STABILIZE

from .compare import ulp_errors
from .conftest import SMOKE_DTYPES
from .exact import exactly, precision, rounded, slopes
from .oracle import evaluate
from .subject import Subject
from .values import Array, crossed, generator, specials

RULES = SIMPLIFY + STABILIZE
_POSITIVE = (1e-5, 0.5, 3.0, 30.0, 40.0, 100.0, 800.0)
_GRADIENT_ULP = 64
#: Arrays drawn, and combinations of special values, of the pr tier and of the smoke tier.
_FULL, _SMOKE = (10, 2000), (6, 400)

by_name = pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)


class Sides(NamedTuple):
    """An expression on which a rule fires, what the rule makes of it, and its class there."""

    inputs: list[Tensor]
    left: Tensor
    right: Tensor
    exactness: Exactness


def example(rule: Rule, dtype: str) -> Tensor:
    """An expression of variables of the dtype on which the rule should fire."""
    if rule.left is None:
        if rule.example is None:
            pytest.fail(
                f"the rule {rule.name!r} is a function and brings no example, so nothing can be "
                f"checked: declare it with example=, a function from a dtype to an expression"
            )
        return rule.example(dtype)
    holes = variables([rule.left])
    return instantiate(rule.left, {h: TensorType(dtype, (False,))(h.name) for h in holes})


def sides(rule: Rule, dtype: str) -> Sides | None:
    """Both sides over variables of the dtype; None where the rule does not hold for it."""
    try:
        graph = Graph((), (example(rule, dtype),))
    except (DTypeError, OverflowError):
        return None
    (left,) = graph.outputs
    exactness, inputs = rule.class_for(left), variables([left])
    if exactness is None or (exactness is Exactness.STABLE and not _floating(inputs)):
        return None
    with config.change_flags(fast_math=True, optimizer="fast_run", mode="FAST_RUN"):
        rewriter = Rewriter(index_rules([rule]), graph.interner.add, fold=False)
    (right,) = rewriter.run([left])
    return Sides(inputs, left, right, exactness) if rewriter.fired[rule.name] else None


def _floating(inputs: Sequence[Tensor]) -> bool:
    return all(dtypes.kind(x.dtype) == "f" for x in inputs)


def allowance(output: Tensor) -> float:
    """The units in the last place that an expression may lose: those of its ops, and one more
    for each rounding."""
    ops = [node.op for node in toposort([output]) if node.op is not None and node.inputs]
    return 1 + sum(op.ulp[0] + 1 for op in ops)


def feeds(
    rule: Rule, inputs: Sequence[Tensor], draws: int, most: int
) -> Iterator[dict[Tensor, Array]]:
    """Special values: all combinations of them where each entry stands alone, else arrays drawn
    from them, and from ordinary ones."""
    rng = generator(rule.name)
    if all(x.broadcastable == (False,) for x in inputs):
        values = crossed([specials(x.dtype) for x in inputs], most, rng)
        yield dict(zip(inputs, values, strict=True))
    for k in range(draws):
        found = {}
        for x in inputs:
            pool = specials(x.dtype)
            if k % 2:
                pool = pool[:: max(len(pool) // 4, 1)] if pool.dtype.kind != "f" else _ORDINARY
            shape = tuple(1 if one else 4 for one in x.broadcastable)
            found[x] = np.asarray(rng.choice(pool, shape)).astype(x.dtype)
        yield found


_ORDINARY = np.array([0.5, 1.0, -2.0, 3.0, -0.25])


@by_name
def test_holds(rule: Rule, full: bool) -> None:
    """The rule fires, keeps the type, and its result keeps what its class promises."""
    fired = set()
    for dtype in dtypes.ALL if full else SMOKE_DTYPES:
        both = sides(rule, dtype)
        if both is not None:
            fired.add(dtypes.kind(dtype))
            assert both.right.type is both.left.type
            draws, most = _FULL if full else _SMOKE
            if both.left.ndim > 1:  # entries of vectors meet all others in the result itself
                most = math.isqrt(most)
            for feed in feeds(rule, both.inputs, draws, most):
                _compare(rule, both, feed)
    kinds = () if isinstance(rule.exactness, Exactness) else tuple(rule.exactness)
    promised = {dtypes.kind(d) for d in SMOKE_DTYPES}.intersection(kinds)
    assert fired, f"{rule.name} fires for no dtype"
    assert promised - {"b"} <= fired, f"{rule.name} fires for {fired} only, not for all {promised}"


def _compare(rule: Rule, both: Sides, feed: Mapping[Tensor, Array]) -> None:
    inputs, left, right, exactness = both
    nodes = evaluate([left, right], feed)
    a, b = nodes[left], nodes[right]
    assert a.shape == b.shape, f"{rule.name}: shape {a.shape} becomes {b.shape}"
    finite = _all_finite(nodes, [*inputs, *toposort([left])], a.shape)
    if exactness is Exactness.EXACT:
        wrong = ~_same_bits(a, b)
    elif exactness is Exactness.FINITE:
        wrong = finite & ~(a == b)
    elif exactness is Exactness.STABLE:
        wrong = _further(rule, inputs, left, right, feed, a, b)
        if rule.finite_only:
            wrong &= finite
    else:
        return
    if wrong.any():
        k = np.unravel_index(int(wrong.argmax()), wrong.shape)
        at = ", ".join(f"{x}={_entry(feed[x], k)}" for x in inputs)
        pytest.fail(
            f"{rule.name} is {exactness.value}, yet in {left.dtype} at {at}: {a[k]!s} becomes "
            f"{b[k]!s}"
        )


def _entry(value: Array, position: Any) -> str:
    same = value.ndim == len(position) and value.size > 1 and position
    return str(value[position] if same and value.size > 16 else value.tolist())


def _same_bits(a: Array, b: Array) -> Array:
    if a.dtype.kind == "c":
        return _same_bits(a.real, b.real) & _same_bits(a.imag, b.imag)
    if a.dtype.kind != "f":
        return np.asarray(a == b)
    same = (a == b) & (np.signbit(a) == np.signbit(b))
    return np.asarray(same | (np.isnan(a) & np.isnan(b)))


def _all_finite(nodes: Mapping[Tensor, Array], which: Sequence[Tensor], shape: Any) -> Array:
    """Where operands and intermediate values are finite: by entry where all have the shape of
    the result, else everywhere or nowhere."""
    result = np.ones(shape, dtype=bool)
    for node in which:
        if nodes[node].dtype.kind in "fc":
            finite = np.isfinite(nodes[node])
            result &= finite if finite.shape == shape else finite.all()
    return result


def _errors(rule: Rule, found: Array, exact: Array) -> Array:
    """Errors in units in the last place; of rules that promise no more, in those of the largest
    value, at least 1."""
    with np.errstate(all="ignore"):
        errors = ulp_errors(found, exact)
        if not rule.relative:
            known = np.abs(exact[np.isfinite(exact)])
            unit = np.finfo(found.dtype).eps * max(1.0, float(known.max(initial=0)))
            errors = np.fmin(errors, np.abs(found - exact) / unit)
    return errors


def _further(
    rule: Rule,
    inputs: Sequence[Tensor],
    left: Tensor,
    right: Tensor,
    feed: Mapping[Tensor, Array],
    a: Array,
    b: Array,
) -> Array:
    """Where the right side is further from the exact value than the left, and further than its
    own ops promise; where there is no exact value at infinities, where the two differ."""
    with precision():
        exact = np.broadcast_to(rounded(exactly(left, feed)), a.shape)
    errors = [_errors(rule, side, exact) for side in (a, b)]
    further = errors[1] > np.maximum(errors[0], allowance(right))
    # Beyond the precision of the exact evaluation, 1 - tiny is 1 and its logarithm infinite.
    further &= ~(np.isinf(exact) & np.isfinite(b))
    finite = _all_finite(feed, inputs, a.shape)
    if not rule.relative and a.ndim:  # a row with an infinity in it has no softmax
        further &= finite.all(axis=-1, keepdims=True)
    differ = ~np.isnan(a) & (a != b) & ~finite
    return np.asarray(np.where(np.isnan(exact), differ, further & ~np.isnan(a)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extremes(dtype: str, subject: Subject, full: bool) -> None:
    """Where a formula as written fails, its value and its gradients are right."""
    if not subject.takes(dtype, "bool"):
        pytest.skip(f"{dtype} is not among the declared dtypes")
    made = []
    for rule in STABILIZE:
        both = sides(rule, dtype)
        assert both is not None, f"{rule.name} does not fire in {dtype}"
        made.append((rule, both, _extreme(both, dtype, full)))
    inputs = [x for _, both, _ in made for x in both.inputs]
    outputs = []
    for rule, both, _ in made:
        g = _weights(rule, both.left, full)
        outputs += [both.left, *grad(T.sum(both.left * g), both.inputs)]
    results = iter(subject.function(inputs, outputs)(*(v for *_, at in made for v in at.values())))
    complaints: list[str] = []
    for rule, both, at in made:
        value = next(results)
        gradients = [next(results) for _ in both.inputs]
        complaints += _at_extremes(
            rule, both, at, value, gradients, _weights(rule, both.left, full)
        )
    assert not complaints, "\n".join(complaints)


def _extremes(full: bool) -> tuple[float, ...]:
    some = _POSITIVE if full else _POSITIVE[::2]
    return (*some, *(-x for x in some))


def _extreme(both: Sides, dtype: str, full: bool) -> dict[Tensor, Array]:
    found = {}
    for k, x in enumerate(both.inputs):
        values = np.roll(np.array(_extremes(full), dtype=dtype), k * 5)
        found[x] = values if x.ndim == 1 else values[: 4 * (len(values) // 4)].reshape(-1, 4)
    return found


def _weights(rule: Rule, left: Tensor, full: bool) -> Any:
    count = len(_extremes(full))
    shapes = {1: (count,), 2: (count // 4, 4)}
    if rule.left is None and left.ndim == 1:
        shapes[1] = (count // 4,)
    return np.asarray(
        generator(rule.name).choice([0.5, 1.0, 2.0], shapes[left.ndim]), dtype=left.dtype
    )


def _at_extremes(
    rule: Rule,
    both: Sides,
    at: Mapping[Tensor, Array],
    value: Array,
    gradients: Sequence[Array],
    g: Array,
) -> list[str]:
    with precision():
        exact = rounded(exactly(both.left, at))
        known = ~np.isnan(exact)
        true = [rounded(slopes(both.left, x, at, g, known)) for x in both.inputs]
    pairs = [("value", value, exact, allowance(both.right) + 16, known)]
    for x, found, slope in zip(both.inputs, gradients, true, strict=True):
        defined = known if known.shape == slope.shape else ~np.isnan(slope)
        pairs.append((f"gradient for {x}", found, slope, _GRADIENT_ULP, defined))
    complaints = []
    for what, found, wanted, limit, where in pairs:
        errors = _errors(rule, found, wanted)
        complaints += [
            f"the {what} of {rule.name} at {tuple(map(int, k))} is {found[tuple(k)]}, exactly "
            f"{wanted[tuple(k)]}: off by {errors[tuple(k)]:.3g} ULP, allowed {limit}"
            for k in np.argwhere(where & (errors > limit))[:3]
        ]
    return complaints
