"""Convolutions and poolings under names that only old programs use: ops by class, shapes by hand,
and forms that are made of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import tensor
from ..node import Tensor, as_tensor
from ..tensor import nnet
from ..tensor.nnet import conv as _conv
from ..tensor.signal.pool import pool_2d, pool_3d

__all__ = [
    "AbstractConv2d", "AbstractConv2d_gradInputs", "AbstractConv2d_gradWeights", "AbstractConv3d",
    "AbstractConv3d_gradInputs", "AbstractConv3d_gradWeights", "ConvOp", "CorrMM",
    "DownsampleFactorMax", "Images2Neibs", "Pool", "abstract_conv2d", "assert_conv_shape",
    "bilinear_kernel_1D", "bilinear_kernel_2D", "causal_conv1d", "conv2d",
    "conv3d_grad_wrt_inputs", "conv3d_grad_wrt_weights", "frac_bilinear_upsampling",
    "get_conv_gradinputs_shape", "get_conv_gradweights_shape", "get_conv_shape_1axis",
    "local_conv2d", "max_pool_2d_same_size", "separable_conv2d", "separable_conv3d",
]  # fmt: skip


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

    def _whole(self, known: Any, first: tuple[Any, ...], shape: Any) -> tuple[Any, ...]:
        """A shape: what was known of it at the beginning, the rest from the call."""
        whole = (*first, *(shape[k] for k in range(self.ndim)))
        known = known or (None,) * len(whole)
        return tuple(b if a is None else a for a, b in zip(known, whole, strict=True))


class AbstractConv2d(_Convolution):
    """``AbstractConv2d(...)(images, filters)`` is ``conv2d``."""

    def __call__(self, img: Any, kern: Any) -> Tensor:
        """The convolution."""
        return nnet.conv2d(img, kern, **self._facts())


class AbstractConv2d_gradInputs(_Convolution):
    """The gradient of a convolution by its images, as used for transposed convolutions."""

    def __call__(self, kern: Any, topgrad: Any, shape: Any) -> Tensor:
        """The gradient: ``shape`` has the last sizes of the images."""
        g, w = as_tensor(topgrad), as_tensor(kern)
        whole = self._whole(self.imshp, (g.shape[0], w.shape[1]), shape)
        by_inputs = _conv.conv2d_grad_wrt_inputs if self.ndim == 2 else conv3d_grad_wrt_inputs
        return by_inputs(g, w, whole, None, **self._facts())


class AbstractConv2d_gradWeights(_Convolution):
    """The gradient of a convolution by its filters."""

    def __call__(self, img: Any, topgrad: Any, shape: Any) -> Tensor:
        """The gradient: ``shape`` has the last sizes of the filters."""
        x, g = as_tensor(img), as_tensor(topgrad)
        whole = self._whole(self.kshp, (g.shape[1], x.shape[1]), shape)
        by_weights = _conv.conv2d_grad_wrt_weights if self.ndim == 2 else conv3d_grad_wrt_weights
        return by_weights(x, g, whole, None, **self._facts())


class AbstractConv3d(_Convolution):
    """``AbstractConv3d(...)(volumes, filters)`` is ``conv3d``."""

    ndim = 3

    def __call__(self, img: Any, kern: Any) -> Tensor:
        """The convolution."""
        return nnet.conv3d(img, kern, **self._facts())


class AbstractConv3d_gradInputs(AbstractConv2d_gradInputs):
    """The gradient of a convolution of volumes by its input."""

    ndim = 3


class AbstractConv3d_gradWeights(AbstractConv2d_gradWeights):
    """The gradient of a convolution of volumes by its filters."""

    ndim = 3


def conv3d_grad_wrt_inputs(
    output_grad: Any, filters: Any, input_shape: Any, filter_shape: Any = None,
    border_mode: Any = "valid", subsample: Any = (1, 1, 1), filter_flip: bool = True,
    filter_dilation: Any = (1, 1, 1), num_groups: int = 1,
) -> Tensor:  # fmt: skip
    """The gradient of ``conv3d`` by its input, of this shape, by differentiating it."""
    g, w = as_tensor(output_grad), as_tensor(filters)
    x = tensor.zeros(tuple(input_shape), dtype=g.dtype)
    rest = border_mode, subsample, filter_flip, filter_dilation, num_groups
    return _slope(x, g, nnet.conv3d(x, w, None, None, *rest))


def conv3d_grad_wrt_weights(
    input: Any, output_grad: Any, filter_shape: Any, input_shape: Any = None,
    border_mode: Any = "valid", subsample: Any = (1, 1, 1), filter_flip: bool = True,
    filter_dilation: Any = (1, 1, 1), num_groups: int = 1,
) -> Tensor:  # fmt: skip
    """The gradient of ``conv3d`` by its filters, of this shape, by differentiating it."""
    x, g = as_tensor(input), as_tensor(output_grad)
    w = tensor.zeros(tuple(filter_shape), dtype=g.dtype)
    rest = border_mode, subsample, filter_flip, filter_dilation, num_groups
    return _slope(w, g, nnet.conv3d(x, w, None, None, *rest))


def _slope(of: Tensor, g: Tensor, y: Tensor) -> Tensor:
    made: Tensor = tensor.Lop(y, of, g)
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


def _per_channel(
    conv: Any, input: Any, depthwise: Any, pointwise: Any, channels: int, *rest: Any
) -> Tensor:
    border_mode, subsample, filter_flip, dilation = rest
    deep = conv(
        input, depthwise, border_mode=border_mode, subsample=subsample, filter_flip=filter_flip,
        filter_dilation=dilation, num_groups=channels,
    )  # fmt: skip
    made: Tensor = conv(deep, pointwise, filter_flip=filter_flip)
    return made


def separable_conv2d(
    input: Any, depthwise_filters: Any, pointwise_filters: Any, num_channels: int,
    input_shape: Any = None, depthwise_filter_shape: Any = None,
    pointwise_filter_shape: Any = None, border_mode: Any = "valid", subsample: Any = (1, 1),
    filter_flip: bool = True, filter_dilation: Any = (1, 1),
) -> Tensor:  # fmt: skip
    """Filters for each channel alone, and then filters of one place over the results."""
    return _per_channel(
        nnet.conv2d, input, depthwise_filters, pointwise_filters, num_channels, border_mode,
        subsample, filter_flip, filter_dilation,
    )  # fmt: skip


def separable_conv3d(
    input: Any, depthwise_filters: Any, pointwise_filters: Any, num_channels: int,
    input_shape: Any = None, depthwise_filter_shape: Any = None,
    pointwise_filter_shape: Any = None, border_mode: Any = "valid", subsample: Any = (1, 1, 1),
    filter_flip: bool = True, filter_dilation: Any = (1, 1, 1),
) -> Tensor:  # fmt: skip
    """The same of volumes."""
    return _per_channel(
        nnet.conv3d, input, depthwise_filters, pointwise_filters, num_channels, border_mode,
        subsample, filter_flip, filter_dilation,
    )  # fmt: skip


def causal_conv1d(
    input: Any, filters: Any, filter_shape: Sequence[int], input_shape: Any = None,
    subsample: int = 1, filter_flip: bool = True, filter_dilation: int = 1, num_groups: int = 1,
    unshared: bool = False,
) -> Tensor:  # fmt: skip
    """A convolution of sequences (batch, channels, time) in which no result looks ahead."""
    x, w = as_tensor(input), as_tensor(filters)
    early = filter_dilation * (filter_shape[2] - 1)
    made = nnet.conv2d(
        x.dimshuffle(0, 1, 2, "x"), w.dimshuffle(0, 1, 2, "x"), border_mode=((early, 0), (0, 0)),
        subsample=(subsample, 1), filter_flip=filter_flip, filter_dilation=(filter_dilation, 1),
        num_groups=num_groups, unshared=unshared,
    )  # fmt: skip
    found: Tensor = made[:, :, :, 0]
    return found


def bilinear_kernel_1D(ratio: Any, normalize: bool = True) -> Tensor:
    """The weights by which lines are drawn between entries ``ratio`` apart."""
    r = as_tensor(ratio)
    half = _floating(tensor.arange(1, r + 1))
    made = tensor.concatenate([half, half[-2::-1]])
    return made / _floating(r) if normalize else made


def _floating(x: Any) -> Tensor:
    """The numbers in floatX."""
    return tensor.cast(x, "floatX")


def bilinear_kernel_2D(ratio: Any, normalize: bool = True) -> Tensor:
    """The weights for rows and columns, (1, 1, 2 ratio - 1, 2 ratio - 1)."""
    line = bilinear_kernel_1D(ratio, normalize)
    made: Tensor = tensor.outer(line, line).dimshuffle("x", "x", 0, 1)
    return made


def frac_bilinear_upsampling(input: Any, frac_ratio: Any) -> Tensor:
    """``bilinear_upsampling`` by a ratio that is no whole number."""
    return nnet.bilinear_upsampling(input, frac_ratio=frac_ratio)


def get_conv_gradinputs_shape(
    kernel_shape: Any, top_shape: Any, border_mode: Any, subsample: Any,
    filter_dilation: Any = None, num_groups: int = 1,
) -> tuple[Any, ...]:  # fmt: skip
    """The shape of the input of a convolution, from those of filters and result; None for sizes
    that these do not decide."""
    sizes = _undone(kernel_shape[2:], top_shape[2:], border_mode, subsample, filter_dilation)
    return (top_shape[0], kernel_shape[1] * num_groups, *sizes)


def get_conv_gradweights_shape(
    image_shape: Any, top_shape: Any, border_mode: Any, subsample: Any, filter_dilation: Any = None,
    num_groups: int = 1, unshared: bool = False,
) -> tuple[Any, ...]:  # fmt: skip
    """The shape of the filters of a convolution, from those of input and result; None for sizes
    that these do not decide."""
    sizes: list[Any] = []
    for k, (i, t) in enumerate(zip(image_shape[2:], top_shape[2:], strict=True)):
        step, wide = subsample[k], 1 if filter_dilation is None else filter_dilation[k]
        mode = border_mode[k] if isinstance(border_mode, (tuple, list)) else border_mode
        if None in (i, t) or step != 1 or mode == "half":
            sizes.append(None)
        elif mode == "full":
            sizes.append((t - i) // wide + 1)
        else:
            sizes.append((i + 2 * (0 if mode == "valid" else mode) - t) // wide + 1)
    return (top_shape[1], image_shape[1] // num_groups, *sizes)


def _undone(kernel: Any, top: Any, border_mode: Any, subsample: Any, dilation: Any) -> list[Any]:
    sizes: list[Any] = []
    for k, (w, t) in enumerate(zip(kernel, top, strict=True)):
        mode = border_mode[k] if isinstance(border_mode, (tuple, list)) else border_mode
        if None in (w, t) or subsample[k] != 1:
            sizes.append(None)
            continue
        size = (w - 1) * (1 if dilation is None else dilation[k]) + 1
        pads = {"valid": 0, "half": 2 * (size // 2), "full": 2 * (size - 1)}
        sizes.append(t - 1 + size - (pads[mode] if isinstance(mode, str) else 2 * mode))
    return sizes


def assert_conv_shape(shape: Any) -> Any:
    """The shape: that convolutions fit is always checked."""
    return tuple(shape)


def max_pool_2d_same_size(input: Any, patch_size: Any) -> Tensor:
    """The images with zeros for all entries that are not the largest of their patch."""
    x = as_tensor(input)
    best = pool_2d(x, tuple(patch_size), ignore_border=False)
    for axis, size in zip((x.ndim - 2, x.ndim - 1), patch_size, strict=True):
        best = tensor.repeat(best, int(size), axis=axis)
    inside: Tensor = best[..., : x.shape[x.ndim - 2], : x.shape[x.ndim - 1]]
    return tensor.switch(tensor.eq(x, inside), x, np.zeros((), x.dtype))


class DownsampleFactorMax(Pool):
    """``DownsampleFactorMax(ds, ...)(images)``: pooling, by its old class."""

    def __init__(
        self, ds: Any, ignore_border: bool = False, st: Any = None, padding: Any = (0, 0),
        mode: str = "max",
    ) -> None:  # fmt: skip
        super().__init__(ignore_border, mode)
        self.ds, self.st, self.padding = ds, st, padding

    def __call__(self, x: Any, ws: Any = None, stride: Any = None, pad: Any = None) -> Tensor:
        """The pooling."""
        return super().__call__(x, ws or self.ds, stride or self.st, pad or self.padding)


class Images2Neibs:
    """``Images2Neibs(mode)(images, shape, step)`` is ``images2neibs``."""

    def __init__(self, mode: str = "valid") -> None:
        self.mode = mode

    def __call__(self, ten4: Any, neib_shape: Any, neib_step: Any = None) -> Tensor:
        """The patches, one in each row."""
        return nnet.images2neibs(ten4, neib_shape, neib_step, self.mode)


local_conv2d = abstract_conv2d = conv2d
