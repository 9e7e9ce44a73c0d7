"""Names of ``theano.tensor.nnet`` and ``theano.tensor.signal`` that only old programs use."""

from __future__ import annotations

from typing import Any

from .. import tensor
from ..node import Tensor, as_tensor
from ..tensor import nnet
from ..tensor.nnet import conv as _conv
from ..tensor.nnet import softmax
from .known_ops import made_class

__all__ = [
    "AbstractConv2d", "AbstractConv2d_gradInputs", "AbstractConv2d_gradWeights",
    "AbstractConv3d_gradInputs", "ConvOp", "CorrMM", "CrossentropyCategorical1Hot", "CrossentropySoftmaxArgmax1HotWithBias",
    "LogSoftmax", "Pool", "ScalarSigmoid", "Softmax", "SoftmaxWithBias", "abstract_conv2d", "conv2d", "get_conv_shape_1axis",
    "local_conv2d", "prepend_1_to_each_row", "prepend_scalar_to_each_row", "softsign",
    "binary_crossentropy", "categorical_crossentropy", "graph", "softmax_graph", "softmax_op",
]  # fmt: skip

binary_crossentropy = nnet.binary_crossentropy
categorical_crossentropy = nnet.categorical_crossentropy
softsign = nnet.softsign
softmax_graph = softmax_op = graph = softmax


def ScalarSigmoid(*args: Any, **kwargs: Any) -> Any:
    """Theano's scalar op: ``theano.scalar.ScalarSigmoid``."""
    from .scalars import scalar_op

    return scalar_op("sigmoid")



Softmax = made_class("Softmax", "softmax", apply=lambda op, x: softmax(x))
LogSoftmax = made_class("LogSoftmax", "log_softmax", apply=lambda op, x: nnet.logsoftmax(x))
SoftmaxWithBias = made_class("SoftmaxWithBias", apply=lambda op, x, b: softmax(x + b))
CrossentropySoftmaxArgmax1HotWithBias = made_class(
    "CrossentropySoftmaxArgmax1HotWithBias",
    apply=lambda op, x, b, y: nnet.crossentropy_softmax_argmax_1hot_with_bias(x, b, y),
)  # fmt: skip
CrossentropyCategorical1Hot = made_class(
    "CrossentropyCategorical1Hot", apply=lambda op, p, y: nnet.categorical_crossentropy(p, y)
)


def conv2d(
    input: Any, filters: Any, image_shape: Any = None, filter_shape: Any = None,
    border_mode: Any = "valid", subsample: Any = (1, 1), filter_flip: bool = True,
    input_shape: Any = None, filter_dilation: Any = (1, 1), num_groups: int = 1,
    unshared: bool = False, **old: Any,
) -> Tensor:  # fmt: skip
    """``T.nnet.conv2d``; the third argument was ``image_shape`` and is ``input_shape``."""
    return nnet.conv2d(
        input, filters, input_shape or image_shape, filter_shape, border_mode, subsample,
        filter_flip, None, filter_dilation, num_groups, unshared,
    )  # fmt: skip


class _Convolution:
    """A convolution, or a gradient of one, as an object that is called with tensors."""

    ndim = 2

    def __init__(
        self, imshp: Any = None, kshp: Any = None, border_mode: Any = "valid",
        subsample: Any = None, filter_flip: bool = True, filter_dilation: Any = None,
        **rest: Any,
    ) -> None:  # fmt: skip
        self.imshp, self.kshp, self.border_mode = imshp, kshp, border_mode
        self.subsample = subsample or (1,) * self.ndim
        self.filter_flip = filter_flip
        self.filter_dilation = filter_dilation or (1,) * self.ndim

    def _facts(self) -> dict[str, Any]:
        return {
            "border_mode": self.border_mode, "subsample": self.subsample,
            "filter_flip": self.filter_flip, "filter_dilation": self.filter_dilation,
        }  # fmt: skip


class AbstractConv2d(_Convolution):
    """``AbstractConv2d(...)(images, filters)`` is ``conv2d``."""

    def __call__(self, img: Any, kern: Any) -> Tensor:
        """The convolution."""
        return nnet.conv2d(img, kern, **self._facts())


class AbstractConv2d_gradInputs(_Convolution):
    """The gradient of a convolution by its images, as used for transposed convolutions."""

    def __call__(self, kern: Any, topgrad: Any, shape: Any) -> Tensor:
        """The gradient: ``shape`` has rows and columns of the images."""
        x, w = as_tensor(topgrad), as_tensor(kern)
        whole = (x.shape[0], w.shape[1], shape[0], shape[1])
        if self.imshp is not None:
            whole = tuple(a if a is not None else b for a, b in zip(self.imshp, whole, strict=True))
        return _conv.conv2d_grad_wrt_inputs(x, w, whole, None, **self._facts())


class AbstractConv2d_gradWeights(_Convolution):
    """The gradient of a convolution by its filters."""

    def __call__(self, img: Any, topgrad: Any, shape: Any) -> Tensor:
        """The gradient: ``shape`` has rows and columns of the filters."""
        x, g = as_tensor(img), as_tensor(topgrad)
        whole = (g.shape[1], x.shape[1], shape[0], shape[1])
        if self.kshp is not None:
            whole = tuple(a if a is not None else b for a, b in zip(self.kshp, whole, strict=True))
        return _conv.conv2d_grad_wrt_weights(x, g, whole, None, **self._facts())


class AbstractConv3d_gradInputs(_Convolution):
    """The gradient of a convolution of volumes by its input."""

    ndim = 3

    def __call__(self, kern: Any, topgrad: Any, shape: Any) -> Tensor:
        """The gradient, by differentiating a convolution."""
        g, w = as_tensor(topgrad), as_tensor(kern)
        x = tensor.zeros((g.shape[0], w.shape[1], *(shape[k] for k in range(3))), dtype=g.dtype)
        made: Tensor = tensor.Lop(nnet.conv3d(x, w, **self._facts()), x, g)
        return made


CorrMM = AbstractConv2d


class ConvOp:
    """Theano's first convolution; what it computes is ``conv2d``."""

    @staticmethod
    def getOutputShape(
        inshp: Any, kshp: Any, stride: Any = (1, 1), mode: Any = "valid", **rest: Any
    ) -> tuple[Any, ...]:
        """Rows and columns of a result, from those of image and filter."""
        return tuple(
            get_conv_shape_1axis(i, k, mode, s) for i, k, s in zip(inshp, kshp, stride, strict=True)
        )


def get_conv_shape_1axis(
    image_shape: Any, kernel_shape: Any, border_mode: Any, subsample: Any, dilation: Any = 1
) -> Any:
    """The size of one axis of the result of a convolution; None where one is not known."""
    if None in (image_shape, kernel_shape, border_mode, subsample, dilation):
        return None
    size = (kernel_shape - 1) * dilation + 1
    if border_mode == "half":
        pads = 2 * (size // 2)
    elif border_mode == "full":
        pads = 2 * (size - 1)
    elif border_mode == "valid":
        pads = 0
    elif isinstance(border_mode, (tuple, list)):
        pads = sum(border_mode)
    else:
        pads = 2 * border_mode
    return (image_shape + pads - size) // subsample + 1


class Pool:
    """``Pool.out_shape``: the size of the result of pooling; see also ``pool_2d``."""

    def __init__(
        self, ignore_border: bool = False, mode: str = "max", ndim: int = 2, **k: Any
    ) -> None:
        self.ignore_border, self.mode, self.ndim = ignore_border, mode, ndim

    def __call__(self, x: Any, ws: Any, stride: Any = None, pad: Any = None) -> Tensor:
        """The pooling."""
        from ..tensor.signal.pool import pool_2d, pool_3d

        pool = pool_2d if self.ndim == 2 else pool_3d
        return pool(x, ws, self.ignore_border, stride, pad or (0,) * self.ndim, self.mode)

    @staticmethod
    def out_shape(
        imgshape: Any, ws: Any = None, ignore_border: bool = False, stride: Any = None,
        pad: Any = None, ndim: int = 2, ds: Any = None, st: Any = None, padding: Any = None,
    ) -> list[Any]:  # fmt: skip
        """The shape of the result: the leading axes, then a size for each pooled one."""
        ws = ds if ws is None else ws
        stride = stride or st or ws
        pad = pad or padding or (0,) * ndim
        made = list(imgshape[:-ndim])
        for size, w, s, p in zip(imgshape[-ndim:], ws, stride, pad, strict=True):
            size = size + 2 * p
            if ignore_border:
                made.append((size - w) // s + 1)
            elif s >= w:
                made.append((size - 1) // s + 1)
            else:
                made.append(max(0, (size - 1 - w + s) // s) + 1)
        return made


def prepend_scalar_to_each_row(val: Any, mat: Any) -> Tensor:
    """The matrix with a column in front."""
    m = as_tensor(mat)
    return tensor.concatenate([tensor.fill(m[:, :1], val), m], axis=1)


def prepend_1_to_each_row(mat: Any) -> Tensor:
    """The matrix with a column of ones in front."""
    return prepend_scalar_to_each_row(1, mat)


local_conv2d = abstract_conv2d = conv2d
