"""Functions of neural networks: activations and cross-entropies."""

from __future__ import annotations

from ..errors import DTypeError
from ..node import Tensor, TensorLike, as_tensor
from ..ops.composites import log_softmax as _log_softmax
from ..ops.composites import sigmoid, softplus
from ..ops.composites import softmax as _softmax
from ..ops.elementwise import cast, log
from ..ops.logic import eq, ge, lt, maximum, switch
from .creation import arange
from .reductions import Axis, sum

__all__ = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "logsoftmax",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
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
