"""Names of ``theano.sandbox.linalg`` that only old programs use."""

from __future__ import annotations

from typing import Any

__all__ = ["psd", "hint", "is_psd", "spectral_radius_bound"]


def psd(v: Any) -> Any:
    """The matrix, which the program says is positive semidefinite: nothing is made of that."""
    return v


hint = psd


def is_psd(v: Any) -> bool:
    """Nothing is known."""
    return False


def spectral_radius_bound(X: Any, log2_exponent: int) -> Any:
    """An upper bound of the spectral radius of a symmetric matrix with positive entries."""
    from .. import tensor as T

    for _ in range(log2_exponent):
        X = T.dot(X, X)
    return T.pow(T.sum(T.diagonal(X)), 2.0**-log2_exponent)
