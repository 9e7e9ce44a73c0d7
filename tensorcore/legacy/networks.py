"""Names of ``theano.tensor.nnet`` and ``theano.tensor.signal`` that only old programs use."""

from __future__ import annotations

from typing import Any

from .. import tensor
from ..node import Tensor, as_tensor
from ..tensor import nnet
from .known_ops import made_class
from .op_classes import SoftmaxGrad
from .scalars import scalar_op

__all__ = [
    "CrossentropyCategorical1Hot", "CrossentropySoftmaxArgmax1HotWithBias", "LogSoftmax",
    "ScalarSigmoid", "ScalarSoftplus", "Softmax", "SoftmaxGrad", "SoftmaxWithBias",
    "SparseBlockGemv", "UltraFastScalarSigmoid", "binary_crossentropy",
    "categorical_crossentropy", "confusion_matrix", "graph", "logsoftmax", "logsoftmax_op",
    "prepend_0_to_each_row", "prepend_1_to_each_row", "prepend_scalar_to_each_row",
    "scalar_sigmoid", "scalar_softplus", "softmax", "softmax_grad", "softmax_graph", "softmax_op",
    "softsign", "sparse_block_gemv",
]  # fmt: skip


def softmax(c: Any) -> Tensor:
    """``nnet.softmax``; a vector becomes a matrix of one row first, as in Theano."""
    return nnet.softmax(_rows(c))


def logsoftmax(c: Any) -> Tensor:
    """``nnet.logsoftmax``; a vector becomes a matrix of one row first, as in Theano."""
    return nnet.logsoftmax(_rows(c))


def _rows(c: Any) -> Tensor:
    x = as_tensor(c)
    return tensor.shape_padleft(x) if x.ndim == 1 else x


binary_crossentropy = nnet.binary_crossentropy
categorical_crossentropy = nnet.categorical_crossentropy
softsign = nnet.softsign
softmax_graph = softmax_op = graph = softmax
logsoftmax_op, softmax_grad = logsoftmax, SoftmaxGrad()
scalar_sigmoid, scalar_softplus = scalar_op("sigmoid"), scalar_op("softplus")
ScalarSigmoid, ScalarSoftplus = type(scalar_sigmoid), type(scalar_softplus)
UltraFastScalarSigmoid = ScalarSigmoid


Softmax = made_class("Softmax", "softmax", apply=lambda op, x: softmax(x))
LogSoftmax = made_class("LogSoftmax", "log_softmax", apply=lambda op, x: logsoftmax(x))
SoftmaxWithBias = made_class("SoftmaxWithBias", apply=lambda op, x, b: softmax(x + b))
CrossentropySoftmaxArgmax1HotWithBias = made_class(
    "CrossentropySoftmaxArgmax1HotWithBias",
    apply=lambda op, x, b, y: nnet.crossentropy_softmax_argmax_1hot_with_bias(x, b, y),
)  # fmt: skip
CrossentropyCategorical1Hot = made_class(
    "CrossentropyCategorical1Hot", apply=lambda op, p, y: nnet.categorical_crossentropy(p, y)
)


def prepend_scalar_to_each_row(val: Any, mat: Any) -> Tensor:
    """The matrix with a column in front."""
    m = as_tensor(mat)
    return tensor.concatenate([tensor.fill(m[:, :1], val), m], axis=1)


def prepend_1_to_each_row(mat: Any) -> Tensor:
    """The matrix with a column of ones in front."""
    return prepend_scalar_to_each_row(1, mat)


def prepend_0_to_each_row(mat: Any) -> Tensor:
    """The matrix with a column of zeros in front."""
    return prepend_scalar_to_each_row(0, mat)


def confusion_matrix(actual: Any, pred: Any) -> list[Tensor]:
    """How often each class (row) was taken for each (column), and the classes in their order."""
    found = [as_tensor(actual), as_tensor(pred)]
    for word, x in zip(("actual", "pred"), found, strict=True):
        if x.ndim != 1:
            raise ValueError(f"confusion_matrix: {word} must be a vector, found {x.type!r}.")
    order = tensor.unique(tensor.concatenate(found))
    marks = [
        tensor.cast(tensor.eq(tensor.shape_padright(x), tensor.shape_padleft(order)), "int64")
        for x in found
    ]
    return [tensor.dot(marks[0].T, marks[1]), order]


class SparseBlockGemv:
    """``SparseBlockGemv()(o, W, h, inputIdx, outputIdx)``: ``o`` plus the blocks of ``W`` that the
    indices name, times the blocks of ``h``."""

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def __call__(self, o: Any, W: Any, h: Any, inputIdx: Any, outputIdx: Any) -> Tensor:
        """See ``sparse_block_dot``, which this is without its bias."""
        zero = tensor.zeros(
            (as_tensor(W).shape[1], as_tensor(W).shape[3]), dtype=as_tensor(W).dtype
        )
        return as_tensor(o) + nnet.sparse_block_dot(W, h, inputIdx, zero, outputIdx)


sparse_block_gemv = SparseBlockGemv()
