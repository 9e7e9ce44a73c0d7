"""Linear algebra under the names of Theano's ``tensor.slinalg``; see ``linalg``. It needs no SciPy.

What are classes of ops there (``Solve(...)``, ``Cholesky(...)``) are functions that return
functions here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..node import Tensor, TensorLike
from ..ops._matrix_parts import adjoint, triangle
from .checks import one_of
from .linalg import (
    cholesky,
    cholesky_solve,
    expm,
    kron,
    lu,
    solve,
    solve_triangular,
)
from .linalg import eigvalsh as _eigvalsh
from .linalg import matrix as _matrix

__all__ = [
    "Cholesky", "CholeskySolve", "Eigvalsh", "Expm", "Solve", "cholesky", "cholesky_solve",
    "eigvalsh", "expm", "kron", "lu", "solve", "solve_lower_triangular", "solve_symmetric",
    "solve_triangular", "solve_upper_triangular",
]  # fmt: skip

Function = Callable[..., Any]
_STRUCTURES = ("general", "symmetric", "lower_triangular", "upper_triangular")


def eigvalsh(a: TensorLike, b: TensorLike | None = None, lower: bool = True) -> Tensor:
    """The ``w`` with ``a v = w b v`` for some vector ``v``, ascending: ``a`` is Hermitian and ``b``
    positive definite, by default the identity; of both one triangle is read."""
    a = _matrix(a, "eigvalsh")
    uplo = "L" if lower else "U"
    if b is None:
        return _eigvalsh(a, uplo)
    factor = cholesky(_matrix(b, "eigvalsh"), lower)
    factor = factor if lower else adjoint(factor)
    half = triangle(a, lower=lower, strict=True)
    whole = triangle(a, lower=lower) + adjoint(half)
    once = solve_triangular(factor, whole, lower=True)
    return _eigvalsh(solve_triangular(factor, adjoint(once), lower=True))


def solve_lower_triangular(a: TensorLike, b: TensorLike) -> Tensor:
    """The ``x`` with ``a x = b``, of which only the lower triangle is read."""
    return solve_triangular(a, b, lower=True)


def solve_upper_triangular(a: TensorLike, b: TensorLike) -> Tensor:
    """The ``x`` with ``a x = b``, of which only the upper triangle is read."""
    return solve_triangular(a, b, lower=False)


def solve_symmetric(a: TensorLike, b: TensorLike) -> Tensor:
    """The ``x`` with ``a x = b`` for symmetric ``a``, of which the upper triangle is read."""
    return solve(a, b, "sym")


def Solve(
    A_structure: str = "general",
    lower: bool = False,
    overwrite_A: bool = False,
    overwrite_b: bool = False,
) -> Function:
    """The function that solves equations with matrices of a structure: ``general``, ``symmetric``,
    ``lower_triangular`` or ``upper_triangular``. ``overwrite_A`` and ``overwrite_b`` change
    nothing."""
    one_of(A_structure, _STRUCTURES, "Solve: A_structure")
    if A_structure.endswith("triangular"):
        return partial(solve_triangular, lower=A_structure.startswith("lower"))
    return partial(solve, assume_a="gen" if A_structure == "general" else "sym", lower=lower)


def Cholesky(lower: bool = True, destructive: bool = False, on_error: str = "raise") -> Function:
    """``cholesky`` with these arguments; ``destructive`` changes nothing."""
    one_of(on_error, ("raise", "nan"), "Cholesky: on_error")
    return partial(cholesky, lower=lower, on_error=on_error)


def CholeskySolve(lower: bool = True) -> Function:
    """``cholesky_solve`` for a factor of this kind."""
    return partial(cholesky_solve, lower=lower)


def Eigvalsh(lower: bool = True) -> Function:
    """``eigvalsh`` that reads this triangle."""
    return partial(eigvalsh, lower=lower)


def Expm() -> Function:
    """``expm``."""
    return expm
