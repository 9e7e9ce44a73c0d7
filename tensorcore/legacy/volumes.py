"""Convolutions of volumes under the names and in the order of axes of Theano's older modules."""

from __future__ import annotations

from typing import Any

from ..node import Tensor, as_tensor
from ..tensor import nnet

__all__ = ["Conv3D", "conv3D", "conv3d"]


def conv3D(V: Any, W: Any, b: Any, d: Any) -> Tensor:
    """A convolution of volumes (batch, row, column, time, channel), plus a bias."""
    order = (0, 4, 1, 2, 3)
    made = nnet.conv3d(
        as_tensor(V).dimshuffle(order), as_tensor(W).dimshuffle(order), subsample=tuple(d),
        filter_flip=False,
    )  # fmt: skip
    result: Tensor = made.dimshuffle(0, 2, 3, 4, 1) + b
    return result


Conv3D = conv3D


def conv3d(
    signals: Any, filters: Any, signals_shape: Any = None, filters_shape: Any = None,
    border_mode: Any = "valid",
) -> Tensor:  # fmt: skip
    """``conv3d2d.conv3d``: volumes (batch, time, channel, row, column)."""
    order = (0, 2, 1, 3, 4)
    mode = border_mode
    if isinstance(mode, tuple):
        if len(set(mode)) != 1:
            raise ValueError(f"conv3d: one border mode for all axes is possible, found {mode!r}.")
        mode = mode[0]
    made = nnet.conv3d(
        as_tensor(signals).dimshuffle(order), as_tensor(filters).dimshuffle(order),
        border_mode=mode,
    )  # fmt: skip
    return made.dimshuffle(order)
