"""Sample values and memory layouts: arrays by dtype, shape and class."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorcore import dtypes
from tensorcore.ops import Op

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def generator(*words: object) -> np.random.Generator:
    """A random generator that is the same in every run for the same words."""
    return np.random.default_rng(zlib.crc32(repr(words).encode()))


# -- values ---------------------------------------------------------------------------------


def domain(op: Op[Any], dtype: str, shape: Shape, rng: np.random.Generator) -> Array:
    """Values from the op's domain; for integers those of small magnitude inside it."""
    low, high = op.domain
    kind = dtypes.kind(dtype)
    if kind == "b":
        return np.asarray(rng.integers(0, 2, shape), dtype="bool")
    if kind in "iu":
        low, high = max(low, -9.0), min(high, 9.0)
        whole = rng.integers(int(np.ceil(low)), int(high) + 1, shape)
        return np.asarray(np.maximum(whole, 0) if kind == "u" else whole).astype(dtype)
    real = rng.uniform(low, high, shape)
    if kind == "c":
        return np.asarray(real + 1j * rng.uniform(low, high, shape)).astype(dtype)
    values = np.asarray(real).astype(dtype)
    inside = (values > low) & (values < high)  # rounding may have reached an end
    return np.asarray(np.where(inside, values, np.asarray((low + high) / 2, dtype)))


def wide_integers(dtype: str, shape: Shape, rng: np.random.Generator) -> Array:
    """Integers from the whole range of the dtype."""
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype=np.dtype(dtype).type, endpoint=True)


def halfway(source: str, target: str, rng: np.random.Generator) -> Array:
    """Numbers of one dtype halfway between neighbours of a float dtype, and their own neighbours:
    which way they are rounded shows whether they are rounded once. Few or none where the source
    has none between the target's."""
    lower = rng.uniform(-3, 3, 16).astype(target)
    lower = np.concatenate([lower, lower * np.finfo(target).tiny, lower * 1024])
    upper = np.nextafter(lower, np.asarray(np.inf, target))
    if dtypes.kind(source) == "f":
        middle = (lower.astype(source) + upper.astype(source)) / 2
        around = [np.nextafter(middle, np.asarray(end, source)) for end in (-np.inf, np.inf)]
        return np.concatenate([middle, *around])
    digits, info = np.finfo(target).nmant + 1, np.iinfo(source)
    ties = [(2 * k + 1) << places for k in (1 << digits - 1, 1 << digits) for places in (0, 1, 3)]
    near = [sign * (tie + k) for tie in ties for k in (-1, 0, 1, 2) for sign in (1, -1)]
    return np.array([v for v in near if info.min <= v <= info.max], dtype=source)


#: Magnitudes at which exponentials of float32 and float64 overflow, vanish or go subnormal.
_EDGES = (15.9, 30.0, 88.5, 90.0, 100.0, 700.0, 709.5, 740.0, 745.5, 800.0, 2.0**20, 2.0**24 + 1)


def specials(dtype: str) -> Array:
    """Every special value of the dtype: NaN, infinities, zeros of both signs, subnormal, tiny
    and huge numbers, powers of two; for integers both ends of the range and the width."""
    kind = dtypes.kind(dtype)
    if kind == "b":
        return np.array([False, True])
    if kind in "iu":
        info = np.iinfo(dtype)
        near = (-2, -1, 0, 1, 2, 3, 7)
        width = (info.bits - 1, info.bits, info.bits + 1)  # by so much a shift is the last, or none
        wanted = {info.min, info.min + 1, info.max // 2, info.max - 1, info.max, *near, *width}
        return np.array(sorted(v for v in wanted if info.min <= v <= info.max), dtype=dtype)
    if kind == "c":
        parts = (0.0, -0.0, 1.0, -2.5, np.inf, np.nan)
        return np.array([complex(a, b) for a in parts for b in parts], dtype=dtype)
    fin = np.finfo(dtype)
    small = [fin.smallest_subnormal, fin.tiny / 4, fin.tiny, fin.eps, 1 - fin.eps / 2, 1 + fin.eps]
    plain = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 9.75, *_EDGES]
    huge = [float(fin.max) / 2, float(fin.max), np.inf]
    with np.errstate(over="ignore"):
        positive = np.array([*small, *plain, *huge]).astype(dtype)
    positive = positive[np.unique(positive, return_index=True)[1]]
    return np.concatenate([positive, -positive, np.array([np.nan], dtype=dtype)])


def strangest_first(values: Array) -> Array:
    """Special values with those first that are most often got wrong: what is not finite, zeros,
    subnormals, the ends of the range."""
    if values.dtype.kind == "b":
        return values
    if values.dtype.kind in "iu":
        plain = np.abs(values.astype(np.float64)) <= 100
    else:
        size, fin = np.abs(values), np.finfo(values.dtype)
        plain = np.isfinite(values) & (size >= fin.tiny) & (size < float(fin.max) / 2)
    return values[np.argsort(plain, kind="stable")]


def crossed(values: Sequence[Array], limit: int, rng: np.random.Generator) -> list[Array]:
    """All combinations of the values, one vector per operand; a random part of them when they
    are more than ``limit``."""
    total = int(np.prod([len(v) for v in values]))
    if total <= limit:
        rows = np.array(list(itertools.product(*(range(len(v)) for v in values))))
    else:
        rows = np.stack([rng.integers(0, len(v), limit) for v in values], axis=1)
    return [v[rows[:, k]] for k, v in enumerate(values)]


# -- layouts --------------------------------------------------------------------------------


def _plain(a: Array) -> Array:
    return np.array(a, order="C")


def _fortran(a: Array) -> Array:
    return np.array(a, order="F")


def _backwards(a: Array) -> Array:
    turn: tuple[Any, ...] = (slice(None, None, -1),) * a.ndim
    return np.array(a[turn], order="C")[(*turn, ...)]


def _repeated(a: Array) -> Array:
    """Stride 0 along the first axis; the values change to those of its first row."""
    if a.ndim == 0 or a.shape[0] == 0:
        return _plain(a)
    return np.broadcast_to(np.array(a[:1], order="C"), a.shape)


def _read_only(a: Array) -> Array:
    frozen = _plain(a)
    frozen.flags.writeable = False
    return frozen


def _unaligned(a: Array) -> Array:
    """The same values one byte off."""
    raw = np.zeros(a.nbytes + 1, dtype=np.uint8)
    shifted = raw[1:].view(a.dtype) if a.nbytes else np.zeros(0, a.dtype)
    result = shifted.reshape(a.shape)
    result[...] = a
    return result


def _sliced(a: Array) -> Array:
    """Every other entry of a larger array along each axis."""
    larger = np.zeros(tuple(2 * n for n in a.shape), dtype=a.dtype)
    every: tuple[Any, ...] = (slice(None, None, 2),) * a.ndim
    view = larger[(*every, ...)]
    view[...] = a
    return view


def _overlapping(a: Array) -> Array:
    """Rows that share memory, each shifted by one entry; the values change. A vector has none."""
    if a.ndim < 2 or 0 in a.shape:
        return _sliced(a)
    line = np.resize(_plain(a).ravel(), sum(a.shape) - a.ndim + 1)
    return np.lib.stride_tricks.as_strided(line, a.shape, (line.itemsize,) * a.ndim)


#: How an array of given values may lie in memory. Two of them bring values of their own.
LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "C": _plain,
    "Fortran": _fortran,
    "backwards": _backwards,
    "repeated": _repeated,
    "read-only": _read_only,
    "unaligned": _unaligned,
    "sliced": _sliced,
    "overlapping": _overlapping,
}


def laid_out(arrays: Sequence[Array], turn: int) -> tuple[Array, ...]:
    """The arrays in layouts number ``turn``, ``turn + 1``, ..."""
    makers = list(LAYOUTS.values())
    return tuple(makers[(turn + k) % len(makers)](a) for k, a in enumerate(arrays))
