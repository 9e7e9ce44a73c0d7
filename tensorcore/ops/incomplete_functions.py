"""The references of the ops in incomplete.py, over whole arrays.

Sources: "NIST Digital Library of Mathematical Functions", 8.7.1 (the series of the incomplete gamma
function), 8.9.2 (its continued fraction), 8.17.22 (that of the incomplete beta function), 25.11.5
(the sum of Euler and Maclaurin for the zeta function). Continued fractions are evaluated as W. J.
Lentz did ("Generating Bessel functions in Mie scattering calculations", 1976), in the form of
I. J. Thompson and A. R. Barnett, 1986.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .special_functions import gamma, gammaln, like, pi_like, stirling, widened, zeta_sum

Array = Any
_TINY = 1e-290
_ENOUGH = 1e-20
#: From here on Stirling's series is exact enough.
_FAR = 16.0


def _fraction(
    xp: Any, first: Array, above: Callable[[int], Array], below: Callable[[int], Array]
) -> Array:
    """``first + above(1) / (below(1) + above(2) / (below(2) + ...))``."""
    h = c = xp.where(first == 0, like(xp, first, _TINY), first)
    d = xp.zeros_like(first)
    # What is exact stays so: more steps would only add their rounding.
    exact = float(2 * xp.finfo(first.dtype).eps)
    going = d == 0
    for k in range(1, 300):
        d = below(k) + above(k) * d
        c = below(k) + above(k) / c
        d = 1 / xp.where(d == 0, like(xp, d, _TINY), d)
        c = xp.where(c == 0, like(xp, c, _TINY), c)
        h = xp.where(going, h * (c * d), h)
        going = going & (xp.abs(c * d - 1) > exact)
        if not bool(xp.any(going)):
            break
    return h


def _density(xp: Any, k: Array, x: Array) -> Array:
    """``x**k exp(-x) / gamma(k + 1)``. For large k by Stirling's series and what is left of the
    exponents, ``k (u - log(1 + u))`` with ``u = (x - k) / k``, without cancellation."""
    small = k < _FAR
    s, y = xp.where(small, k, 0 * k + 1), xp.where(small & (x < 800), x, 0 * x + 1)
    direct = xp.where(x < 800, y**s * xp.exp(-y) / gamma(xp, s + 1), 0)
    large, x = xp.where(small, 0 * k + _FAR, k), xp.where(small, 0 * x + _FAR, x)
    u = (x - large) / large
    near = xp.abs(u) < 0.5
    v = xp.where(near, u, 0 * u)
    z = v / (2 + v)
    series = xp.zeros_like(z)
    for j in range(61, 1, -2):
        series = series * z * z + like(xp, z, 1) / j
    left = xp.where(near, v * z - 2 * z * z * z * series, u - xp.log(x / large))
    whole = xp.exp(-large * left - stirling(xp, large)) / xp.sqrt(2 * pi_like(xp, large) * large)
    return xp.where(small, direct, whole)


def _of_gamma(xp: Any, k: Array, x: Array, upper: bool) -> Array:
    k, x = xp.broadcast_arrays(k, x)
    good = (k > 0) & (x > 0) & xp.isfinite(k) & xp.isfinite(x)
    one = xp.ones_like(x)
    a, y = xp.where(good, k, one), xp.where(good, x, one)
    density = _density(xp, a, y)
    low = y < a + 1
    z = xp.where(low, y, one)
    term = total = one
    n = 0
    while bool(xp.any(term > _ENOUGH * total)) and n < 5000:
        n += 1
        term = term * (z / (a + n))
        total = total + term
    b, w = xp.where(low, one, a), xp.where(low, 3 * one, y)
    fraction = _fraction(xp, w + 1 - b, lambda j: -j * (j - b), lambda j: w + 2 * j + 1 - b)
    p, q = density * total, density * a / fraction
    value = xp.where(low, 1 - p, q) if upper else xp.where(low, p, 1 - q)
    at_zero, at_end = (one, 0 * one) if upper else (0 * one, one)
    value = xp.where((x == 0) | xp.isinf(k), at_zero, value)
    value = xp.where(xp.isinf(x) | ((k == 0) & (x > 0)), at_end, value)
    return xp.where((k >= 0) & (x >= 0) & ~((k == 0) & (x == 0)), value, math.nan)


@widened
def gammainc(xp: Any, k: Array, x: Array) -> Array:
    """The regularised lower incomplete gamma function."""
    return _of_gamma(xp, k, x, upper=False)


@widened
def gammaincc(xp: Any, k: Array, x: Array) -> Array:
    """The regularised upper incomplete gamma function."""
    return _of_gamma(xp, k, x, upper=True)


def _beta_fraction(xp: Any, a: Array, b: Array, x: Array) -> Array:
    def above(j: int) -> Array:
        m = j // 2
        if j == 1:
            return xp.ones_like(x)
        m = (j - 1) // 2
        if j % 2 == 0:
            return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))

    return _fraction(xp, xp.zeros_like(x), above, lambda j: xp.ones_like(x))


@widened
def betainc(xp: Any, a: Array, b: Array, x: Array) -> Array:
    """The regularised incomplete beta function."""
    a, b, x = xp.broadcast_arrays(a, b, x)
    valid = (a > 0) & (b > 0) & (x >= 0) & (x <= 1)
    inner = valid & (x > 0) & (x < 1)
    one = xp.ones_like(x)
    p, q, y = xp.where(inner, a, one), xp.where(inner, b, one), xp.where(inner, x, one / 2)
    turned = y > (p + 1) / (p + q + 2)
    few = p + q < 30
    c, d = xp.where(few, p, one), xp.where(few, q, one)
    direct = gamma(xp, c + d) / (gamma(xp, c) * gamma(xp, d)) * y**c * (1 - y) ** d
    scale = gammaln(xp, p + q) - gammaln(xp, p) - gammaln(xp, q)
    front = xp.where(few, direct, xp.exp(scale + p * xp.log(y) + q * xp.log1p(-y)))
    first, second = xp.where(turned, q, p), xp.where(turned, p, q)
    part = front * _beta_fraction(xp, first, second, xp.where(turned, 1 - y, y)) / first
    value = xp.where(turned, 1 - part, part)
    value = xp.where(inner, value, x)
    return xp.where(valid, value, math.nan)


@widened
def hurwitz_zeta(xp: Any, s: Array, q: Array) -> Array:
    """The sum of ``(q + n)**-s``."""
    s, q = xp.broadcast_arrays(s, q)
    good = (s > 1) & (q > 0)
    value = zeta_sum(xp, xp.where(good, s, 0 * s + 2), xp.where(good, q, 0 * q + 1))
    value = xp.where(good, value, math.nan)
    value = xp.where((s == 1) & (q > 0), math.inf, value)
    return xp.where(xp.isnan(s) | xp.isnan(q), math.nan, value)
