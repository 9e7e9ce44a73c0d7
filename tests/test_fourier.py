"""Fourier transforms against NumPy's, and Theano's with real pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorcore.tensor as T
from tensorcore import function
from tensorcore.tensor import fft as theano_fft
from tensorcore.tensor import fourier

pytestmark = pytest.mark.usefixtures("on_reference")
RNG = np.random.default_rng(3)
X = RNG.normal(size=(4, 5, 6))
Z = X + 1j * RNG.normal(size=X.shape)


@pytest.fixture
def x() -> Any:
    return T.dtensor3("x")


@pytest.fixture
def z() -> Any:
    return T.ztensor3("z")


def check(found: Any, wanted: Any) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize(("n", "axis"), [(None, -1), (3, 0), (9, 2), (7, 1)])
def test_along_one_axis(x, z, n, axis, norm):
    names = ("fft", "ifft", "irfft")
    f = function([z], [getattr(fourier, name)(z, n, axis, norm) for name in names])
    for name, found in zip(names, f(Z), strict=True):
        check(found, getattr(np.fft, name)(Z, n, axis, norm))
    f = function([x], [fourier.rfft(x, n, axis, norm), fourier.fft(x, n, axis, norm)])
    half, whole = f(X)
    check(half, np.fft.rfft(X, n, axis, norm))
    check(whole, np.fft.fft(X, n, axis, norm))


@pytest.mark.parametrize("norm", [None, "ortho"])
@pytest.mark.parametrize(
    ("s", "axes"), [(None, (0, 1, 2)), ((3, 7), (0, 2)), ((3, 7), (2, 0)), (None, (1,))]
)
def test_along_several_axes(x, z, s, axes, norm):
    names = ("fftn", "ifftn", "irfftn")
    f = function([z], [getattr(fourier, name)(z, s, axes, norm) for name in names])
    for name, found in zip(names, f(Z), strict=True):
        check(found, getattr(np.fft, name)(Z, s, axes, norm))
    check(function([x], fourier.rfftn(x, s, axes, norm))(X), np.fft.rfftn(X, s, axes, norm))


def test_two_axes(x, z):
    names = ("fft2", "ifft2", "irfft2")
    f = function([z], [getattr(fourier, name)(z) for name in names])
    for name, found in zip(names, f(Z), strict=True):
        check(found, getattr(np.fft, name)(Z))
    check(function([x], fourier.rfft2(x))(X), np.fft.rfft2(X))


@pytest.mark.parametrize("n", [1, 4, 5])
def test_frequencies(n):
    size = T.iscalar("n")
    f = function([size], [fourier.fftfreq(size, 0.5), fourier.rfftfreq(size, 0.5)])
    whole, half = f(n)
    check(whole, np.fft.fftfreq(n, 0.5))
    check(half, np.fft.rfftfreq(n, 0.5))


def test_shifts(x):
    f = function([x], [fourier.fftshift(x), fourier.ifftshift(x), fourier.ifftshift(x, (1,))])
    wanted = [np.fft.fftshift(X), np.fft.ifftshift(X), np.fft.ifftshift(X, (1,))]
    for found, value in zip(f(X), wanted, strict=True):
        check(found, value)


@pytest.mark.parametrize(("norm", "scale"), [(None, 1), ("ortho", 1), ("no_norm", 30)])
def test_theanos_pairs(x, norm, scale):
    """A batch along the first axis, real and imaginary parts along the last."""
    pairs = theano_fft.rfft(x, norm)
    found, back = function([x], [pairs, theano_fft.irfft(pairs, norm)])(X)
    wanted = np.fft.rfftn(X, axes=(1, 2), norm="ortho" if norm == "ortho" else None)
    assert found.shape == (4, 5, 4, 2)
    check(found[..., 0] + 1j * found[..., 1], wanted)
    check(back, X * scale)


def test_odd_sizes_and_gradients():
    m = T.dmatrix("m")
    values = RNG.normal(size=(2, 5))
    back = theano_fft.irfft(theano_fft.rfft(m), is_odd=True)
    check(function([m], back)(values), values)
    T.verify_grad(lambda t: theano_fft.rfft(t, "ortho"), [values])
    T.verify_grad(lambda t: theano_fft.irfft(t, is_odd=True), [RNG.normal(size=(2, 3, 2))])


def test_parseval_has_the_gradient_of_a_sum_of_squares():
    m = T.dmatrix("m")
    power = T.sum(T.abs(fourier.fft(m, norm="ortho")) ** 2)
    values = RNG.normal(size=(3, 4))
    check(function([m], T.grad(power, m))(values), 2 * values)


def test_float32_stays():
    m = T.fmatrix("m")
    f = function([m], [fourier.fft(m), fourier.irfft(fourier.rfft(m))])
    whole, back = f(np.ones((2, 4), "float32"))
    assert (whole.dtype, back.dtype) == ("complex64", "float32")
