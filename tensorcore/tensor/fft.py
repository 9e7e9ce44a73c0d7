"""Fourier transforms as Theano's ``tensor.fft`` has them, and those with complex results.

``rfft`` and ``irfft`` are Theano's: a batch along the first axis, all others transformed, and
complex numbers as a last axis of two real ones. Their namesakes with complex results, as NumPy
has them, are in ``fourier``; the others are the same there and here.
"""

from __future__ import annotations

from ..errors import DTypeError, ShapeError
from ..node import Tensor, TensorLike, as_tensor
from ..ops._matrix_parts import entry
from ..ops.complexes import from_parts, imag, real
from ..ops.elementwise import mul
from ..ops.movement import shape_list
from . import fourier
from .checks import one_of
from .fourier import fft, fft2, fftfreq, fftn, fftshift, ifft, ifft2, ifftn, ifftshift, rfftfreq
from .joining import stack

__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "ifft", "ifft2", "ifftn", "ifftshift", "irfft",
    "rfft", "rfftfreq",
]  # fmt: skip

_NORMS = (None, "ortho", "no_norm")


def _real(x: TensorLike, ndim: int, what: str) -> Tensor:
    x = as_tensor(x)
    if x.dtype.startswith("complex"):
        raise DTypeError(
            f"{what}: expected real numbers, found {x!r} of type {x.type!r}. T.fft.fft and "
            f"tensorcore.tensor.fourier take and give complex ones."
        )
    if x.ndim < ndim:
        raise ShapeError(
            f"{what}: expected a batch along the first axis and at least {ndim} dimensions, found "
            f"{x!r} with {x.ndim}."
        )
    return x


def rfft(inp: TensorLike, norm: str | None = None) -> Tensor:
    """The transform of real numbers over all axes but the first, of which the last keeps the
    frequencies 0 to n // 2; the last axis of the result has real and imaginary parts.

    ``norm``: None or ``no_norm`` to scale nothing, ``ortho`` to divide by the root of the sizes.
    """
    one_of(norm, _NORMS, "rfft: norm")
    x = _real(inp, 2, "rfft")
    y = fourier.rfftn(x, None, range(1, x.ndim), "ortho" if norm == "ortho" else "backward")
    return stack([real(y), imag(y)], axis=y.ndim)


def irfft(inp: TensorLike, norm: str | None = None, is_odd: bool = False) -> Tensor:
    """The inverse of ``rfft``, whose last axis had an even size, or with ``is_odd`` an odd one.

    ``norm``: None to divide by the sizes, ``ortho`` by their root, ``no_norm`` by nothing.
    """
    one_of(norm, _NORMS, "irfft: norm")
    x = _real(inp, 3, "irfft")
    y = from_parts(entry(x, 0), entry(x, 1))
    n = mul(shape_list(y)[-1] - 1, 2) + (1 if is_odd else 0)
    sizes = (*shape_list(y)[1:-1], n)
    scale = {None: "backward", "ortho": "ortho", "no_norm": "forward"}[norm]
    return fourier.irfftn(y, sizes, range(1, y.ndim), scale)
