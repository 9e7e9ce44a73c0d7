"""Fourier transforms under NumPy's names, with complex results.

``norm`` is ``backward`` (the default: the inverse divides by the sizes), ``forward`` (the other way
does) or ``ortho`` (both by the root). A size cuts an axis short or fills it with zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import config, dtypes
from ..errors import ShapeError
from ..node import Tensor, TensorLike, as_tensor
from ..ops._families import normalize_axes
from ..ops.creation import as_size, iota
from ..ops.elementwise import cast, cast_to, sqrt
from ..ops.fourier import dft, half, real_dft, real_inverse_dft
from ..ops.logic import minimum
from ..ops.movement import broadcast_to, shape_list, window, window_set
from .checks import one_axis, one_of
from .joining import roll
from .shapes import moveaxis, number_of

__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "ifft", "ifft2", "ifftn", "ifftshift", "irfft",
    "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq", "rfftn",
]  # fmt: skip

Norm = str | None


def _scaled(y: Tensor, n: Tensor, norm: Norm, inverse: bool, what: str) -> Tensor:
    """What is to be divided by: nothing, the size or its root."""
    one_of(norm, (None, "backward", "ortho", "forward"), f"{what}: norm")
    size = cast_to(n, dtypes.real_part(y.dtype))
    if norm == "ortho":
        return y / sqrt(size)
    return y / size if inverse == (norm != "forward") else y


def _of_size(x: Tensor, n: Tensor) -> Tensor:
    """``x`` with a last axis of size ``n``: cut short, or filled with zeros."""
    *lead, old = shape_list(x)
    kept = minimum(old, n)
    flags = (*x.broadcastable[:-1], False)
    zeros = as_tensor(np.zeros((), x.dtype))
    blank = broadcast_to.make((zeros, *lead, n), {"broadcastable": flags})
    last = x.ndim - 1
    part = window(x, 0, kept, 1, axes=(last,), index=())
    return window_set(blank, part, 0, kept, 1, axes=(last,), index=())


def _along(x: TensorLike, axis: int, what: str) -> tuple[Tensor, int]:
    """``x`` with an axis moved to the end, and where it was."""
    x = as_tensor(x)
    if x.ndim == 0:
        raise ShapeError(f"{what}: a scalar has no axis to transform along.")
    axis = one_axis(axis, x.ndim, what)
    return moveaxis(x, axis, x.ndim - 1), axis


def _back(y: Tensor, axis: int) -> Tensor:
    return moveaxis(y, y.ndim - 1, axis)


def _size(x: Tensor, n: Any, what: str) -> tuple[Tensor, Tensor]:
    """``x`` with the size asked for along its last axis, and this size, which is at least 1."""
    if n is None:
        return x, shape_list(x)[-1]
    size = as_size(n, f"{what}: n")
    known = number_of(size)
    if known is not None and known < 1:
        raise ValueError(f"{what}: the size n must be at least 1, found {known}.")
    return _of_size(x, size), size


def fft(a: TensorLike, n: Any = None, axis: int = -1, norm: Norm = None) -> Tensor:
    """The discrete Fourier transform along ``axis``; complex."""
    x, axis = _along(a, axis, "fft")
    x, size = _size(x, n, "fft")
    return _back(_scaled(dft(x, inverse=False), size, norm, False, "fft"), axis)


def ifft(a: TensorLike, n: Any = None, axis: int = -1, norm: Norm = None) -> Tensor:
    """The inverse of ``fft``."""
    x, axis = _along(a, axis, "ifft")
    x, size = _size(x, n, "ifft")
    return _back(_scaled(dft(x, inverse=True), size, norm, True, "ifft"), axis)


def rfft(a: TensorLike, n: Any = None, axis: int = -1, norm: Norm = None) -> Tensor:
    """The frequencies 0 to n // 2 of real numbers; complex."""
    x, axis = _along(a, axis, "rfft")
    x, size = _size(x, n, "rfft")
    return _back(_scaled(real_dft(x), size, norm, False, "rfft"), axis)


def irfft(a: TensorLike, n: Any = None, axis: int = -1, norm: Norm = None) -> Tensor:
    """The inverse of ``rfft``: ``n`` real numbers, by default an even number."""
    y, axis = _along(a, axis, "irfft")
    size = (shape_list(y)[-1] - 1) * 2 if n is None else as_size(n, "irfft: n")
    y = y if n is None else _of_size(y, half(size))
    return _back(_scaled(real_inverse_dft(y, size), size, norm, True, "irfft"), axis)


# -- along several axes ---------------------------------------------------------------------


def _axes(x: Tensor, s: Any, axes: Any, what: str) -> list[tuple[Any, int]]:
    """A size (None: as it is) and an axis, for each transform."""
    if axes is None:
        count = x.ndim if s is None else len(s)
        axes = range(-count, 0)
    listed = [one_axis(a, x.ndim, what) for a in (axes if isinstance(axes, Sequence) else (axes,))]
    normalize_axes(listed, x.ndim, what)
    wanted = [None] * len(listed) if s is None else list(s)
    if len(wanted) != len(listed):
        raise ShapeError(f"{what}: {len(wanted)} sizes do not fit {len(listed)} axes.")
    return list(zip(wanted, listed, strict=True))


def fftn(a: TensorLike, s: Any = None, axes: Any = None, norm: Norm = None) -> Tensor:
    """``fft`` along several axes, by default all; ``s`` has their sizes."""
    y = as_tensor(a)
    for n, axis in reversed(_axes(y, s, axes, "fftn")):
        y = fft(y, n, axis, norm)
    return y


def ifftn(a: TensorLike, s: Any = None, axes: Any = None, norm: Norm = None) -> Tensor:
    """The inverse of ``fftn``."""
    y = as_tensor(a)
    for n, axis in reversed(_axes(y, s, axes, "ifftn")):
        y = ifft(y, n, axis, norm)
    return y


def rfftn(a: TensorLike, s: Any = None, axes: Any = None, norm: Norm = None) -> Tensor:
    """``rfft`` along the last of several axes and ``fft`` along the others."""
    y = as_tensor(a)
    *others, (n, last) = _axes(y, s, axes, "rfftn")
    y = rfft(y, n, last, norm)
    for size, axis in reversed(others):
        y = fft(y, size, axis, norm)
    return y


def irfftn(a: TensorLike, s: Any = None, axes: Any = None, norm: Norm = None) -> Tensor:
    """The inverse of ``rfftn``."""
    y = as_tensor(a)
    *others, (n, last) = _axes(y, s, axes, "irfftn")
    for size, axis in others:
        y = ifft(y, size, axis, norm)
    return irfft(y, n, last, norm)


def fft2(a: TensorLike, s: Any = None, axes: Any = (-2, -1), norm: Norm = None) -> Tensor:
    """``fftn`` along two axes."""
    return fftn(a, s, axes, norm)


def ifft2(a: TensorLike, s: Any = None, axes: Any = (-2, -1), norm: Norm = None) -> Tensor:
    """``ifftn`` along two axes."""
    return ifftn(a, s, axes, norm)


def rfft2(a: TensorLike, s: Any = None, axes: Any = (-2, -1), norm: Norm = None) -> Tensor:
    """``rfftn`` along two axes."""
    return rfftn(a, s, axes, norm)


def irfft2(a: TensorLike, s: Any = None, axes: Any = (-2, -1), norm: Norm = None) -> Tensor:
    """``irfftn`` along two axes."""
    return irfftn(a, s, axes, norm)


# -- the frequencies ------------------------------------------------------------------------


def fftfreq(n: Any, d: Any = 1.0) -> Tensor:
    """The frequencies of ``fft`` for samples ``d`` apart: from 0 up, then the negative; floatX."""
    size = as_size(n, "fftfreq: n")
    counter = iota(size)
    turned = (counter + size // 2) % size - size // 2
    return cast(turned / (size * as_tensor(d)), config.floatX)


def rfftfreq(n: Any, d: Any = 1.0) -> Tensor:
    """The frequencies of ``rfft`` for samples ``d`` apart; floatX."""
    size = as_size(n, "rfftfreq: n")
    return cast(iota(half(size)) / (size * as_tensor(d)), config.floatX)


def fftshift(x: TensorLike, axes: Any = None) -> Tensor:
    """The frequency 0 moved to the middle of the axes, by default of all."""
    x = as_tensor(x)
    for axis in normalize_axes(axes, x.ndim, "fftshift"):
        x = roll(x, shape_list(x)[axis] // 2, axis)
    return x


def ifftshift(x: TensorLike, axes: Any = None) -> Tensor:
    """The reverse of ``fftshift``."""
    x = as_tensor(x)
    for axis in normalize_axes(axes, x.ndim, "ifftshift"):
        x = roll(x, -(shape_list(x)[axis] // 2), axis)
    return x
