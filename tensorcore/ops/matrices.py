"""Primitives over stacks of matrices, which LAPACK computes on the host, and their gradients.

The last axes are those of the matrices and the others a batch. A decomposition is *one* array, in
which its parts stand one below the other, so that one call makes all of them and its gradient
sees what flows back to each. ``g`` of a complex tensor is ``dC/dRe + i dC/dIm``, hence the
adjoints where papers on real matrices have transposes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import dtypes
from ..errors import ShapeError
from ..node import Tensor, TensorLike, as_tensor, is_constant, is_literal
from ..types import TensorType
from ._declare import Op, Shape, SizeBuilder, check_accepts, declare, tensors
from ._matrix_parts import (
    adjoint,
    column,
    corner,
    diagonal,
    diagonal_matrix,
    entry,
    product,
    real_dtype,
    rows_below,
    side_by_side,
    triangle,
)
from ._matrix_samples import (
    pairs_of_squares,
    positive_samples,
    right_hand_sides,
    square_samples,
    triangular_samples,
)
from .complexes import conj, from_parts, imag, real
from .movement import dimshuffle, sum_to, zeros_like

#: What LAPACK takes.
ACCEPTED = ("float32", "float64", "complex64", "complex128")
#: What messages call the two sizes of a square matrix.
_SQUARE = "a matrix must be square: its two sizes"
#: Sizes of a result from those of the labels.
Sizes = Callable[[SizeBuilder, Mapping[str, int]], tuple[int, ...]]

_RESULT: dict[str, Callable[[str], str]] = {
    "same": lambda d: d,
    "parts": dtypes.real_part,
    "pair": lambda d: {"float32": "complex64", "float64": "complex128"}.get(d, d),
}


class Matrices:
    """Operands with leading axes in common, which stretch where known to have size 1.

    ``operands`` has a letter for each of the last axes; equal letters are equal sizes. ``result``
    is the same for the result, or a function of the sizes by letter with ``rank`` of them. The
    rule of the op says which dtype the result has. Integers become float64.
    """

    name = "matrices"
    data: int | None = None

    def __init__(self, *operands: str, result: str | Sizes, rank: int = 2) -> None:
        self.operands = operands
        self.result = result
        self.rank = len(result) if isinstance(result, str) else rank

    def bind(
        self, op: Op[Any], args: tuple[Any, ...], attrs: dict[str, Any]
    ) -> tuple[tuple[Tensor, ...], Mapping[str, Any]]:
        found = tensors(args)
        for t, letters in zip(found, self.operands, strict=True):
            if t.ndim < len(letters):
                raise ShapeError(
                    f"{op.title}: expected at least {len(letters)} dimensions, found {t!r} with "
                    f"{t.ndim}."
                )
            shape = t.attrs["value"].shape if is_constant(t) else ()
            if letters == "nn" and shape and shape[-1] != shape[-2]:
                raise ShapeError(
                    f"{op.title}: {_SQUARE} must be equal, found {shape[-2]} and {shape[-1]}."
                )
        lead = max(t.ndim - len(letters) for t, letters in zip(found, self.operands, strict=True))
        pairs = zip(found, self.operands, strict=True)
        return tuple(_with_lead(t, lead + len(letters)) for t, letters in pairs), attrs

    def infer(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> TensorType:
        common = self.operand_dtypes(op, inputs, attrs)[0]
        check_accepts(op, common, inputs)
        lead = inputs[0].ndim - len(self.operands[0])
        flags = [all(t.broadcastable[a] for t in inputs) for a in range(lead)]
        if isinstance(self.result, str):
            known = {
                letter
                for t, letters in zip(inputs, self.operands, strict=True)
                for letter, flag in zip(letters, t.broadcastable[lead:], strict=True)
                if flag
            }
            flags += [letter in known for letter in self.result]
        else:
            flags += [False] * self.rank
        return TensorType(_RESULT[op.rule](common), tuple(flags))

    def operand_dtypes(
        self, op: Op[Any], inputs: tuple[Tensor, ...], attrs: Mapping[str, Any]
    ) -> tuple[str, ...]:
        names = [t.dtype for t in inputs]
        common = dtypes.result_dtype(names, [is_literal(t) for t in inputs])
        return (common if dtypes.is_float(common) else "float64",) * len(inputs)

    def shape(
        self, op: Op[Any], node: Tensor, shapes: Sequence[Shape], sizes: SizeBuilder
    ) -> Shape:
        lead = node.ndim - self.rank
        batch = [sizes.const(1)] * lead
        found: dict[str, int] = {}
        for k, (t, shape) in enumerate(zip(node.inputs, shapes, strict=True)):
            for axis in range(lead):
                if not t.broadcastable[axis]:
                    seen = not all(i.broadcastable[axis] for i in node.inputs[:k])
                    what = f"axis {axis} of its operands"
                    batch[axis] = (
                        sizes.same(batch[axis], shape[axis], node, what) if seen else shape[axis]
                    )
            for letter, size in zip(self.operands[k], shape[lead:], strict=True):
                what = _SQUARE if k == 0 else "the rows of its second operand and of the first"
                known = found.get(letter)
                found[letter] = size if known is None else sizes.same(known, size, node, what)
        if isinstance(self.result, str):
            return (*batch, *(found[letter] for letter in self.result))
        return (*batch, *self.result(sizes, found))


def _with_lead(t: Tensor, ndim: int) -> Tensor:
    missing = ndim - t.ndim
    return dimshuffle(t, ("x",) * missing + tuple(range(t.ndim))) if missing else t


def computed(name: str) -> Callable[..., Any]:
    """The reference of this name; the module is read when something is computed."""

    def reference(xp: Any, *arrays: Any, **attrs: Any) -> Any:
        from . import _lapack

        return getattr(_lapack, name)(xp, *arrays, **attrs)

    return reference


# -- equations ------------------------------------------------------------------------------


@declare(
    Matrices("nn", result="nn"),
    accepts=ACCEPTED,
    host=True,
    libraries=True,
    ulp=16,
    reference=computed("cholesky"),
    samples=positive_samples,
)
def cholesky(a: TensorLike, *, nan: bool) -> Tensor:
    """The lower ``L`` with ``a = L L^H``, read from the lower triangle of ``a``. With ``nan`` the
    factor of a matrix that has none is NaN; else there is an error.

    Gradient: I. Murray, "Differentiation of the Cholesky decomposition" (2016), equation 8; as
    only the lower triangle is read, what belongs to the entries above is added below.
    """


@cholesky.gradient
def _(g: Tensor, y: Tensor, a: Tensor) -> Any:
    inner = product(adjoint(y), triangle(g))
    half = as_tensor(np.asarray(0.5, real_dtype(y)))
    inner = triangle(inner, strict=True) + diagonal_matrix(real(diagonal(inner)) * half)
    left = solve_triangular(adjoint(y), inner, lower=False, unit=False)
    whole = adjoint(solve_triangular(adjoint(y), adjoint(left), lower=False, unit=False))
    return folded(whole, lower=True)


def folded(whole: Tensor, lower: bool) -> Tensor:
    """The gradient by the entries of one triangle of a Hermitian matrix, from that by all."""
    both = triangle(whole + adjoint(whole), lower=lower)
    return both - diagonal_matrix(real(diagonal(whole)))


@declare(
    Matrices("nn", "nk", result="nk"),
    accepts=ACCEPTED,
    host=True,
    libraries=True,
    ulp=64,
    reference=computed("solve"),
    title="solve",
    samples=right_hand_sides,
)
def solve_matrix(a: TensorLike, b: TensorLike) -> Tensor:
    """The ``x`` with ``a x = b``, for the columns of ``b``.

    Gradient: M. Giles, "Collected matrix derivative results for forward and reverse mode
    algorithmic differentiation" (2008), section 2.3.1.
    """


@solve_matrix.gradient
def _(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Any:
    share = solve_matrix(adjoint(a), g)
    return lambda: sum_to(-product(share, adjoint(y)), a), sum_to(share, b)


@declare(
    Matrices("nn", "nk", result="nk"),
    accepts=ACCEPTED,
    host=True,
    libraries=True,
    ulp=64,
    reference=computed("solve_triangular"),
    samples=triangular_samples,
)
def solve_triangular(a: TensorLike, b: TensorLike, *, lower: bool, unit: bool) -> Tensor:
    """The ``x`` with ``a x = b``, reading one triangle of ``a``; with ``unit`` its diagonal is
    taken to be ones. Gradient: as for ``solve_matrix``, kept to the entries that are read."""


@solve_triangular.gradient
def _(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Any:
    lower, unit = y.attrs["lower"], y.attrs["unit"]
    share = solve_triangular(adjoint(a), g, lower=not lower, unit=unit)
    return (
        lambda: sum_to(triangle(-product(share, adjoint(y)), lower=lower, strict=unit), a),
        sum_to(share, b),
    )


@declare(
    Matrices("nn", result="nn"),
    accepts=ACCEPTED,
    host=True,
    libraries=True,
    ulp=64,
    reference=computed("inverse"),
    samples=square_samples,
)
def matrix_inverse(a: TensorLike) -> Tensor:
    """The inverse.

    Gradient: Giles (2008), section 2.2.3.
    """


@matrix_inverse.gradient
def _(g: Tensor, y: Tensor, a: Tensor) -> Any:
    return -product(adjoint(y), product(g, adjoint(y)))


# -- determinants ---------------------------------------------------------------------------


@declare(
    Matrices("nn", result=""),
    accepts=ACCEPTED,
    host=True,
    libraries=True,
    ulp=64,
    reference=computed("determinant"),
    samples=square_samples,
)
def det(a: TensorLike) -> Tensor:
    """The determinant.

    Gradient: Giles (2008), section 2.2.4, which needs the inverse: of a singular matrix it is an
    error.
    """


@det.gradient
def _(g: Tensor, y: Tensor, a: Tensor) -> Any:
    return column(column(g * conj(y))) * adjoint(matrix_inverse(a))


@declare(
    Matrices("nn", result=lambda sizes, found: (sizes.const(2),), rank=1),
    accepts=ACCEPTED,
    host=True,
    libraries=True,
    ulp=64,
    reference=computed("signed_logarithm"),
    samples=square_samples,
)
def sign_and_logabsdet(a: TensorLike) -> Tensor:
    """The sign of the determinant and the logarithm of its absolute value, as two entries.

    Gradient: the derivative of ``log det`` is ``trace(a^-1 da)``; its real part moves the second
    entry, its imaginary part turns the first.
    """


@sign_and_logabsdet.gradient
def _(g: Tensor, y: Tensor, a: Tensor) -> Any:
    scale = real(entry(g, 1))
    if dtypes.kind(a.dtype) == "c":
        scale = from_parts(scale, -imag(conj(entry(g, 0)) * entry(y, 0)))
    return column(column(scale)) * adjoint(matrix_inverse(a))


# -- the exponential ------------------------------------------------------------------------


@declare(
    Matrices("nn", result="nn"),
    accepts=ACCEPTED,
    host=True,
    libraries=True,
    ulp=64,
    reference=computed("exponential"),
    samples=square_samples,
)
def expm(a: TensorLike) -> Tensor:
    """The exponential series of a matrix.

    By scaling, a rational function and squaring: N. Higham, "The scaling and squaring method for
    the matrix exponential revisited" (2005). Gradient: ``expm_along`` with ``a^H``.
    """


@expm.gradient
def _(g: Tensor, y: Tensor, a: Tensor) -> Any:
    return expm_along(adjoint(a), g)


@declare(
    Matrices("nn", "nn", result="nn"),
    accepts=ACCEPTED,
    host=True,
    libraries=True,
    ulp=128,
    reference=computed("exponential_along"),
    samples=pairs_of_squares,
)
def expm_along(a: TensorLike, e: TensorLike) -> Tensor:
    """The derivative of ``expm(a)`` along ``e``: the upper right block of the exponential of
    ``[[a, e], [0, a]]``; I. Najfeld and T. Havel, "Derivatives of the matrix exponential and their
    computation" (1995). It is linear in ``e``, and the next derivative is such a block again."""


@expm_along.gradient
def _(g: Tensor, y: Tensor, a: Tensor, e: Tensor) -> Any:
    def by_a() -> Tensor:
        turned, blank = adjoint(a), zeros_like(g, g.dtype)
        blocks = rows_below(side_by_side(turned, adjoint(e)), side_by_side(blank, turned))
        twice = rows_below(side_by_side(g, blank), side_by_side(blank, g))
        return sum_to(corner(expm_along(blocks, twice), a), a)

    return by_a, lambda: sum_to(expm_along(adjoint(a), g), e)
