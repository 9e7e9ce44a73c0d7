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

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import numpy as np

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
    """The function of this name of the namespace, or ours over NumPy arrays."""
    found: Callable[..., Any] | None = getattr(xp, name, None)
    return found if found is not None else globals()[name]


def _wide(compute: Callable[..., Array]) -> Callable[..., Array]:
    """The function computed in float64 or wider and rounded to the dtype of its operands."""

    @wraps(compute)
    def wrapped(*arrays: Array) -> Array:
        given = [np.asarray(a) for a in arrays]
        result = np.result_type(*given)
        wide = np.result_type(result, np.float64)
        with np.errstate(all="ignore"):
            return np.asarray(compute(*(a.astype(wide) for a in given))).astype(result)

    return wrapped


def _bernoulli(k: int, x: Array) -> Array:
    """B of index ``2 k`` in the dtype of ``x``."""
    above, below = _BERNOULLI[k - 1]
    return x.dtype.type(above) / x.dtype.type(below)


def _exp_square(x: Array) -> Array:
    """``exp(x * x)``; the square is split, as its rounding error would grow with it."""
    high = np.trunc(x * 16) / 16
    return np.exp(high * high) * np.exp((x - high) * (x + high))


# -- error functions ------------------------------------------------------------------------


def _erf_series(x: Array) -> Array:
    """For ``|x| <= 1``."""
    square, term = 2 * x * x, x
    total = term
    for k in range(1, 34):
        term = term * square / (2 * k + 1)
        total = total + term
    return 2 / np.sqrt(_PI.astype(x.dtype)) * np.exp(-x * x) * total


def _erfcx_right(x: Array) -> Array:
    """For ``x >= 1/2``. The step h of the trapezoidal rule errs by ``exp(-(pi / h)**2)``."""
    pi, h = _PI.astype(x.dtype), x.dtype.type(0.4375)
    square = x * x
    total = 1 / (2 * square)
    for k in range(1, 17):
        total = total + np.exp(-((k * h) ** 2)) / (square + (k * h) ** 2)
    pole = np.where(x < pi / h, 2 * _exp_square(np.minimum(x, 8)) / np.expm1(2 * pi * x / h), 0)
    return np.where(x > 1e9, 1 / np.sqrt(pi) / x, 2 * x * h / pi * total - pole)


@_wide
def erfcx(x: Array) -> Array:
    """``exp(x * x) * erfc(x)``."""
    y = np.abs(x)
    near = np.exp(np.minimum(y, 1) ** 2) * (1 - _erf_series(np.minimum(y, 1)))
    right = np.where(y < 0.5, near, _erfcx_right(np.maximum(y, 0.5)))
    return np.where(
        np.isnan(x), x, np.where(x >= 0, right, 2 * _exp_square(np.minimum(y, 200)) - right)
    )


@_wide
def erfc(x: Array) -> Array:
    """``1 - erf(x)``, accurate where that is small."""
    y = np.abs(x)
    near = 1 - _erf_series(np.clip(x, -1, 1))
    tail = _erfcx_right(np.maximum(y, 0.5)) / _exp_square(np.minimum(y, 200))
    return np.where(np.isnan(x), x, np.where(y < 0.5, near, np.where(x > 0, tail, 2 - tail)))


@_wide
def erf(x: Array) -> Array:
    """The error function."""
    y = np.abs(x)
    tail = 1 - _erfcx_right(np.maximum(y, 0.5)) / _exp_square(np.minimum(y, 200))
    near = _erf_series(np.clip(x, -1, 1))
    return np.where(np.isnan(x), x, np.where(y < 1, near, np.copysign(tail, x)))


def _erfinv_middle(y: Array) -> Array:
    """For ``|y| <= 1/2``."""
    pi = _PI.astype(y.dtype)
    half, square = np.sqrt(pi) / 2, y * y
    x = half * y * (1 + square * (pi / 12 + square * 7 * pi * pi / 480))
    for _ in range(4):
        step = (_erf_series(x) - y) * half * np.exp(x * x)
        x = x - step / (1 + x * step)
    return x


def _erfcinv_tail(p: Array) -> Array:
    """For ``0 < p < 1/2``. The first guess is S. Winitzki's, of 2008."""
    half = np.sqrt(_PI.astype(p.dtype)) / 2
    logarithm = np.log(p)
    w = logarithm + np.log(2 - p)
    b = 2 / (np.pi * 0.147) + w / 2
    x = np.sqrt(np.sqrt(b * b - w / 0.147) - b)
    for _ in range(6):
        step = half * (np.exp(x * x + logarithm) - erfcx(x))
        x = x - step / (1 + x * step)
    return x


@_wide
def erfinv(y: Array) -> Array:
    """The inverse of erf; infinite at -1 and 1, NaN beyond."""
    a = np.abs(y)
    middle = _erfinv_middle(np.clip(y, -0.5, 0.5))
    tail = np.copysign(_erfcinv_tail(np.clip(1 - a, np.finfo(y.dtype).tiny, 0.5)), y)
    inside = np.where(a <= 0.5, middle, tail)
    return np.where(a < 1, inside, np.where(a == 1, np.copysign(np.inf, y), np.nan))


@_wide
def erfcinv(p: Array) -> Array:
    """The inverse of erfc; infinite at 0 and 2, NaN beyond."""
    middle = _erfinv_middle(np.clip(1 - p, -0.5, 0.5))
    small = np.clip(np.where(p < 1, p, 2 - p), np.finfo(p.dtype).smallest_subnormal, 0.5)
    tail = np.where(p < 1, 1, -1) * _erfcinv_tail(small)
    inside = np.where((p >= 0.5) & (p <= 1.5), middle, tail)
    ends = np.where(p == 0, np.inf, np.where(p == 2, -np.inf, np.nan))
    return np.where((p > 0) & (p < 2), inside, ends)


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
        total = total + _bernoulli(j, n) / factorial * term
        term = term * (s + 2 * j - 1) * (s + 2 * j) / (n * n)
        factorial = factorial * (2 * j + 1) * (2 * j + 2)
    return total


def _log_gamma_two(z: Array) -> Array:
    """``gammaln(2 + z)`` for ``|z| <= 1/2``."""
    total = np.zeros_like(z)
    for k in range(34, 1, -1):
        coefficient = _zeta_less_one(k).astype(z.dtype) / k
        total = (total + (coefficient if k % 2 == 0 else -coefficient)) * z
    return (total + (1 - _EULER).astype(z.dtype)) * z


def _stirling(x: Array) -> Array:
    """What ``gammaln`` adds to ``(x - 1/2) log x - x + log(2 pi) / 2``, for large x."""
    total = np.zeros_like(x)
    for k in range(12, 0, -1):
        total = total / (x * x) + _bernoulli(k, x) / (2 * k * (2 * k - 1))
    return total / x


def _reduced(x: Array) -> tuple[Array, Array]:
    """A number below 2.5 and a product, with ``gamma(x)`` the gamma of the one times the other,
    for x below 16."""
    near, product = np.minimum(x, _FAR), np.ones_like(x)
    for _ in range(15):
        above = near >= 2.5
        near = np.where(above, near - 1, near)
        product = np.where(above, product * near, product)
    return near, product


def _log_gamma_right(x: Array) -> Array:
    """For ``x >= 1/2``."""
    one = _log_gamma_two(np.clip(x - 1, -0.5, 0.5)) - np.log1p(np.clip(x - 1, -0.5, 0.5))
    near, product = _reduced(x)
    two = _log_gamma_two(np.clip(near - 2, -0.5, 0.5)) + np.log(product)
    large = np.maximum(x, _FAR)
    half = np.log(2 * _PI.astype(x.dtype)) / 2
    far = (large - 0.5) * (np.log(large) - 1) + (half - 0.5) + _stirling(large)
    far = np.where(np.isposinf(large), large, far)
    return np.where(x < 1.5, one, np.where(x < _FAR, two, far))


def _sine_of_pi(x: Array) -> Array:
    """``sin(pi x)``, exact in its argument."""
    whole = np.rint(x)
    sign = np.where(np.mod(whole, 2) == 0, 1, -1)
    return sign * np.sin(_PI.astype(x.dtype) * (x - whole))


@_wide
def gammaln(x: Array) -> Array:
    """The logarithm of ``|gamma(x)|``; infinite at 0, -1, -2, ... and at both infinities."""
    y = np.abs(x)
    right = _log_gamma_right(np.maximum(y, 0.5))
    small = np.clip(x, -0.5, 0.5)
    middle = _log_gamma_two(small) - np.log1p(small) - np.log(np.abs(small))
    sine = np.abs(_sine_of_pi(np.where(np.isfinite(x), x, 0)))
    left = np.log(_PI.astype(x.dtype)) - np.log(y) - np.log(sine) - right
    left = np.where((sine == 0) | np.isinf(x), np.inf, left)
    result = np.where(y < 0.5, middle, np.where(x > 0, right, left))
    return np.where(np.isnan(x), x, result)


def _gamma_factors(x: Array) -> tuple[Array, Array]:
    """``gamma(x)`` as a product, for ``x >= 1/2``: alone, the power would overflow."""
    near, product = _reduced(x)
    small = np.exp(_log_gamma_right(np.minimum(near, 2.5))) * product
    far = np.maximum(x, _FAR)
    power = far ** (far / 2 - 0.25)
    rest = np.exp(-far) * np.exp(_stirling(far)) * np.sqrt(2 * _PI.astype(x.dtype))
    return np.where(x < _FAR, small, power * rest), np.where(x < _FAR, 1, power)


@_wide
def gamma(x: Array) -> Array:
    """The gamma function; NaN at -1, -2, ... and at minus infinity, infinite at 0."""
    y = np.abs(x)
    one, two = _gamma_factors(np.maximum(y, 0.5))
    right = one * two
    right = np.where(np.isnan(right) & (x > 100), np.inf, right)  # an infinite power of it times 0
    # By reflection, at -x and not at 1 - x: the subtraction would round.
    left = -_PI.astype(x.dtype) / (x * _sine_of_pi(np.where(np.isfinite(x), x, 0.5))) / one / two
    left = np.where((np.rint(x) == x) | np.isinf(x), np.nan, left)
    small = np.clip(x, -0.5, 0.5)
    middle = np.exp(_log_gamma_right(1 + small)) / np.where(y < 0.5, x, 1)
    result = np.where(y < 0.5, middle, np.where(x > 0, right, left))
    return np.where(np.isnan(x), x, result)


# -- derivatives of gammaln -----------------------------------------------------------------


def _psi_far(x: Array) -> Array:
    """For x of 16 and more."""
    total = np.zeros_like(x)
    for k in range(12, 0, -1):
        total = total / (x * x) + _bernoulli(k, x) / (2 * k)
    return np.where(np.isposinf(x), x, np.log(x) - 0.5 / x - total / (x * x))


def _psi_root(x: Array) -> Array:
    """For ``1 <= x <= 2``: a multiple of the distance from the root, so nothing cancels."""
    high, low = (x.dtype.type(part) for part in _ROOT)
    root = high + low
    d = (x - high) - low
    if x.dtype.itemsize > 8:  # what a third part would add
        root = x.dtype.type(np.longdouble("1.46163214496836234126265954232572132847"))
        d = x - root
    total = sum((1 / ((x + k) * (root + k)) for k in range(15, -1, -1)), np.zeros_like(x))
    u, v = 1 / (x + 16), 1 / (root + 16)
    t = d * v
    total = total + np.where(t == 0, v, np.log1p(t) / np.where(d == 0, 1, d))
    a, b = u * u, v * v
    quotient, power, series = np.ones_like(x), np.ones_like(x), np.zeros_like(x)
    for k in range(1, 13):
        series = series + _bernoulli(k, x) / (2 * k) * quotient
        power = power * b
        quotient = a * quotient + power
    return d * (total + u * v / 2 + u * v * (u + v) * series)


@_wide
def psi(x: Array) -> Array:
    """The derivative of ``log(gamma(x))``; NaN at -1, -2, ... and at minus infinity."""
    fraction = np.where(np.isfinite(x), x - np.rint(x), 0)
    pi = _PI.astype(x.dtype)
    # The cotangent, near its zeros as the tangent of the angle that is left to 90 degrees.
    complement = np.copysign(np.tan(pi * (0.5 - np.abs(fraction))), fraction)
    cotangent = np.where(np.abs(fraction) <= 0.25, 1 / np.tan(pi * fraction), complement)
    reflected = np.where(x <= 0, -pi * cotangent, 0)
    y = np.where(x <= 0, 1 - x, x)
    rest = np.where(y < 1, -1 / y, 0)
    near = np.clip(np.where(y < 1, y + 1, y), 1, _FAR)
    for _ in range(15):
        above = near > 2
        near = np.where(above, near - 1, near)
        rest = np.where(above & (y < _FAR), rest + 1 / near, rest)
    value = np.where(y < _FAR, rest + _psi_root(np.clip(near, 1, 2)), _psi_far(np.maximum(y, 10)))
    pole = (x < 0) & ((fraction == 0) | np.isinf(x))
    result = np.where(x == 0, -1 / x, np.where(pole, np.nan, reflected + value))
    return np.where(np.isnan(x), x, result)


def _zeta(s: Array, x: Array) -> Array:
    """Hurwitz' zeta function for ``s >= 2`` and ``x > 0``."""
    total = sum(((x + k) ** -s for k in range(19, -1, -1)), np.zeros_like(x))
    far = x + 20
    term = far**-s
    total = total + term * (far / (s - 1) + 0.5)
    term, factorial = term * s / far, x.dtype.type(2)
    for j in range(1, 13):
        total = total + _bernoulli(j, x) / factorial * term
        term = term * (s + 2 * j - 1) * (s + 2 * j) / (far * far)
        factorial = factorial * (2 * j + 1) * (2 * j + 2)
    return total


@_wide
def tri_gamma(x: Array) -> Array:
    """The derivative of psi; infinite at 0, -1, -2, ..., NaN at minus infinity."""
    two = np.full_like(x, 2)
    y = np.where(x <= 0, 1 - x, x)
    far = y > 1e15
    value = np.where(far, 1 / y, _zeta(two, np.where(far, 1, y)))
    fraction = np.where(np.isfinite(x), x - np.rint(x), 0)
    pi = _PI.astype(x.dtype)
    left = (pi / np.sin(pi * fraction)) ** 2 - value
    left = np.where(np.isinf(x), np.nan, np.where(fraction == 0, np.inf, left))
    return np.where(np.isnan(x), x, np.where(x <= 0, left, value))


@_wide
def polygamma(n: Array, x: Array) -> Array:
    """The derivative of psi of integer order ``n >= 1`` at ``x >= 0``; else NaN."""
    good = (n >= 1) & (x >= 0)
    order, y = np.where(good, n, 1).astype(x.dtype), np.where(good & (x > 0), x, 1)
    value = gamma(order + 1) * np.where(x == 0, np.inf, _zeta(order + 1, y))
    return np.where(good, np.where(np.mod(order, 2) == 1, value, -value), np.nan)
