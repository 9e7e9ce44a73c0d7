"""Special functions that NumPy lacks, over whole arrays: the references of the ops in special.py.

They work in float64 and in NumPy's wider dtype; narrower ones are computed in float64 and then
rounded. ``function(xp, name)`` takes an array namespace's own function where it has one.

Sources. erf: the series with positive terms, M. Abramowitz and I. Stegun, "Handbook of
Mathematical Functions", 7.1.6. erfcx: the trapezoidal rule for its integral over the line with
the residue of the pole, F. Matta and A. Reichel, "Uniform computation of the error function
and other related functions", 1971. Inverses: Halley's iteration. gammaln: the series in
``zeta(k) - 1`` near 1 and 2 (Abramowitz and Stegun 6.1.33), Stirling's elsewhere. psi: the same
book, 6.3.5 to 6.3.18, near its root as the difference from it. polygamma: the Hurwitz zeta
function by the sum of Euler and Maclaurin.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial, wraps
from typing import Any

import numpy as np

from ._array_api import as_dtype

Array = Any
#: Bernoulli numbers B2, B4, ... as quotients.
_BERNOULLI = (
    (1, 6), (-1, 30), (1, 42), (-1, 30), (5, 66), (-691, 2730), (7, 6), (-3617, 510),
    (43867, 798), (-174611, 330), (854513, 138), (-236364091, 2730),
)  # fmt: skip
_FAR = 16.0
#: The root of psi between 1 and 2, in parts.
_ROOT = (1.4616321325302124, 1.2438149938918909e-08)
_PI = np.longdouble("3.14159265358979323846264338327950288")
_EULER = np.longdouble("0.577215664901532860606512090082402431")


def function(xp: Any, name: str) -> Callable[..., Any]:
    """The function of this name of the namespace, or ours over its arrays."""
    found: Callable[..., Any] | None = getattr(xp, name, None)
    return found if found is not None else partial(_own(name), xp)


def _own(name: str) -> Callable[..., Any]:
    from . import bessel_functions, incomplete_functions

    for place in (globals(), vars(bessel_functions), vars(incomplete_functions)):
        if name in place:
            made: Callable[..., Any] = place[name]
            return made
    raise KeyError(name)


def widened(compute: Callable[..., Array]) -> Callable[..., Array]:
    """The function computed in float64 or wider and rounded to the dtype of its operands."""

    @wraps(compute)
    def wrapped(xp: Any, *arrays: Array) -> Array:
        result = arrays[-1].dtype
        wide = xp.result_type(result, xp.float64)
        with np.errstate(all="ignore"):
            value = compute(xp, *(as_dtype(xp, a, wide) for a in arrays))
            return as_dtype(xp, value, result)

    return wrapped


def like(xp: Any, x: Array, number: Any) -> Array:
    """A number in the dtype of ``x``."""
    exact = number if isinstance(x, np.ndarray | np.generic) else float(number)
    return xp.asarray(exact, dtype=x.dtype)


def pi_like(xp: Any, x: Array) -> Array:
    """Pi in the dtype of ``x``."""
    return like(xp, x, _PI)


def _bernoulli(xp: Any, k: int, x: Array) -> Array:
    """B of index ``2 k`` in the dtype of ``x``."""
    above, below = _BERNOULLI[k - 1]
    return like(xp, x, above) / like(xp, x, below)


def _exp_square(xp: Any, x: Array) -> Array:
    """``exp(x * x)``; the square is split, as its rounding error would grow with it."""
    high = xp.trunc(x * 16) / 16
    return xp.exp(high * high) * xp.exp((x - high) * (x + high))


# -- error functions ------------------------------------------------------------------------


def _erf_series(xp: Any, x: Array) -> Array:
    """For ``|x| <= 1``."""
    square, term = 2 * x * x, x
    total = term
    for k in range(1, 34):
        term = term * square / (2 * k + 1)
        total = total + term
    return 2 / xp.sqrt(like(xp, x, _PI)) * xp.exp(-x * x) * total


def _erfcx_right(xp: Any, x: Array) -> Array:
    """For ``x >= 1/2``. The step h of the trapezoidal rule errs by ``exp(-(pi / h)**2)``."""
    pi, h = like(xp, x, _PI), like(xp, x, 0.4375)
    square = x * x
    total = 1 / (2 * square)
    for k in range(1, 17):
        node = (k * h) * (k * h)
        total = total + xp.exp(-node) / (square + node)
    pole = xp.where(x < pi / h, 2 * _exp_square(xp, xp.minimum(x, 8)) / xp.expm1(2 * pi * x / h), 0)
    return xp.where(x > 1e9, 1 / xp.sqrt(pi) / x, 2 * x * h / pi * total - pole)


@widened
def erfcx(xp: Any, x: Array) -> Array:
    """``exp(x * x) * erfc(x)``."""
    y = xp.abs(x)
    small = xp.minimum(y, 1)
    near = xp.exp(small * small) * (1 - _erf_series(xp, small))
    right = xp.where(y < 0.5, near, _erfcx_right(xp, xp.maximum(y, 0.5)))
    return xp.where(
        xp.isnan(x), x, xp.where(x >= 0, right, 2 * _exp_square(xp, xp.minimum(y, 200)) - right)
    )


@widened
def erfc(xp: Any, x: Array) -> Array:
    """``1 - erf(x)``, accurate where that is small."""
    y = xp.abs(x)
    near = 1 - _erf_series(xp, xp.clip(x, -1, 1))
    tail = _erfcx_right(xp, xp.maximum(y, 0.5)) / _exp_square(xp, xp.minimum(y, 200))
    return xp.where(xp.isnan(x), x, xp.where(y < 0.5, near, xp.where(x > 0, tail, 2 - tail)))


@widened
def erf(xp: Any, x: Array) -> Array:
    """The error function."""
    y = xp.abs(x)
    tail = 1 - _erfcx_right(xp, xp.maximum(y, 0.5)) / _exp_square(xp, xp.minimum(y, 200))
    near = _erf_series(xp, xp.clip(x, -1, 1))
    return xp.where(xp.isnan(x), x, xp.where(y < 1, near, xp.copysign(tail, x)))


def _erfinv_middle(xp: Any, y: Array) -> Array:
    """For ``|y| <= 1/2``."""
    pi = like(xp, y, _PI)
    half, square = xp.sqrt(pi) / 2, y * y
    x = half * y * (1 + square * (pi / 12 + square * 7 * pi * pi / 480))
    for _ in range(4):
        step = (_erf_series(xp, x) - y) * half * xp.exp(x * x)
        x = x - step / (1 + x * step)
    return x


def _erfcinv_tail(xp: Any, p: Array) -> Array:
    """For ``0 < p < 1/2``. The first guess is S. Winitzki's, of 2008."""
    half = xp.sqrt(like(xp, p, _PI)) / 2
    logarithm = xp.log(p)
    w = logarithm + xp.log(2 - p)
    b = 2 / (math.pi * 0.147) + w / 2
    x = xp.sqrt(xp.sqrt(b * b - w / 0.147) - b)
    for _ in range(6):
        step = half * (xp.exp(x * x + logarithm) - erfcx(xp, x))
        x = x - step / (1 + x * step)
    return x


@widened
def erfinv(xp: Any, y: Array) -> Array:
    """The inverse of erf; infinite at -1 and 1, NaN beyond."""
    a = xp.abs(y)
    middle = _erfinv_middle(xp, xp.clip(y, -0.5, 0.5))
    tail = xp.copysign(_erfcinv_tail(xp, xp.clip(1 - a, xp.finfo(y.dtype).smallest_normal, 0.5)), y)
    inside = xp.where(a <= 0.5, middle, tail)
    return xp.where(
        a < 1, inside, xp.where(a == 1, xp.copysign(xp.full_like(y, math.inf), y), math.nan)
    )


@widened
def erfcinv(xp: Any, p: Array) -> Array:
    """The inverse of erfc; infinite at 0 and 2, NaN beyond."""
    middle = _erfinv_middle(xp, xp.clip(1 - p, -0.5, 0.5))
    smallest = xp.finfo(p.dtype).smallest_normal * xp.finfo(p.dtype).eps
    small = xp.clip(xp.where(p < 1, p, 2 - p), smallest, 0.5)
    tail = _erfcinv_tail(xp, small)
    tail = xp.where(p < 1, tail, -tail)
    inside = xp.where((p >= 0.5) & (p <= 1.5), middle, tail)
    ends = xp.where(p == 2, -math.inf, xp.full_like(p, math.nan))
    ends = xp.where(p == 0, math.inf, ends)
    return xp.where((p > 0) & (p < 2), inside, ends)


# -- gamma and its logarithm ----------------------------------------------------------------


@cache
def _zeta_less_one(k: int) -> Any:
    """``zeta(k) - 1`` in NumPy's widest dtype."""
    n = np.longdouble(20)
    s = np.longdouble(k)
    total = sum((np.longdouble(j) ** -s for j in range(19, 1, -1)), np.longdouble(0))
    term = n**-s
    total = total + term * (n / (s - 1) + np.longdouble(0.5))
    term, factorial = term * s / n, np.longdouble(2)
    for j in range(1, 9):
        total = total + _bernoulli(np, j, n) / factorial * term
        term = term * (s + 2 * j - 1) * (s + 2 * j) / (n * n)
        factorial = factorial * (2 * j + 1) * (2 * j + 2)
    return total


def _log_gamma_two(xp: Any, z: Array) -> Array:
    """``gammaln(2 + z)`` for ``|z| <= 1/2``."""
    total = xp.zeros_like(z)
    for k in range(34, 1, -1):
        coefficient = like(xp, z, _zeta_less_one(k)) / k
        total = (total + (coefficient if k % 2 == 0 else -coefficient)) * z
    return (total + like(xp, z, 1 - _EULER)) * z


def stirling(xp: Any, x: Array) -> Array:
    """What ``gammaln`` adds to ``(x - 1/2) log x - x + log(2 pi) / 2``, for large x."""
    total = xp.zeros_like(x)
    for k in range(12, 0, -1):
        total = total / (x * x) + _bernoulli(xp, k, x) / (2 * k * (2 * k - 1))
    return total / x


def _reduced(xp: Any, x: Array) -> tuple[Array, Array]:
    """A number below 2.5 and a product, with ``gamma(x)`` the gamma of the one times the other,
    for x below 16."""
    near, product = xp.minimum(x, _FAR), xp.ones_like(x)
    for _ in range(15):
        above = near >= 2.5
        near = xp.where(above, near - 1, near)
        product = xp.where(above, product * near, product)
    return near, product


def _log_gamma_right(xp: Any, x: Array) -> Array:
    """For ``x >= 1/2``."""
    one = _log_gamma_two(xp, xp.clip(x - 1, -0.5, 0.5)) - xp.log1p(xp.clip(x - 1, -0.5, 0.5))
    near, product = _reduced(xp, x)
    two = _log_gamma_two(xp, xp.clip(near - 2, -0.5, 0.5)) + xp.log(product)
    large = xp.maximum(x, _FAR)
    half = xp.log(2 * like(xp, x, _PI)) / 2
    far = (large - 0.5) * (xp.log(large) - 1) + (half - 0.5) + stirling(xp, large)
    far = xp.where(large == math.inf, large, far)
    return xp.where(x < 1.5, one, xp.where(x < _FAR, two, far))


def _sine_of_pi(xp: Any, x: Array) -> Array:
    """``sin(pi x)``, exact in its argument."""
    whole = xp.round(x)
    sine = xp.sin(like(xp, x, _PI) * (x - whole))
    return xp.where(xp.remainder(whole, 2) == 0, sine, -sine)


@widened
def gammaln(xp: Any, x: Array) -> Array:
    """The logarithm of ``|gamma(x)|``; infinite at 0, -1, -2, ... and at both infinities."""
    y = xp.abs(x)
    right = _log_gamma_right(xp, xp.maximum(y, 0.5))
    small = xp.clip(x, -0.5, 0.5)
    middle = _log_gamma_two(xp, small) - xp.log1p(small) - xp.log(xp.abs(small))
    sine = xp.abs(_sine_of_pi(xp, xp.where(xp.isfinite(x), x, 0)))
    left = xp.log(like(xp, x, _PI)) - xp.log(y) - xp.log(sine) - right
    left = xp.where((sine == 0) | xp.isinf(x), math.inf, left)
    result = xp.where(y < 0.5, middle, xp.where(x > 0, right, left))
    return xp.where(xp.isnan(x), x, result)


def _gamma_factors(xp: Any, x: Array) -> tuple[Array, Array]:
    """``gamma(x)`` as a product, for ``x >= 1/2``: alone, the power would overflow."""
    near, product = _reduced(xp, x)
    small = xp.exp(_log_gamma_right(xp, xp.minimum(near, 2.5))) * product
    # Beyond some size the product overflows, and its parts must not before.
    far = xp.clip(x, _FAR, 2000 if xp.finfo(x.dtype).bits > 64 else 200)
    power = far ** (far / 2 - 0.25)
    rest = xp.exp(-far) * xp.exp(stirling(xp, far)) * xp.sqrt(2 * like(xp, x, _PI))
    return xp.where(x < _FAR, small, power * rest), xp.where(x < _FAR, 1, power)


@widened
def gamma(xp: Any, x: Array) -> Array:
    """The gamma function; NaN at -1, -2, ... and at minus infinity, infinite at 0."""
    y = xp.abs(x)
    one, two = _gamma_factors(xp, xp.maximum(y, 0.5))
    right = one * two
    # By reflection, at -x and not at 1 - x: the subtraction would round.
    left = -like(xp, x, _PI) / (x * _sine_of_pi(xp, xp.where(xp.isfinite(x), x, 0.5))) / one / two
    left = xp.where((xp.round(x) == x) | xp.isinf(x), math.nan, left)
    small = xp.clip(x, -0.5, 0.5)
    middle = xp.exp(_log_gamma_right(xp, 1 + small)) / xp.where(y < 0.5, x, 1)
    result = xp.where(y < 0.5, middle, xp.where(x > 0, right, left))
    return xp.where(xp.isnan(x), x, result)


# -- derivatives of gammaln -----------------------------------------------------------------


def _psi_far(xp: Any, x: Array) -> Array:
    """For x of 16 and more."""
    total = xp.zeros_like(x)
    for k in range(12, 0, -1):
        total = total / (x * x) + _bernoulli(xp, k, x) / (2 * k)
    return xp.where(x == math.inf, x, xp.log(x) - 0.5 / x - total / (x * x))


def _psi_root(xp: Any, x: Array) -> Array:
    """For ``1 <= x <= 2``: a multiple of the distance from the root, so nothing cancels."""
    high, low = (like(xp, x, part) for part in _ROOT)
    root = high + low
    d = (x - high) - low
    if xp.finfo(x.dtype).bits > 64:  # what a third part would add
        root = like(xp, x, np.longdouble("1.46163214496836234126265954232572132847"))
        d = x - root
    total = sum((1 / ((x + k) * (root + k)) for k in range(15, -1, -1)), xp.zeros_like(x))
    u, v = 1 / (x + 16), 1 / (root + 16)
    t = d * v
    total = total + xp.where(t == 0, v, xp.log1p(t) / xp.where(d == 0, 1, d))
    a, b = u * u, v * v
    quotient, power, series = xp.ones_like(x), xp.ones_like(x), xp.zeros_like(x)
    for k in range(1, 13):
        series = series + _bernoulli(xp, k, x) / (2 * k) * quotient
        power = power * b
        quotient = a * quotient + power
    return d * (total + u * v / 2 + u * v * (u + v) * series)


@widened
def psi(xp: Any, x: Array) -> Array:
    """The derivative of ``log(gamma(x))``; NaN at -1, -2, ... and at minus infinity."""
    fraction = xp.where(xp.isfinite(x), x - xp.round(x), 0)
    pi = like(xp, x, _PI)
    # The cotangent, near its zeros as the tangent of the angle that is left to 90 degrees.
    complement = xp.copysign(xp.tan(pi * (0.5 - xp.abs(fraction))), fraction)
    cotangent = xp.where(xp.abs(fraction) <= 0.25, 1 / xp.tan(pi * fraction), complement)
    reflected = xp.where(x <= 0, -pi * cotangent, 0)
    y = xp.where(x <= 0, 1 - x, x)
    rest = xp.where(y < 1, -1 / y, 0)
    near = xp.clip(xp.where(y < 1, y + 1, y), 1, _FAR)
    for _ in range(15):
        above = near > 2
        near = xp.where(above, near - 1, near)
        rest = xp.where(above & (y < _FAR), rest + 1 / near, rest)
    value = xp.where(
        y < _FAR, rest + _psi_root(xp, xp.clip(near, 1, 2)), _psi_far(xp, xp.maximum(y, 10))
    )
    pole = (x < 0) & ((fraction == 0) | xp.isinf(x))
    result = xp.where(x == 0, -1 / x, xp.where(pole, math.nan, reflected + value))
    return xp.where(xp.isnan(x), x, result)


def zeta_sum(xp: Any, s: Array, x: Array) -> Array:
    """Hurwitz' zeta function for ``s >= 2`` and ``x > 0``."""
    total = sum(((x + k) ** -s for k in range(19, -1, -1)), xp.zeros_like(x))
    far = x + 20
    term = far**-s
    total = total + term * (far / (s - 1) + 0.5)
    term, factorial = term * s / far, like(xp, x, 2)
    for j in range(1, 13):
        total = total + _bernoulli(xp, j, x) / factorial * term
        term = term * (s + 2 * j - 1) * (s + 2 * j) / (far * far)
        factorial = factorial * (2 * j + 1) * (2 * j + 2)
    return total


@widened
def tri_gamma(xp: Any, x: Array) -> Array:
    """The derivative of psi; infinite at 0, -1, -2, ..., NaN at minus infinity."""
    two = xp.full_like(x, 2)
    y = xp.where(x <= 0, 1 - x, x)
    far = y > 1e15
    value = xp.where(far, 1 / y, zeta_sum(xp, two, xp.where(far, 1, y)))
    fraction = xp.where(xp.isfinite(x), x - xp.round(x), 0)
    pi = like(xp, x, _PI)
    root = pi / xp.sin(pi * fraction)
    left = root * root - value
    left = xp.where(xp.isinf(x), math.nan, xp.where(fraction == 0, math.inf, left))
    return xp.where(xp.isnan(x), x, xp.where(x <= 0, left, value))


@widened
def polygamma(xp: Any, n: Array, x: Array) -> Array:
    """The derivative of psi of integer order ``n >= 1`` at ``x >= 0``; else NaN."""
    good = (n >= 1) & (x >= 0)
    order, y = xp.where(good, n, 1), xp.where(good & (x > 0), x, 1)
    value = gamma(xp, order + 1) * xp.where(x == 0, math.inf, zeta_sum(xp, order + 1, y))
    return xp.where(good, xp.where(xp.remainder(order, 2) == 1, value, -value), math.nan)
