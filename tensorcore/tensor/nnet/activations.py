"""Activations: functions of one tensor that networks put between their layers."""

from __future__ import annotations

from ...node import Tensor, TensorLike, as_tensor
from ...ops.composites import clip
from ...ops.composites import log_softmax as _log_softmax
from ...ops.composites import softmax as _softmax
from ...ops.elementwise import expm1
from ...ops.logic import ge, maximum, minimum, switch
from ..reductions import Axis


def softmax(x: TensorLike, axis: Axis = -1) -> Tensor:
    """``exp(x) / sum(exp(x))`` over ``axis``, the last by default: each row of a matrix."""
    x = as_tensor(x)
    return _softmax(x, axis)  # type: ignore[arg-type]


def logsoftmax(x: TensorLike, axis: Axis = -1) -> Tensor:
    """The logarithm of ``softmax(x, axis)``, computed without overflow or ``log(0)``."""
    return _log_softmax(as_tensor(x), axis)  # type: ignore[arg-type]


def relu(x: TensorLike, alpha: TensorLike = 0) -> Tensor:
    """``x`` where it is positive, ``alpha * x`` elsewhere."""
    x = as_tensor(x)
    if isinstance(alpha, (int, float)) and alpha == 0:
        return maximum(x, 0)
    return switch(x > 0, x, alpha * x)


def elu(x: TensorLike, alpha: TensorLike = 1) -> Tensor:
    """``x`` where it is positive, ``alpha * (exp(x) - 1)`` elsewhere."""
    x = as_tensor(x)
    # Of positive x no exponential is taken: it may overflow, and then its gradient is NaN.
    return switch(x > 0, x, alpha * expm1(minimum(x, 0)))


def selu(x: TensorLike) -> Tensor:
    """The self-normalising ``elu``: scaled so that layers keep mean 0 and variance 1.

    Its two constants are those of G. Klambauer et al., "Self-normalizing neural networks", 2017.
    """
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def softsign(x: TensorLike) -> Tensor:
    """``x / (1 + abs(x))``."""
    x = as_tensor(x)
    return x / (1 + abs(x))


def hard_sigmoid(x: TensorLike) -> Tensor:
    """The sigmoid as three straight lines: ``0.2 x + 0.5``, limited to 0 and 1."""
    return clip(0.2 * as_tensor(x) + 0.5, 0.0, 1.0)


def ultra_fast_sigmoid(x: TensorLike) -> Tensor:
    """The sigmoid approximated without an exponential, off by at most 0.028.

    Piecewise as in Theano, with half of ``x``: a quotient below 1.7, a straight line below 3,
    and then a constant, so that the values are from 0.00247262 to 0.99752738.
    """
    x = as_tensor(x)
    half = abs(x) * 0.5
    line = 0.935409070603099 + 0.0458812946797165 * (half - 1.7)
    rise = switch(half < 1.7, 1.5 * half / (1 + half), switch(half < 3, line, 0.99505475368673))
    return 0.5 * (1 + switch(ge(x, 0), rise, -rise))


def softmax_with_bias(x: TensorLike, b: TensorLike) -> Tensor:
    """``softmax(x + b)`` of each row, with a bias for each column."""
    return softmax(as_tensor(x) + b)
