"""Functions of neural networks: activations and cross-entropies."""

from __future__ import annotations

from ..errors import DTypeError
from ..node import Tensor, TensorLike, as_tensor
from ..ops.composites import clip, sigmoid, softplus
from ..ops.composites import log_softmax as _log_softmax
from ..ops.composites import softmax as _softmax
from ..ops.elementwise import cast, expm1, log
from ..ops.logic import eq, ge, lt, maximum, minimum, switch
from .convolution import (
    conv2d,
    conv2d_grad_wrt_inputs,
    conv2d_grad_wrt_weights,
    conv2d_transpose,
    conv3d,
)
from .creation import arange
from .reductions import Axis, argmax, max, sum

__all__ = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "conv2d",
    "conv2d_grad_wrt_inputs",
    "conv2d_grad_wrt_weights",
    "conv2d_transpose",
    "conv3d",
    "crossentropy_categorical_1hot",
    "crossentropy_softmax_1hot",
    "crossentropy_softmax_1hot_with_bias",
    "crossentropy_softmax_argmax_1hot_with_bias",
    "crossentropy_softmax_max_and_argmax_1hot",
    "crossentropy_softmax_max_and_argmax_1hot_with_bias",
    "elu",
    "hard_sigmoid",
    "logsoftmax",
    "relu",
    "selu",
    "sigmoid",
    "sigmoid_binary_crossentropy",
    "softmax",
    "softmax_with_bias",
    "softplus",
    "softsign",
    "ultra_fast_sigmoid",
]


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


def sigmoid_binary_crossentropy(output: TensorLike, target: TensorLike) -> Tensor:
    """``binary_crossentropy(sigmoid(output), target)``, stable by itself."""
    output, target = as_tensor(output), as_tensor(target)
    return target * softplus(-output) + (1 - target) * softplus(output)


def binary_crossentropy(output: TensorLike, target: TensorLike) -> Tensor:
    """``-(t log(o) + (1 - t) log(1 - o))`` at each point; stable when ``o`` is a sigmoid."""
    output, target = as_tensor(output), as_tensor(target)
    return -(target * log(output) + (1 - target) * log(1 - output))


def categorical_crossentropy(coding_dist: TensorLike, true_dist: TensorLike) -> Tensor:
    """The cross-entropy of each row of probabilities; stable when they are a softmax.

    ``coding_dist``: matrix (n, k). ``true_dist``: probabilities (n, k), or an integer vector
    (n,) of classes 0 to k - 1. Returns a vector (n,). A class outside that range has no
    entropy: its entry is NaN. Raises DTypeError for any other ``true_dist``.
    """
    coding, true = as_tensor(coding_dist), as_tensor(true_dist)
    if true.ndim == coding.ndim:
        return -sum(true * log(coding), axis=-1)
    if true.ndim != coding.ndim - 1 or true.dtype.rstrip("0123456789") not in ("int", "uint"):
        raise DTypeError(
            f"categorical_crossentropy: the classes must be integers with one dimension less "
            f"than the probabilities ({coding.ndim}), or probabilities themselves; found "
            f"{true.type!r}."
        )
    classes = coding.shape[coding.ndim - 1]
    column = true.dimshuffle(*range(true.ndim), "x")
    chosen = switch(eq(arange(classes), column), log(coding), 0)
    known = ge(true, 0) & lt(true, classes)
    missing = cast(float("nan"), coding.dtype)
    return switch(known, -sum(chosen, axis=-1), missing)


#: Theano's name for the cross-entropy with a vector of classes.
crossentropy_categorical_1hot = categorical_crossentropy


def softmax_with_bias(x: TensorLike, b: TensorLike) -> Tensor:
    """``softmax(x + b)`` of each row, with a bias for each column."""
    return softmax(as_tensor(x) + b)


def crossentropy_softmax_1hot(x: TensorLike, y_idx: TensorLike) -> tuple[Tensor, Tensor]:
    """Of each row of the matrix ``x``, the cross-entropy of its softmax with the class in the
    vector ``y_idx``; and the softmax."""
    found = softmax(x)
    return categorical_crossentropy(found, y_idx), found


def crossentropy_softmax_1hot_with_bias(
    x: TensorLike, b: TensorLike, y_idx: TensorLike
) -> tuple[Tensor, Tensor]:
    """``crossentropy_softmax_1hot(x + b, y_idx)``."""
    return crossentropy_softmax_1hot(as_tensor(x) + b, y_idx)


def crossentropy_softmax_argmax_1hot_with_bias(
    x: TensorLike, b: TensorLike, y_idx: TensorLike
) -> tuple[Tensor, Tensor, Tensor]:
    """Cross-entropy and softmax of ``x + b``, and for each row the most likely class."""
    entropy, found, _, best = crossentropy_softmax_max_and_argmax_1hot_with_bias(x, b, y_idx)
    return entropy, found, best


def crossentropy_softmax_max_and_argmax_1hot(
    x: TensorLike, y_idx: TensorLike
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Cross-entropy and softmax of ``x``, the greatest probability of each row, and its class."""
    entropy, found = crossentropy_softmax_1hot(x, y_idx)
    return entropy, found, max(found, axis=-1), argmax(found, axis=-1)


def crossentropy_softmax_max_and_argmax_1hot_with_bias(
    x: TensorLike, b: TensorLike, y_idx: TensorLike
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """``crossentropy_softmax_max_and_argmax_1hot(x + b, y_idx)``."""
    return crossentropy_softmax_max_and_argmax_1hot(as_tensor(x) + b, y_idx)
