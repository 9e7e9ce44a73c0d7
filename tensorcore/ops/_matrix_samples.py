"""What the conformance suite tries matrix ops on: well-conditioned, small, in and without batches.

The singular values of the matrices are far apart and their eigenvalues too, so that everything
has a derivative; the smallest sizes, 0 and 1, are among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

Sample = tuple[tuple[Any, ...], dict[str, Any]]
_SHAPES = ((3, 3), (2, 2, 2), (1, 1), (0, 0), (0, 2, 2), (5, 5))


def _random(dtype: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.uniform(-1, 1, shape)
    if dtype.startswith("complex"):
        return np.asarray(values + 1j * rng.uniform(-1, 1, shape)).astype(dtype)
    return np.asarray(values).astype(dtype)


def square(dtype: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Random entries, and 2, 3, 4, ... on the diagonals."""
    n = shape[-1]
    diagonal = np.diag(np.arange(2, 2 + n)).astype(dtype)
    return np.asarray(_random(dtype, shape, seed) + diagonal)


def hermitian(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Hermitian matrices, in the dtype."""
    x = square(dtype, shape)
    return np.asarray((x + np.conj(np.swapaxes(x, -1, -2))) / 2).astype(dtype)


def positive_samples(dtype: str) -> Iterator[Sample]:
    """Positive definite matrices."""
    for shape in _SHAPES:
        x = hermitian(dtype, shape) / 4
        eye = np.eye(shape[-1])
        product = x @ np.conj(np.swapaxes(x, -1, -2)) + eye
        for nan in (False, True):
            yield (np.asarray(product).astype(dtype),), {"nan": nan}


def square_samples(dtype: str) -> Iterator[Sample]:
    """Square matrices that are regular."""
    for shape in _SHAPES:
        yield (square(dtype, shape),), {}


def pairs_of_squares(dtype: str) -> Iterator[Sample]:
    """Two square matrices."""
    for shape in _SHAPES:
        yield (square(dtype, shape) / 2, square(dtype, shape, 3)), {}


def hermitian_samples(dtype: str) -> Iterator[Sample]:
    """Hermitian matrices, read from either triangle."""
    for shape in _SHAPES:
        for lower in (True, False):
            yield (hermitian(dtype, shape),), {"lower": lower}


def right_hand_sides(dtype: str) -> Iterator[Sample]:
    """Square matrices and matrices with as many rows."""
    for shape in _SHAPES:
        for columns in (1, 2):
            right = _random(dtype, (*shape[:-1], columns), 1)
            yield (square(dtype, shape), right), {}


def triangular_samples(dtype: str) -> Iterator[Sample]:
    """As ``right_hand_sides``; half of the entries are not to be read."""
    for arrays, _ in right_hand_sides(dtype):
        for lower, unit in ((True, False), (False, False), (True, True)):
            yield arrays, {"lower": lower, "unit": unit}


def oblong(dtype: str) -> Iterator[np.ndarray]:
    """Matrices with more rows than columns, fewer, and as many. The two differ by one at most:
    what fills a larger gap could be any basis."""
    for shape in ((3, 3), (3, 2), (2, 3), (2, 3, 2), (1, 2), (0, 0), (0, 2, 2)):
        x = _random(dtype, shape, 2)
        for k in range(min(shape[-2:])):
            x[..., k, k] += 2 + k
        yield x


def oblong_samples(dtype: str) -> Iterator[Sample]:
    """Matrices that need not be square."""
    for x in oblong(dtype):
        yield (x,), {}


def cut_off_samples(dtype: str) -> Iterator[Sample]:
    """As ``oblong_samples``, with a limit below which singular values count as zeros."""
    for x in oblong(dtype):
        yield (x,), {"rcond": 1e-5}
