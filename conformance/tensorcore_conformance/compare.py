"""How far a result is from the exact one, and how far it may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Limit:
    """How far results may be off.

    Without ``scale``, ``amount`` counts units in the last place, and 0 means every bit (any
    NaN for any NaN; a zero's sign where ``signs`` holds). With ``scale``, an array of
    magnitudes, it counts ``eps * scale``. Where ``free`` holds, any value will do.
    """

    amount: float = 0.0
    scale: Array | None = None
    signs: Array | bool = True
    free: Array | bool = False


@dataclass(frozen=True)
class Verdict:
    """The largest error in units of the limit, and in words what is wrong, if anything."""

    max_ulp: float
    limit: float
    complaint: str = ""
    #: Where the result is wrong; None when all of it is, or nothing.
    at: tuple[int, ...] | None = None
    unit: str = ""


def judge(actual: object, exact: Array, dtype: str, limit: Limit) -> Verdict:
    """Compare a result with the exact value, which may be in a wider dtype."""
    if not isinstance(actual, np.ndarray):
        return _bad(limit, f"the result is a {type(actual).__name__}, expected an array")
    if actual.dtype != np.dtype(dtype):
        return _bad(limit, f"the result has dtype {actual.dtype}, expected {dtype}")
    if actual.shape != exact.shape:
        return _bad(limit, f"the result has shape {actual.shape}, expected {exact.shape}")
    if actual.size == 0:
        return Verdict(0.0, limit.amount)
    if actual.dtype.kind == "b" and actual.view(np.uint8).max() > 1:
        return _bad(limit, "the result has a bool that is neither 0 nor 1 in memory")
    with np.errstate(all="ignore"):
        errors = np.where(limit.free, 0.0, _errors(actual, exact, dtype, limit))
    worst = float(errors.max())
    unit = "ULP" if limit.scale is None and actual.dtype.kind != "c" else "eps × magnitude"
    if worst <= limit.amount:
        return Verdict(worst, limit.amount, unit=unit)
    at = tuple(map(int, np.unravel_index(int(errors.argmax()), errors.shape)))
    if limit.amount == 0 and actual.dtype.kind != "c":
        found, wanted = actual[at], exact.astype(actual.dtype)[at]
        words = f"found {found!s}, expected {wanted!s}, must be equal"
    else:
        off = f": off by {worst:.4g}, allowed {limit.amount:.4g} {unit}" if worst < np.inf else ""
        words = f"found {actual[at]!s}, expected {exact[at]!s}{off}"
    return Verdict(worst, limit.amount, words, at, unit)


def turned(exact: Array, found: object, spans: Sequence[tuple[int, int, bool]]) -> Array:
    """A decomposition with each column multiplied by the number of size 1 that brings it next to
    the one found, in the rows that ``Op.turns`` names: for libraries that choose otherwise."""
    if not isinstance(found, np.ndarray) or found.shape != exact.shape or not exact.size:
        return exact
    shares = []
    for first, end, conjugated in spans:
        share = np.conj(exact[..., first:end, :]) * found[..., first:end, :]
        shares.append(np.sum(np.conj(share) if conjugated else share, -2, keepdims=True))
    share = sum(shares)
    size = np.abs(share)
    number = np.where(size > 0, share / np.where(size > 0, size, 1), 1).astype(exact.dtype)
    result = exact.copy()
    for first, end, conjugated in spans:
        result[..., first:end, :] *= np.conj(number) if conjugated else number
    return result


def _bad(limit: Limit, complaint: str) -> Verdict:
    return Verdict(float("inf"), limit.amount, complaint)


def _errors(actual: Array, exact: Array, dtype: str, limit: Limit) -> Array:
    kind = np.dtype(dtype).kind
    if kind not in "fc":
        return np.where(actual == exact, 0.0, np.inf)
    if kind == "c":
        return _complex_errors(actual, exact, limit)
    if limit.scale is not None:
        return _scaled(actual, exact, limit.scale)
    errors = ulp_errors(actual, exact)
    if limit.amount == 0:
        errors = np.where(errors > 0, np.inf, 0.0)
        wrong = (actual == 0) & (np.signbit(actual) != np.signbit(exact)) & limit.signs
        errors = np.where(wrong & (exact == 0), np.inf, errors)
    return errors


def ulp_errors(actual: Array, exact: Array) -> Array:
    """The distance in units in the last place of ``actual``'s dtype; NaN from NaN is 0.

    To infinity it is counted in numbers of the dtype, but a number is no nearer to a value out
    of range than the two are.
    """
    rounded = exact.astype(actual.dtype)
    wide = np.result_type(exact.dtype, np.float64)
    unit = np.spacing(np.abs(rounded)).astype(wide)
    errors = np.abs(actual.astype(wide) - exact.astype(wide)) / unit
    mixed = ~(np.isfinite(actual) & np.isfinite(rounded))
    steps = np.abs(_ordinal(actual) - _ordinal(rounded))
    if wide != actual.dtype:  # else what was out of range may have been so by rounding alone
        last = np.spacing(np.finfo(actual.dtype).max).astype(wide)
        far = np.isfinite(actual) & np.isinf(rounded)
        steps = np.where(far, np.abs(actual.astype(wide) - exact.astype(wide)) / last, steps)
    errors = np.where(mixed, steps, errors)
    nans = np.isnan(actual), np.isnan(exact)
    errors = np.where(nans[0] & nans[1], 0.0, np.where(nans[0] | nans[1], np.inf, errors))
    return np.asarray(errors, dtype=np.float64)


def _ordinal(values: Array) -> Array:
    """The number's place among all of its dtype, as a float; zeros share one place."""
    integers = values.view(f"i{values.dtype.itemsize}").astype(np.float64)
    lowest = -(2.0 ** (8 * values.dtype.itemsize - 1))
    return np.where(integers < 0, lowest - integers, integers)


def _scaled(actual: Array, exact: Array, scale: Array) -> Array:
    eps = np.finfo(actual.dtype).eps
    difference = np.abs(actual.astype(exact.dtype) - exact)
    tiny = np.finfo(actual.dtype).smallest_subnormal
    unit = eps * scale
    errors = np.where(difference == 0, 0.0, np.maximum(difference - tiny, 0) / unit)
    rounded = exact.astype(actual.dtype)
    same = (np.isnan(actual) & np.isnan(exact)) | (actual == rounded)
    finite = np.isfinite(actual) & np.isfinite(rounded)
    errors = np.where(same & ~finite, 0.0, np.where(finite, errors, np.inf))
    return np.asarray(np.nan_to_num(errors, nan=np.inf, posinf=np.inf), dtype=np.float64)


def _complex_errors(actual: Array, exact: Array, limit: Limit) -> Array:
    """By magnitude. Where a part is not finite, any value that is not finite will do: the
    standards leave it open. A limit of 0 allows the rounding of products of parts."""
    finite = np.isfinite(exact.astype(actual.dtype))
    scale = np.abs(exact) if limit.scale is None else limit.scale
    eps = np.finfo(actual.dtype).eps
    tiny = np.finfo(actual.dtype).tiny
    difference = np.abs(actual.astype(exact.dtype) - exact)
    errors = np.maximum(difference - 4 * tiny, 0) / (eps * scale)
    errors = np.where(difference <= 4 * tiny, 0.0, errors)
    if limit.amount == 0:
        errors = np.where(errors <= 4, 0.0, errors)
    wrong = np.isfinite(actual) != finite
    return np.asarray(np.where(wrong, np.inf, np.where(finite, errors, 0.0)), dtype=np.float64)
