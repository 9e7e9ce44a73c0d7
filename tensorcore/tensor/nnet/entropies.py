"""Cross-entropies: how far probabilities are from what was observed."""

from __future__ import annotations

from ...errors import DTypeError
from ...node import Tensor, TensorLike, as_tensor
from ...ops.checked import within
from ...ops.composites import softplus
from ...ops.creation import iota
from ...ops.elementwise import log
from ...ops.logic import eq, switch
from ..reductions import argmax, max, sum
from .activations import softmax


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
    (n,) of classes 0 to k - 1. Returns a vector (n,). A class outside that range raises OutOfRange
    at the call; any other ``true_dist`` DTypeError.
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
    known = within(true, classes, "a class lies outside: {0}, where there are {1} classes")
    column = known.dimshuffle(*range(true.ndim), "x")
    return -sum(switch(eq(iota(classes), column), log(coding), 0), axis=-1)


#: Theano's name for the cross-entropy with a vector of classes.
crossentropy_categorical_1hot = categorical_crossentropy


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
