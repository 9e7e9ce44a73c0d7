"""Rules that replace a formula by one that is no further from the true value.

The set is confluent where it matters: the logarithm of a sigmoid or of its complement ends as
the same softplus, whichever rule fires first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..graph import substitute
from ..node import Tensor
from ..ops.composites import log_softmax, logsumexp, sigmoid, softmax, softplus
from ..ops.elementwise import add, exp, expm1, log, log1p, neg, pow, sub, true_div
from ..ops.reduction import reduce_sum
from .engine import Rewriter, index_rules
from .pattern import Exactness, Rule, moved, rule, skip_moves, var

STABLE = Exactness.STABLE
x = var("x")


def _stable(name: str, left: Tensor, right: Tensor) -> Rule:
    return rule(name, left, right, STABLE, through_moves=True)


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


def _softmax(node: Tensor) -> Tensor | None:
    """exp(x) over its sum, the sum aligned with the axes it was taken over."""
    exponentials, total = node.inputs
    pattern: tuple[int | str, ...] = tuple(range(total.ndim))
    if total.op is not None and total.op.name == "dimshuffle":
        pattern, total = total.attrs["pattern"], total.inputs[0]
    if exponentials.op is not exp or total.op is not reduce_sum:
        return None
    summed, logits, axes = total.inputs[0], exponentials.inputs[0], total.attrs["axes"]
    if summed.op is not exp or summed.inputs[0] is not logits:
        return None
    rest = iter(range(total.ndim))
    aligned = tuple("x" if i in axes else next(rest) for i in range(logits.ndim))
    padded = ("x",) * (logits.ndim - len(pattern)) + pattern
    return softmax(logits, axes=axes) if padded == aligned else None


STABILIZE: tuple[Rule, ...] = (
    _stable("sigmoid", true_div(1, add(1, exp(neg(x)))), sigmoid(x)),
    _stable("sigmoid_of_negative", true_div(1, add(1, exp(x))), sigmoid(neg(x))),
    _stable("sigmoid_power", pow(add(1, exp(neg(x))), -1), sigmoid(x)),
    rule("sigmoid_quotient", true_div(exp(x), add(1, exp(x))), sigmoid(x), STABLE),
    _stable("sigmoid_complement", sub(1, sigmoid(x)), sigmoid(neg(x))),
    _stable("log_sigmoid", log(sigmoid(x)), neg(softplus(neg(x)))),
    _stable("log_sigmoid_complement", log(sub(1, sigmoid(x))), neg(softplus(x))),
    _stable("log1p_minus_sigmoid", log1p(neg(sigmoid(x))), neg(softplus(x))),
    _stable("softplus", log(add(1, exp(x))), softplus(x)),
    _stable("log1p_exp", log1p(exp(x)), softplus(x)),
    Rule("softmax", "true_div", STABLE, apply=_softmax),
    Rule("log_softmax", "log", STABLE, apply=_log_softmax),
    Rule("logsumexp", "log", STABLE, apply=_logsumexp),
    rule("log_one_plus", log(add(1, x)), log1p(x), STABLE),
    rule("log_one_minus", log(sub(1, x)), log1p(neg(x)), STABLE),
    rule("exp_minus_one", sub(exp(x), 1), expm1(x), STABLE),
)
_INDEX = index_rules(STABILIZE)


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
