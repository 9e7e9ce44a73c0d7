"""Layers with very many outputs, of which only some are computed."""

from __future__ import annotations

from typing import Any

from ...errors import ShapeError
from ...node import Tensor, TensorLike, as_tensor
from ...ops.contraction import contract
from ..checks import integers
from ..creation import arange
from ..products import batched_dot, dot, tensordot
from ..shapes import reshape
from .activations import softmax

__all__ = ["h_softmax", "sparse_block_dot"]


def h_softmax(
    x: TensorLike,
    batch_size: Any,
    n_outputs: Any,
    n_classes: Any,
    n_outputs_per_class: Any,
    W1: TensorLike,
    b1: TensorLike,
    W2: TensorLike,
    b2: TensorLike,
    target: TensorLike | None = None,
) -> Tensor:
    """A softmax in two levels: first of a class of outputs, then of an output in the class
    (J. Goodman, "Classes for fast maximum entropy training", 2001).

    ``x`` (batch, features); ``W1`` (features, classes) and ``b1`` (classes); ``W2`` (classes,
    features, outputs per class) and ``b2`` (classes, outputs per class). With ``target``, an
    integer vector of one output for each row: the vector of their probabilities, for which only
    the classes of the targets are computed. Without: the matrix (batch, ``n_outputs``) of all.
    Raises ShapeError or TypeError.
    """
    rows, inner, bias = as_tensor(x), as_tensor(W2), as_tensor(b2)
    if rows.ndim != 2 or inner.ndim != 3 or bias.ndim != 2:
        raise ShapeError(
            f"h_softmax: x, W2 and b2 have 2, 3 and 2 dimensions; found {rows.type!r}, "
            f"{inner.type!r} and {bias.type!r}."
        )
    of_class = softmax(dot(rows, W1) + b1)
    if target is None:
        within = softmax(tensordot(rows, inner, (1, 1)) + bias)
        all_of_them = of_class.dimshuffle(0, 1, "x") * within
        return reshape(all_of_them, (batch_size, n_classes * n_outputs_per_class))[:, :n_outputs]
    wanted = integers(target, "h_softmax: the target").flatten()
    row, chosen = arange(batch_size), wanted // n_outputs_per_class
    scores = batched_dot(rows.dimshuffle(0, "x", 1), inner[chosen])[:, 0] + bias[chosen]
    return of_class[row, chosen] * softmax(scores)[row, wanted % n_outputs_per_class]


def sparse_block_dot(
    W: TensorLike, h: TensorLike, inputIdx: TensorLike, b: TensorLike, outputIdx: TensorLike
) -> Tensor:
    """A layer of which some blocks of inputs and of outputs take part, for each row others.

    ``W`` (blocks in, blocks out, size in, size out); ``h`` (batch, chosen blocks in, size in) and
    which they are, ``inputIdx`` (batch, chosen in); ``b`` (blocks out, size out); ``outputIdx``
    (batch, chosen out). Returns (batch, chosen out, size out): for each chosen block its bias and
    the sum of the products with all chosen blocks in. Raises ShapeError or TypeError.
    """
    weights, values = as_tensor(W), as_tensor(h)
    left = integers(inputIdx, "sparse_block_dot: inputIdx")
    right = integers(outputIdx, "sparse_block_dot: outputIdx")
    if (weights.ndim, values.ndim, left.ndim, right.ndim) != (4, 3, 2, 2):
        raise ShapeError(
            f"sparse_block_dot: W, h, inputIdx and outputIdx have 4, 3, 2 and 2 dimensions; found "
            f"{weights.ndim}, {values.ndim}, {left.ndim} and {right.ndim}."
        )
    chosen = weights[left.dimshuffle(0, 1, "x"), right.dimshuffle(0, "x", 1)]
    summed = contract(values, chosen, a=(0, 1, 3), b=(0, 1, 2, 3, 4), out=(0, 2, 4))
    return summed + as_tensor(b)[right]
