"""Discrete Fourier transforms along the last axis, which NumPy computes on the host.

They are not scaled, so that the adjoint of each is another of them; what users call scales.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..dtypes import COMPLEX, kind, real_part
from ..errors import ShapeError
from ..node import Tensor, TensorLike, as_tensor
from ..types import TensorType
from ._declare import Op, Shape, SizeBuilder, check_accepts, declare
from .creation import as_size, iota
from .logic import eq, or_, switch
from .movement import shape_list

_WIDTHS = ("float32", "float64")
_COMPLEX = {"float32": "complex64", "float64": "complex128"}


class Transforms:
    """One operand with at least one axis, and the size of the result where the operand does not
    say it. ``real`` names the side that is real: none, the ``operand`` or the ``result``, of which
    the other has the first half of the frequencies. Integers become float64."""

    name = "transforms"
    data: int | None = None

    def __init__(self, real: str = "") -> None:
        self.real = real

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        x = as_tensor(args[0])
        if x.ndim == 0:
            raise ShapeError(f"{op.title}: a scalar has no axis to transform along.")
        return (x, *(as_size(n, op.title) for n in args[1:])), attrs

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        wanted = self.operand_dtypes(op, inputs, attrs)[0]
        check_accepts(op, wanted, inputs[:1])
        flags = inputs[0].broadcastable
        if self.real == "operand":
            return TensorType(_COMPLEX[wanted], (*flags[:-1], False))
        if self.real == "result":
            return TensorType(real_part(wanted), (*flags[:-1], False))
        return TensorType(wanted, flags)

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        found = inputs[0].dtype
        found = "float64" if kind(found) in "biu" else found
        if self.real != "operand":
            found = _COMPLEX.get(found, found)
        return (found,) + ("int64",) * (len(inputs) - 1)

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        *lead, n = shapes[0]
        if self.real == "operand":
            return (*lead, _half(sizes, n))
        if self.real == "result":
            whole = sizes.integer(node.inputs[1])
            sizes.demand("nonnegative", (whole,), node, "its length must not be negative")
            sizes.same(n, _half(sizes, whole), node, "the frequencies and those of its length")
            return (*lead, whole)
        return tuple(shapes[0])


def _half(sizes: SizeBuilder, n: int) -> int:
    """How many frequencies ``n`` real numbers have."""
    return sizes.add(sizes.arith("floordiv", n, sizes.const(2)), sizes.const(1))


def half(n: Tensor) -> Tensor:
    """How many frequencies ``n`` real numbers have."""
    return n // 2 + 1


#: Declares an op that FFT libraries compute.
_transform = partial(declare, host=True, libraries=True, ulp=16)
_SHAPES = ((4,), (5,), (2, 3), (1,), (2, 1, 6), (0, 3))


def _numbers(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(4)
    values = rng.uniform(-1, 1, shape)
    return (values + 1j * rng.uniform(-1, 1, shape) if kind(dtype) == "c" else values).astype(dtype)


def _samples(dtype: str) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    for shape in _SHAPES:
        yield (_numbers(dtype, shape),), {}


def _both_ways(dtype: str) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    for arrays, _ in _samples(dtype):
        for inverse in (False, True):
            yield arrays, {"inverse": inverse}


def _halves(dtype: str) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    for shape in _SHAPES:
        *lead, n = shape
        yield (_numbers(dtype, (*lead, n // 2 + 1)), np.asarray(n, "int64")), {}


def _reference_dft(xp: Any, x: Any, inverse: bool) -> Any:
    if not x.shape[-1]:
        return x.copy()
    return xp.fft.ifft(x, norm="forward") if inverse else xp.fft.fft(x)


@_transform(Transforms(), accepts=COMPLEX, reference=_reference_dft, samples=_both_ways)
def dft(x: TensorLike, *, inverse: bool) -> Tensor:
    """``sum over j of x[j] exp(-2 pi i j k / n)`` for each ``k``; the inverse with ``+``."""


@dft.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    return dft(g, inverse=not y.attrs["inverse"])


def _reference_real(xp: Any, x: Any) -> Any:
    if not x.shape[-1]:  # nothing has the frequency 0
        return xp.zeros((*x.shape[:-1], 1), np.result_type(x.dtype, np.complex64))
    return xp.fft.rfft(x)


@_transform(Transforms("operand"), accepts=_WIDTHS, reference=_reference_real, samples=_samples)
def real_dft(x: TensorLike) -> Tensor:
    """The frequencies 0 to n // 2 of real numbers, which have all there is to know."""


@real_dft.gradient
def _(g: Tensor, y: Tensor, x: Tensor) -> Any:
    n = shape_list(x)[-1]
    return real_inverse_dft(g / _occurrences(n, g.dtype), n)


def _reference_real_inverse(xp: Any, y: Any, n: Any) -> Any:
    if not int(n):
        return xp.zeros((*y.shape[:-1], 0), y.real.dtype)
    return xp.fft.irfft(y, int(n), norm="forward")


@_transform(
    Transforms("result"), accepts=COMPLEX, reference=_reference_real_inverse, samples=_halves
)
def real_inverse_dft(y: TensorLike, n: TensorLike) -> Tensor:
    """``n`` real numbers, times ``n``, from their frequencies 0 to n // 2. Of the first, and of the
    last where ``n`` is even, only the real part counts."""


@real_inverse_dft.gradient
def _(g: Tensor, x: Tensor, y: Tensor, n: Tensor) -> Any:
    return real_dft(g) * _occurrences(n, y.dtype), None


def _occurrences(n: Tensor, dtype: str) -> Tensor:
    """How often each frequency of ``n`` real numbers occurs: with its negative or alone."""
    k = iota(half(n))
    alone = or_(eq(k, 0), eq(k * 2, n))
    one, two = (as_tensor(np.asarray(v, real_part(dtype))) for v in (1, 2))
    return switch(alone, one, two)
