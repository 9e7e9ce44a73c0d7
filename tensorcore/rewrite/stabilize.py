"""Rules that replace a formula by one that is no further from the true value.

The set is confluent where it matters: the logarithm of a sigmoid or of its complement ends as
the same softplus, whichever rule fires first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..graph import substitute
from ..node import Tensor
from ..ops.composites import log_softmax, logsumexp, sigmoid, softmax, softplus
from ..ops.elementwise import add, exp, expm1, log, log1p, mul, neg, pow, sub, true_div
from ..ops.movement import dimshuffle
from ..ops.reduction import reduce_sum
from ..ops.stable import log1mexp, logaddexp
from ..ops.trigonometric import tanh
from ..testing_values import no_test_values
from .engine import Rewriter, index_rules
from .pattern import Exactness, Rule, by_kind, moved, rule, skip_moves, var, variable

_CLASS = by_kind(f=Exactness.STABLE)
x, y = var("x"), var("y")


def _stable(name: str, left: Tensor, right: Tensor) -> Rule:
    """A rule that looks through what only moves values."""
    return rule(name, left, right, _CLASS, through_moves=True, group="stabilize")


def _direct(name: str, left: Tensor, right: Tensor, relative: bool = True) -> Rule:
    return rule(name, left, right, _CLASS, group="stabilize", relative=relative)


def _found(name: str, root: str, apply: Any, example: Any) -> Rule:
    return Rule(name, root, _CLASS, apply=apply, example=example, group="stabilize", relative=False)


def _log_softmax(node: Tensor) -> Tensor | None:
    moves: list[Tensor] = []
    inner = skip_moves(node.inputs[0], moves)
    if inner.op is None or inner.op.name != "softmax":
        return None
    return moved(log_softmax(inner.inputs[0], axes=inner.attrs["axes"]), moves)


def _logsumexp(node: Tensor) -> Tensor | None:
    moves: list[Tensor] = []
    inner = skip_moves(node.inputs[0], moves)
    if inner.op is None or inner.op.name != "reduce_sum":
        return None
    term = inner.inputs[0]
    if term.op is None or term.op.name != "exp":
        return None
    return moved(logsumexp(term.inputs[0], axes=inner.attrs["axes"]), moves)


def _is_kept(total: Tensor, axes: tuple[int, ...], ndim: int) -> bool:
    """Whether a reduction was aligned again with the axes it was taken over."""
    pattern: tuple[int | str, ...] = tuple(range(total.ndim))
    if total.op is dimshuffle:
        pattern, total = total.attrs["pattern"], total.inputs[0]
    rest = iter(range(total.ndim))
    aligned = tuple("x" if i in axes else next(rest, -1) for i in range(ndim))
    return ("x",) * (ndim - len(pattern)) + pattern == aligned


def _reduced(t: Tensor) -> Tensor:
    return t.inputs[0] if t.op is dimshuffle else t


def _softmax(node: Tensor) -> Tensor | None:
    """exp(x) over its sum, the sum aligned with the axes it was taken over."""
    exponentials, total = node.inputs
    summed = _reduced(total)
    if exponentials.op is not exp or summed.op is not reduce_sum:
        return None
    term, logits, axes = summed.inputs[0], exponentials.inputs[0], summed.attrs["axes"]
    if term.op is not exp or term.inputs[0] is not logits:
        return None
    return softmax(logits, axes=axes) if axes and _is_kept(total, axes, logits.ndim) else None


def _difference(node: Tensor) -> Tensor | None:
    """The input minus the logarithm of the sum of its exponentials."""
    logits, total = node.inputs
    summed = _reduced(total)
    if summed.op is not logsumexp or summed.inputs[0] is not logits:
        return None
    axes = summed.attrs["axes"]
    kept = axes and _is_kept(total, axes, logits.ndim)
    return log_softmax(logits, axes=axes) if kept else None


def _rows(reduced: Tensor) -> Tensor:
    return dimshuffle(reduced, (0, "x"))


def _quotient(dtype: str) -> Tensor:
    e = exp(variable(dtype, 2))
    return true_div(e, _rows(reduce_sum(e, axes=(1,))))


def _total(dtype: str) -> Tensor:
    return log(reduce_sum(exp(variable(dtype, 2)), axes=(1,)))


def _centred(dtype: str) -> Tensor:
    logits = variable(dtype, 2)
    return sub(logits, _rows(logsumexp(logits, axes=(1,))))


_SIGMOID: tuple[Rule, ...] = (
    _stable("sigmoid", true_div(1, add(1, exp(neg(x)))), sigmoid(x)),
    _stable("sigmoid_of_negative", true_div(1, add(1, exp(x))), sigmoid(neg(x))),
    _stable("sigmoid_power", pow(add(1, exp(neg(x))), -1), sigmoid(x)),
    _direct("sigmoid_quotient", true_div(exp(x), add(1, exp(x))), sigmoid(x)),
    _stable("sigmoid_complement", sub(1, sigmoid(x)), sigmoid(neg(x))),
    _stable("sigmoid_tanh", mul(0.5, add(1, tanh(mul(0.5, x)))), sigmoid(x)),
    _stable("sigmoid_tanh_quotient", true_div(add(1, tanh(true_div(x, 2))), 2), sigmoid(x)),
    _stable("log_sigmoid", log(sigmoid(x)), neg(softplus(neg(x)))),
    _stable("log_sigmoid_complement", log(sub(1, sigmoid(x))), neg(softplus(x))),
    _stable("log1p_minus_sigmoid", log1p(neg(sigmoid(x))), neg(softplus(x))),
    _stable("softplus", log(add(1, exp(x))), softplus(x)),
    _stable("log1p_exp", log1p(exp(x)), softplus(x)),
    _direct("minus_softplus", sub(x, softplus(x)), neg(softplus(neg(x)))),
    _direct("softplus_minus", sub(softplus(x), x), softplus(neg(x))),
)
_SOFTMAX: tuple[Rule, ...] = (
    _found("softmax", "true_div", _softmax, _quotient),
    _found("log_softmax", "log", _log_softmax, lambda d: log(softmax(variable(d, 2)))),
    _found("logsumexp", "log", _logsumexp, _total),
    _found("log_softmax_difference", "sub", _difference, _centred),
)
_EXPONENTIALS: tuple[Rule, ...] = (
    _direct("logaddexp", log(add(exp(x), exp(y))), logaddexp(x, y), relative=False),
    _stable("log1mexp", log(sub(1, exp(x))), log1mexp(x)),
    _stable("log1p_minus_exp", log1p(neg(exp(x))), log1mexp(x)),
    _stable("log_minus_expm1", log(neg(expm1(x))), log1mexp(x)),
    _stable("log_one_plus", log(add(1, x)), log1p(x)),
    _stable("log_one_minus", log(sub(1, x)), log1p(neg(x))),
    _direct("exp_minus_one", sub(exp(x), 1), expm1(x)),
    _direct("one_minus_exp", sub(1, exp(x)), neg(expm1(x))),
    # The slope of tanh is 1 - y * y: in the tails, right to within rounding of 1.
    _direct(
        "tanh",
        true_div(sub(exp(x), exp(neg(x))), add(exp(x), exp(neg(x)))),
        tanh(x),
        relative=False,
    ),
    _direct(
        "tanh_of_double",
        true_div(sub(exp(mul(2, x)), 1), add(exp(mul(2, x)), 1)),
        tanh(x),
        relative=False,
    ),
    _direct(
        "tanh_expm1",
        true_div(expm1(mul(2, x)), add(exp(mul(2, x)), 1)),
        tanh(x),
        relative=False,
    ),
)
STABILIZE: tuple[Rule, ...] = (*_SIGMOID, *_SOFTMAX, *_EXPONENTIALS)
_INDEX = index_rules(STABILIZE)


@no_test_values
def raised(outputs: Sequence[Tensor], pinned: Iterable[Tensor]) -> list[Tensor]:
    """The outputs with unstable formulas recognised, so that their stable ops differentiate.

    Nodes in ``pinned`` stay themselves, and no formula reaches through them: a gradient with
    respect to a sigmoid must still find it. A graph without such formulas is returned
    untouched.
    """
    hidden = {node: node.type(node.name) for node in pinned if node.op is not None}
    rewriter = Rewriter(_INDEX, fold=False)
    found = rewriter.run(substitute(outputs, hidden) if hidden else outputs)
    if not rewriter.fired:
        return list(outputs)
    return substitute(found, {stand_in: node for node, stand_in in hidden.items()})
