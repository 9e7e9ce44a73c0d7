"""The references of the ops in bessel.py, over whole arrays.

Sources: "NIST Digital Library of Mathematical Functions", 10.2.2 and 10.25.2 (the series), 10.17.3
and 10.40.1 (Hankel's expansions for large arguments), 10.6.1 (the recurrence, which is run
downwards as J. C. P. Miller did), 10.23.15 (Neumann's sum, which gives its scale).
"""

from __future__ import annotations

import math
from typing import Any

from .special_functions import gamma, gammaln, like, pi_like, widened

Array = Any
_BIG = 1e100


def _prefactor(xp: Any, v: Array, x: Array) -> Array:
    """``(x / 2)**v / gamma(v + 1)``."""
    small = xp.where(v > 25, like(xp, v, 0), v)
    direct = (x / 2) ** small / gamma(xp, small + 1)
    large = xp.where(v > 25, v, like(xp, v, 26))
    half = xp.where(x > 0, x / 2, like(xp, x, 1))
    far = xp.where(x > 0, xp.exp(large * xp.log(half) - gammaln(xp, large + 1)), 0)
    return xp.where(v > 25, far, direct)


def _series(xp: Any, v: Array, x: Array, sign: int) -> Array:
    """The power series; with a minus at every other term for J."""
    z = sign * x * x / 4
    term = total = xp.ones_like(x)
    k = 0
    while k < 20 or bool(xp.any((xp.abs(term) > 1e-22 * xp.abs(total)) & xp.isfinite(total))):
        k += 1
        term = term * (z / (k * (v + k)))
        total = total + term
        if k > 3000:
            break
    return _prefactor(xp, v, x) * total


def _hankel(xp: Any, v: Array, x: Array) -> list[Array]:
    """The terms of the expansion for large arguments, until they grow."""
    terms = [xp.ones_like(x)]
    going = xp.ones_like(x)
    for k in range(1, 50):
        after = terms[-1] * (4 * v * v - (2 * k - 1) ** 2) / (8 * k * x)
        shrinks = (xp.abs(after) <= xp.abs(terms[-1])) & (going > 0)
        going = xp.where(shrinks, going, 0 * going)
        terms.append(xp.where(shrinks, after, 0 * after))
    return terms


def _far_j(xp: Any, v: Array, x: Array) -> Array:
    terms = _hankel(xp, v, x)
    p = sum((t if k % 2 == 0 else -t for k, t in enumerate(terms[::2])), xp.zeros_like(x))
    q = sum((t if k % 2 == 0 else -t for k, t in enumerate(terms[1::2])), xp.zeros_like(x))
    pi = pi_like(xp, x)
    turn = xp.remainder(v / 2 + 0.25, like(xp, x, 2)) * pi
    cosine = xp.cos(x) * xp.cos(turn) + xp.sin(x) * xp.sin(turn)
    sine = xp.sin(x) * xp.cos(turn) - xp.cos(x) * xp.sin(turn)
    return xp.sqrt(2 / (pi * x)) * (p * cosine - q * sine)


def _far_i(xp: Any, v: Array, x: Array) -> Array:
    terms = _hankel(xp, v, x)
    total = sum((t if k % 2 == 0 else -t for k, t in enumerate(terms)), xp.zeros_like(x))
    half = xp.exp(x / 2)
    return half * (total / xp.sqrt(2 * pi_like(xp, x) * x)) * half


def _downwards(xp: Any, v: Array, x: Array) -> Array:
    """J by the recurrence from a high order, and Neumann's sum."""
    m = xp.floor(v)
    f = v - m
    top = xp.where(v > x, v, x)
    start = xp.floor(top + 12 * top ** like(xp, x, 1 / 3) + 20)
    n = int(xp.max(start)) if math.prod(x.shape) else -1
    last = min(0, int(xp.min(m))) if math.prod(x.shape) else 0
    before = now = total = found = xp.zeros_like(x)
    while n >= last:
        now = xp.where(start == n, like(xp, x, 1e-60), now)
        found = xp.where(m == n, now, found)
        if n >= 0 and n % 2 == 0:
            h = n // 2
            total = now + total * (f + 2 if h == 0 else (f + n + 2) / (f + n) * (f + h) / (h + 1))
        before, now = now, 2 * (f + n) / x * now - before
        scale = xp.where(xp.abs(now) > _BIG, like(xp, x, 1 / _BIG), 1 + 0 * x)
        before, now, total, found = before * scale, now * scale, total * scale, found * scale
        n -= 1
    return found * (x / 2) ** f / (gamma(xp, f + 1) * total)


def _whole(xp: Any, v: Array) -> Array:
    return xp.isfinite(v) & (v == xp.floor(v))


def _odd(xp: Any, v: Array) -> Array:
    return xp.remainder(v, like(xp, v, 2)) == 1


@widened
def jv(xp: Any, v: Array, x: Array) -> Array:
    """The Bessel function of the first kind."""
    v, x = xp.broadcast_arrays(v, x)
    whole = _whole(xp, v)
    turned = whole & _odd(xp, v) & ((x < 0) != (v < 0))
    order, y = xp.where(whole, xp.abs(v), v), xp.abs(x)
    good = xp.isfinite(order) & xp.isfinite(y)
    order, y = xp.where(good, order, 0 * y + 1), xp.where(good, y, 0 * y + 1)
    order, y = xp.where(xp.isfinite(order), order, 1), xp.where(xp.isfinite(y), y, 1)
    far = y > 25 + order * order / 2
    near = xp.where(order < 0, y < 1, y * y <= 4 * (order + 1)) & ~far
    middle = ~far & ~near
    one = xp.ones_like(y)
    value = xp.where(
        far,
        _far_j(xp, xp.where(far, order, one), xp.where(far, y, 50 * one)),
        xp.where(
            near,
            _series(xp, xp.where(near, order, one), xp.where(near, y, one), -1),
            _downwards(xp, xp.where(middle, order, one), xp.where(middle, y, 4 * one)),
        ),
    )
    value = xp.where(turned, -value, value)
    value = xp.where(xp.isinf(x) | xp.isinf(v), 0 * value, value)
    value = xp.where((x < 0) & ~whole, math.nan, value)
    return xp.where(xp.isnan(v) | xp.isnan(x), math.nan, value)


@widened
def iv(xp: Any, v: Array, x: Array) -> Array:
    """The modified Bessel function of the first kind."""
    v, x = xp.broadcast_arrays(v, x)
    whole = _whole(xp, v)
    turned = whole & _odd(xp, v) & (x < 0)
    order, y = xp.where(whole, xp.abs(v), v), xp.abs(x)
    order, y = xp.where(xp.isfinite(order), order, 1), xp.where(xp.isfinite(y), y, 1)
    far = y > 30 + order * order / 2
    one = xp.ones_like(y)
    value = xp.where(
        far,
        _far_i(xp, xp.where(far, order, one), xp.where(far, y, 50 * one)),
        _series(xp, xp.where(far, one, order), xp.where(far, one, y), 1),
    )
    value = xp.where(xp.isinf(x), math.inf, value)
    value = xp.where(turned, -value, value)
    value = xp.where(xp.isinf(v), 0 * one, value)
    value = xp.where((x < 0) & ~whole, math.nan, value)
    return xp.where(xp.isnan(v) | xp.isnan(x), math.nan, value)
