"""Convolution of images without channels."""

from __future__ import annotations

from typing import Any

from ...errors import ShapeError
from ...node import Tensor, TensorLike, as_tensor
from ..nnet.conv import conv2d as _conv2d

__all__ = ["conv2d"]


def conv2d(
    input: TensorLike,
    filters: TensorLike,
    image_shape: Any = None,
    filter_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Any = (1, 1),
    **kwargs: Any,
) -> Tensor:
    """Each image convolved with each filter, which are turned around.

    ``input``: an image (rows, columns) or several (number, rows, columns); ``filters`` likewise.
    The result has an axis for each of them that has one: (images, filters, rows, columns).
    ``border_mode`` and ``subsample`` as in ``T.nnet.conv2d``. Raises ShapeError, ValueError.
    """
    x, w = as_tensor(input), as_tensor(filters)
    for t, name in ((x, "input"), (w, "filters")):
        if t.ndim not in (2, 3):
            raise ShapeError(
                f"signal conv2d: the {name} must have 2 or 3 dimensions, found {t.type!r}. "
                f"T.nnet.conv2d takes images with channels."
            )
    images = x.dimshuffle("x", "x", 0, 1) if x.ndim == 2 else x.dimshuffle(0, "x", 1, 2)
    rows = w.dimshuffle("x", "x", 0, 1) if w.ndim == 2 else w.dimshuffle(0, "x", 1, 2)
    y = _conv2d(images, rows, border_mode=border_mode, subsample=subsample)
    if w.ndim == 2:
        y = y[:, 0]
    return y[0] if x.ndim == 2 else y
