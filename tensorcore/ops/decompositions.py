"""Decompositions of matrices; each is one array with its parts one below the other.

Their gradients divide by differences of eigenvalues or singular values. Where two are equal,
only functions that do not care which basis was chosen are differentiable; a quotient by 0 is
therefore left out, which is right for those.
"""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..node import Tensor, TensorLike
from ._declare import declare
from ._matrix_parts import (
    adjoint,
    column,
    columns,
    diagonal,
    diagonal_matrix,
    differences,
    first_row,
    identity,
    inverse_or_zero,
    product,
    row,
    rows,
    rows_below,
    side_by_side,
    sizes,
    smaller,
    transposed,
    triangle,
)
from ._matrix_samples import (
    cut_off_samples,
    hermitian_samples,
    oblong_samples,
    square_samples,
)
from .complexes import conj, from_parts, imag, in_dtype, real
from .creation import iota
from .elementwise import cast_to
from .logic import eq
from .matrices import ACCEPTED, Matrices, computed, folded, matrix_inverse, solve_triangular


def _one_more(builder: Any, found: Any) -> tuple[int, ...]:
    return builder.add(found["n"], builder.const(1)), found["n"]


# -- eigenvalues ----------------------------------------------------------------------------


@declare(
    Matrices("nn", result="n"),
    accepts=ACCEPTED,
    rule="parts",
    host=True,
    libraries=True,
    ulp=32,
    reference=computed("hermitian_eigenvalues"),
    samples=hermitian_samples,
)
def eigvalsh(a: TensorLike, *, lower: bool) -> Tensor:
    """The eigenvalues of Hermitian matrices, ascending, read from one triangle.

    Gradient: M. Giles, "Collected matrix derivative results for forward and reverse mode
    algorithmic differentiation" (2008), section 3.1.
    """


@eigvalsh.gradient
def _(g: Tensor, y: Tensor, a: Tensor) -> Any:
    lower = y.attrs["lower"]
    vectors = lower_part(hermitian_eigen(a, lower=lower))
    return folded(product(vectors * row(g), adjoint(vectors)), lower)


def lower_part(packed: Tensor) -> Tensor:
    """All rows but the first."""
    n, _ = sizes(packed)
    return rows(packed, 1, n - 1)


@declare(
    Matrices("nn", result=_one_more),
    accepts=ACCEPTED,
    host=True,
    libraries=True,
    ulp=128,
    reference=computed("hermitian_eigen"),
    turns=lambda m, n: [(1, n + 1, False)],
    samples=hermitian_samples,
)
def hermitian_eigen(a: TensorLike, *, lower: bool) -> Tensor:
    """The eigenvalues of Hermitian matrices, ascending, and below them the eigenvectors, as
    columns; read from one triangle. Gradient: Giles (2008), section 3.1."""


@hermitian_eigen.gradient
def _(g: Tensor, y: Tensor, a: Tensor) -> Any:
    vectors, lower = lower_part(y), y.attrs["lower"]
    turned = product(adjoint(vectors), lower_part(g))
    inner = turned * differences(real(first_row(y)))
    inner = inner + diagonal_matrix(real(first_row(g)))
    return folded(product(product(vectors, inner), adjoint(vectors)), lower)


@declare(
    Matrices("nn", result=_one_more),
    accepts=ACCEPTED,
    rule="pair",
    host=True,
    ulp=256,
    reference=computed("eigen"),
    samples=square_samples,
)
def eigen(a: TensorLike) -> Tensor:
    """The eigenvalues of matrices and below them the eigenvectors, as columns of length 1; complex
    always, as whether they are real is known only when they are there.

    Gradient: C. Boeddeker et al., "On the computation of complex-valued gradients with
    application to statistically optimum beamforming" (2017), section 4.
    """


@eigen.gradient
def _(g: Tensor, y: Tensor, a: Tensor) -> Any:
    vectors, values = lower_part(y), first_row(y)
    turned = product(adjoint(vectors), lower_part(g))
    lengths = diagonal_matrix(cast_to(real(diagonal(turned)), y.dtype))
    inner = turned - product(product(adjoint(vectors), vectors), lengths)
    inner = inner * conj(differences(values)) + diagonal_matrix(first_row(g))
    whole = product(product(adjoint(matrix_inverse(vectors)), inner), adjoint(vectors))
    return in_dtype(whole, a.dtype)


# -- singular values ------------------------------------------------------------------------


def _shorter(builder: Any, found: Any) -> tuple[int, ...]:
    return (builder.arith("min", found["m"], found["n"]),)


def _turned_singular(m: int, n: int) -> list[tuple[int, int, bool]]:
    return [(0, m, False), (m + 1, m + 1 + n, False)]


def _three_parts(full: bool) -> Any:
    def result(builder: Any, found: Any) -> tuple[int, ...]:
        m, n = found["m"], found["n"]
        width = builder.arith("max" if full else "min", m, n)
        return builder.add(m, n, builder.const(1)), width

    return result


@declare(
    Matrices("mn", result=_shorter, rank=1),
    accepts=ACCEPTED,
    rule="parts",
    host=True,
    libraries=True,
    ulp=32,
    reference=computed("only_singular_values"),
    samples=oblong_samples,
)
def singular_values(a: TensorLike) -> Tensor:
    """The singular values, descending. Gradient: Giles (2008), section 3.2."""


@singular_values.gradient
def _(g: Tensor, y: Tensor, a: Tensor) -> Any:
    u, _, v = three_parts(singular_thin(a), a)
    return product(u * row(g), adjoint(v))


def three_parts(packed: Tensor, a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """``u``, ``s`` and ``v`` with ``a = u s v^H``, of all columns that there are."""
    m, n = sizes(a)
    return rows(packed, 0, m), real(first_row(rows(packed, m, 1))), rows(packed, m + 1, n)


@declare(
    Matrices("mn", result=_three_parts(full=False)),
    accepts=ACCEPTED,
    host=True,
    libraries=True,
    ulp=256,
    reference=computed("singular_thin"),
    turns=_turned_singular,
    samples=oblong_samples,
)
def singular_thin(a: TensorLike) -> Tensor:
    """``u``, the singular values and ``v`` below each other, with ``a = u s v^H`` and as many
    columns as singular values.

    Gradient: S. Wan and S. Zhang, "Automatic differentiation for complex valued SVD" (2019).
    """


@singular_thin.gradient
def _(g: Tensor, y: Tensor, a: Tensor) -> Any:
    m, n = sizes(a)
    gu, gs, gv = rows(g, 0, m), real(first_row(rows(g, m, 1))), rows(g, m + 1, n)
    return _through_svd((gu, gs, gv), three_parts(y, a))


def _through_svd(g: tuple[Tensor, Tensor, Tensor], y: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    (gu, gs, gv), (u, s, v) = g, y
    inverse = inverse_or_zero(s)
    turned_u, turned_v = product(adjoint(u), gu), product(adjoint(v), gv)
    gaps = differences(s * s)
    j, k = turned_u * gaps, turned_v * gaps
    inner = (j + adjoint(j)) * row(s) + column(s) * (k + adjoint(k))
    inner = inner + diagonal_matrix(_with_phase(gs, diagonal(turned_v), inverse))
    whole = product(product(u, inner), adjoint(v))
    beyond_u = gu - product(u, turned_u)
    beyond_v = gv - product(v, turned_v)
    whole = whole + product(beyond_u * row(inverse), adjoint(v))
    return whole + product(u * row(inverse), adjoint(beyond_v))


def _with_phase(gs: Tensor, turned: Tensor, inverse: Tensor) -> Tensor:
    """What flows to a singular value; of complex numbers also what turns ``u`` against ``v``."""
    return from_parts(gs, -imag(turned) * inverse) if dtypes.kind(turned.dtype) == "c" else gs


@declare(
    Matrices("mn", result=_three_parts(full=True)),
    accepts=ACCEPTED,
    host=True,
    libraries=True,
    ulp=256,
    reference=computed("singular_full"),
    turns=_turned_singular,
    samples=oblong_samples,
)
def singular_full(a: TensorLike) -> Tensor:
    """As ``singular_thin``, with ``u`` and ``v`` square, padded with zeros to one width.

    Gradient: as there. The columns that were added are any basis of what is left, which turns with
    the others as little as it can.
    """


@singular_full.gradient
def _(g: Tensor, y: Tensor, a: Tensor) -> Any:
    (m, n), k = sizes(a), smaller(a)
    u, s, v = three_parts(y, a)
    gu, gs, gv = three_parts(g, a)
    first = (columns(u, 0, k), real(first_row(columns(row(s), 0, k))), columns(v, 0, k))
    flows = (
        _with_rest(columns(gu, 0, k), first[0], columns(gu, k, m - k), columns(u, k, m - k)),
        first_row(columns(row(gs), 0, k)),
        _with_rest(columns(gv, 0, k), first[2], columns(gv, k, n - k), columns(v, k, n - k)),
    )
    return _through_svd(flows, first)


def _with_rest(g: Tensor, q: Tensor, g_rest: Tensor, rest: Tensor) -> Tensor:
    """What flows to the first columns, those behind them included: they turn with the first so
    that they stay orthogonal."""
    return g - product(product(rest, adjoint(g_rest)), q)


@declare(
    Matrices("mn", result="nm"),
    accepts=ACCEPTED,
    host=True,
    libraries=True,
    ulp=256,
    reference=computed("pseudoinverse"),
    samples=cut_off_samples,
)
def pinv(a: TensorLike, *, rcond: float) -> Tensor:
    """The pseudoinverse; singular values below ``rcond`` times the largest count as zeros. A
    negative one stands for eps times the larger size.

    Gradient: G. Golub and V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least
    squares problems whose variables separate" (1973), theorem 4.3; for changes that keep the rank.
    """


@pinv.gradient
def _(g: Tensor, y: Tensor, a: Tensor) -> Any:
    p, ph, gh = y, adjoint(y), adjoint(g)
    whole = -product(product(ph, g), ph)
    left = product(product(gh, p), ph)
    right = product(ph, product(p, gh))
    whole = whole + left - product(product(a, p), left)
    return whole + right - product(right, product(p, a))


# -- orthogonal and triangular --------------------------------------------------------------


def _turned_orthogonal(m: int, n: int) -> list[tuple[int, int, bool]]:
    return [(0, m, False), (m, m + n, True)]


def _two_parts(full: bool) -> Any:
    def result(builder: Any, found: Any) -> tuple[int, ...]:
        m, n = found["m"], found["n"]
        return builder.add(m, n), m if full else builder.arith("min", m, n)

    return result


@declare(
    Matrices("mn", result=_two_parts(full=False)),
    accepts=ACCEPTED,
    host=True,
    libraries=True,
    ulp=128,
    reference=computed("orthogonal_thin"),
    turns=_turned_orthogonal,
    samples=oblong_samples,
)
def orthogonal_thin(a: TensorLike) -> Tensor:
    """``q`` and below it the transpose of ``r``, with ``a = q r``, ``q`` with orthonormal columns
    and ``r`` upper triangular.

    Gradient: H.-J. Liao et al., "Differentiable programming tensor networks" (2019), section III.
    """


@orthogonal_thin.gradient
def _(g: Tensor, y: Tensor, a: Tensor) -> Any:
    m, n = sizes(a)
    q, r = rows(y, 0, m), transposed(rows(y, m, n))
    return _through_qr((rows(g, 0, m), transposed(rows(g, m, n))), (q, r), a)


def _through_qr(g: tuple[Tensor, Tensor], y: tuple[Tensor, Tensor], a: Tensor) -> Tensor:
    (gq, gr), (q, r) = g, y
    (_, n), k = sizes(a), smaller(a)
    u, rest = columns(r, 0, k), columns(a, k, n - k)
    gu, gv = triangle(columns(gr, 0, k), lower=False), columns(gr, k, n - k)
    gq = gq + product(rest, adjoint(gv))
    inner = product(u, adjoint(gu)) - product(adjoint(gq), q)
    below = triangle(inner, strict=True)
    inner = below + adjoint(below) + diagonal_matrix(real(diagonal(inner)))
    whole = gq + product(q, inner)
    first = adjoint(solve_triangular(u, adjoint(whole), lower=False, unit=False))
    return side_by_side(first, product(q, gv))


@declare(
    Matrices("mn", result=_two_parts(full=True)),
    accepts=ACCEPTED,
    host=True,
    libraries=True,
    ulp=128,
    reference=computed("orthogonal_full"),
    turns=_turned_orthogonal,
    samples=oblong_samples,
)
def orthogonal_full(a: TensorLike) -> Tensor:
    """As ``orthogonal_thin`` with ``q`` square. Gradient: as there; the columns that were added are
    any basis of what is left, which turns with the others as little as it can."""


@orthogonal_full.gradient
def _(g: Tensor, y: Tensor, a: Tensor) -> Any:
    (m, n), k = sizes(a), smaller(a)
    q, r = rows(y, 0, m), transposed(rows(y, m, n))
    gq, gr = rows(g, 0, m), transposed(rows(g, m, n))
    first = columns(q, 0, k)
    flow = _with_rest(columns(gq, 0, k), first, columns(gq, k, m - k), columns(q, k, m - k))
    return _through_qr((flow, rows(gr, 0, k)), (first, rows(r, 0, k)), a)


def _one_longer(builder: Any, found: Any) -> tuple[int, ...]:
    return builder.add(found["n"], builder.const(1)), found["m"]


@declare(
    Matrices("mn", result=_one_longer),
    accepts=ACCEPTED,
    host=True,
    ulp=128,
    reference=computed("householder"),
    samples=oblong_samples,
    no_gradient=(0,),
)
def householder(a: TensorLike) -> Tensor:
    """LAPACK's own form of ``q`` and ``r``: the transpose of ``r`` and of the vectors of the
    reflections of which ``q`` is the product, and below it their factors, padded with zeros."""


@householder.gradient
def _(g: Tensor, y: Tensor, a: Tensor) -> Any:
    return None


# -- lower and upper ------------------------------------------------------------------------


def _one_wider(builder: Any, found: Any) -> tuple[int, ...]:
    return found["m"], builder.add(found["n"], builder.const(1))


@declare(
    Matrices("mn", result=_one_wider),
    accepts=ACCEPTED,
    host=True,
    ulp=64,
    reference=computed("lower_upper"),
    samples=oblong_samples,
)
def lower_upper(a: TensorLike) -> Tensor:
    """The triangular factors of matrices in one, and the order of the rows as a last column:
    row k of ``l u`` is row ``order[k]`` of ``a``. The diagonal of ``l`` is ones.

    Gradient: F. de Hoog, R. Anderssen and M. Lukas, "Differentiation of matrix functionals using
    triangular factorization" (2011), for the leading square block. What is below or to the right of
    it is solved for with a factor of this block. The order of the rows has none.
    """


@lower_upper.gradient
def _(g: Tensor, y: Tensor, a: Tensor) -> Any:
    lower, upper, below, right = _factors(y, a)
    g_lower, g_upper, g_below, g_right = _factors(g, a)
    g_below = _divided(g_below, upper)
    g_right = solve_triangular(adjoint(lower), g_right, lower=False, unit=True)
    g_lower = g_lower - product(g_right, adjoint(right))
    g_upper = g_upper - product(adjoint(below), g_below)
    inner = triangle(product(adjoint(lower), triangle(g_lower, strict=True)), strict=True)
    inner = inner + triangle(product(triangle(g_upper, lower=False), adjoint(upper)), lower=False)
    left = solve_triangular(adjoint(lower), inner, lower=False, unit=True)
    above = side_by_side(_divided(left, upper), g_right)
    (m, n), k = sizes(a), smaller(a)
    none = columns(rows(g, k, m - k), k, n - k)
    whole = rows_below(above, side_by_side(g_below, none))
    return product(cast_to(row_order(y, a), y.dtype), whole)


def _factors(packed: Tensor, a: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of the leading square block the two factors; and what is below it and to its right, of which
    one is empty."""
    (m, n), k = sizes(a), smaller(a)
    first = rows(packed, 0, k)
    square = columns(first, 0, k)
    lower = triangle(square, strict=True) + identity(k, packed.dtype)
    below, right = columns(rows(packed, k, m - k), 0, k), columns(first, k, n - k)
    return lower, triangle(square, lower=False), below, right


def _divided(x: Tensor, upper: Tensor) -> Tensor:
    """``x`` times the adjoint of the inverse of an upper triangle."""
    return adjoint(solve_triangular(upper, adjoint(x), lower=False, unit=False))


def row_order(packed: Tensor, a: Tensor) -> Tensor:
    """The permutation matrix ``p`` with ``a = p l u``, as truth values."""
    m, n = sizes(a)
    order = cast_to(real(columns(packed, n, 1)), "int64")
    return eq(column(iota(m)), transposed(order))
