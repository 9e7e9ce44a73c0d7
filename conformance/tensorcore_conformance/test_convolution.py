"""Convolution and pooling against loops over every place, in value and gradient."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from tensorcore import TensorType, grad
from tensorcore import tensor as T
from tensorcore.errors import ShapeError
from tensorcore.tensor.signal.pool import pool_2d

from .subject import Subject
from .values import Array


@pytest.fixture(autouse=True)
def _needs(subject: Subject) -> None:
    if not subject.takes("float64", "int64", "bool"):
        pytest.skip("float64, int64 or bool is not among the declared dtypes")


def _images(name: str) -> Any:
    return TensorType("float64", (False,) * 4)(name)


def _around(mode: Any, lengths: tuple[int, int], gap: int) -> list[tuple[int, int]]:
    reach = [(n - 1) * gap for n in lengths]
    if isinstance(mode, str):
        return [{"valid": (0, 0), "full": (r, r), "half": ((r + 1) // 2,) * 2}[mode] for r in reach]
    pair = (mode, mode) if isinstance(mode, int) else mode
    return [m if isinstance(m, tuple) else (m, m) for m in pair]


def convolved(
    x: Array, w: Array, mode: Any, step: int, gap: int, flip: bool, groups: int
) -> tuple[Array, Array, Array]:
    """The convolution, and the gradients of its sum of squares, one place after the other."""
    w = w[:, :, ::-1, ::-1] if flip else w
    rows, columns = w.shape[2:]
    border = _around(mode, (rows, columns), gap)
    wide = np.pad(x, [(0, 0), (0, 0), *border])
    high = (wide.shape[2] - (rows - 1) * gap - 1) // step + 1
    long = (wide.shape[3] - (columns - 1) * gap - 1) // step + 1
    y = np.zeros((len(x), len(w), high, long))
    by_x, by_w = np.zeros_like(wide), np.zeros_like(w)
    each, channels = len(w) // groups, w.shape[1]
    for f, i, j in itertools.product(range(len(w)), range(high), range(long)):
        first = f // each * channels
        place = np.s_[
            :, first : first + channels,
            i * step : i * step + (rows - 1) * gap + 1 : gap,
            j * step : j * step + (columns - 1) * gap + 1 : gap,
        ]  # fmt: skip
        y[:, f, i, j] = (wide[place] * w[f]).sum((1, 2, 3))
        slope = 2 * y[:, f, i, j][:, None, None, None]
        by_x[place] += slope * w[f]
        by_w[f] += (slope * wide[place]).sum(0)
    (top, _), (left, _) = border
    by_x = by_x[:, :, top : top + x.shape[2], left : left + x.shape[3]]
    return y, by_x, by_w[:, :, ::-1, ::-1] if flip else by_w


@pytest.mark.parametrize(("step", "gap", "flip", "groups"), [
    (1, 1, True, 1), (2, 1, False, 1), (1, 2, True, 1), (2, 1, True, 2),
])  # fmt: skip
@pytest.mark.parametrize("mode", ["valid", "full", "half", 1, (1, 2), ((1, 0), (2, 1))], ids=str)
def test_convolution(
    mode: Any, step: int, gap: int, flip: bool, groups: int, subject: Subject
) -> None:
    """One function for images and filters of any size."""
    x, w = _images("x"), _images("w")
    y = T.nnet.conv2d(
        x, w, border_mode=mode, subsample=(step, step), filter_flip=flip,
        filter_dilation=(gap, gap), num_groups=groups,
    )  # fmt: skip
    f = subject.function([x, w], [y, *grad(T.sum(y * y), [x, w])])
    rng = np.random.default_rng(0)
    for image, filters in (((2, 4, 8, 7), (6, 4, 3, 2)), ((1, 2, 5, 9), (2, 2, 1, 3))):
        values = rng.standard_normal(image)
        weights = rng.standard_normal((filters[0], filters[1] // groups, *filters[2:]))
        wanted = convolved(values, weights, mode, step, gap, flip, groups)
        found = f(values, weights)
        known = T.nnet.get_conv_output_shape(image, filters, mode, step, (gap, gap))
        assert found[0].shape == known
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10)


def test_convolution_of_volumes(subject: Subject) -> None:
    """Three axes; a volume of one layer is an image."""
    x, w = (TensorType("float64", (False,) * 5)(name) for name in "xw")
    f = subject.function([x, w], T.nnet.conv3d(x, w, border_mode="half"))
    rng = np.random.default_rng(1)
    values, weights = rng.standard_normal((2, 3, 1, 6, 5)), rng.standard_normal((4, 3, 1, 3, 3))
    wanted, _, _ = convolved(values[:, :, 0], weights[:, :, 0], "half", 1, 1, True, 1)
    np.testing.assert_allclose(f(values, weights)[:, :, 0], wanted, rtol=1e-9, atol=1e-10)


def test_transposed_convolution(subject: Subject) -> None:
    """It is the gradient with respect to the input."""
    g, w, x = _images("g"), _images("w"), _images("x")
    up = T.nnet.conv2d_transpose(g, w, (2, 3, 7, 9), border_mode=(1, 1), input_dilation=(2, 2))
    y = T.nnet.conv2d(x, w, border_mode=(1, 1), subsample=(2, 2))
    f = subject.function([g, w], up)
    h = subject.function([x, w, g], grad(None, x, known_grads={y: g}))
    rng = np.random.default_rng(2)
    slope, weights = rng.standard_normal((2, 4, 4, 5)), rng.standard_normal((4, 3, 3, 3))
    image = rng.standard_normal((2, 3, 7, 9))
    np.testing.assert_allclose(f(slope, weights), h(image, weights, slope), rtol=1e-12, atol=1e-12)


def test_images_that_do_not_fit(subject: Subject) -> None:
    """Channels that differ, and groups that do not divide them, are errors."""
    x, w = _images("x"), _images("w")
    f = subject.function([x, w], T.nnet.conv2d(x, w))
    with pytest.raises(ShapeError):
        f(np.zeros((1, 3, 5, 5)), np.zeros((2, 4, 3, 3)))
    with pytest.raises(ShapeError):
        f(np.zeros((1, 3, 2, 5)), np.zeros((2, 3, 4, 3)))


def pooled(
    x: Array, size: tuple[int, int], step: tuple[int, int], pad: tuple[int, int], mode: str,
    whole: bool,
) -> Array:  # fmt: skip
    """Pooling, one window after the other."""
    blank = -np.inf if mode == "max" else 0.0
    border = [(0, 0), (0, 0), (pad[0],) * 2, (pad[1],) * 2]
    wide = np.pad(x, border, constant_values=blank)
    real = np.pad(np.ones(x.shape[2:]), border[2:])
    starts = []
    for n, s, t in zip(wide.shape[2:], size, step, strict=True):
        found = [k for k in range(0, n, t) if k + s <= n or not whole]
        while not whole and t < s and len(found) > 1 and found[-2] + s >= n:
            found.pop()
        starts.append(found)
    y = np.zeros((*x.shape[:2], len(starts[0]), len(starts[1])))
    for (a, i), (b, j) in itertools.product(enumerate(starts[0]), enumerate(starts[1])):
        place = np.s_[i : i + size[0], j : j + size[1]]
        part = wide[(slice(None), slice(None), *place)]
        if mode == "max":
            y[:, :, a, b] = part.max((2, 3))
        else:
            count = {"sum": 1, "average_exc_pad": real[place].sum()}.get(mode, part[0, 0].size)
            y[:, :, a, b] = part.sum((2, 3)) / count
    return y


@pytest.mark.parametrize("mode", ["max", "sum", "average_inc_pad", "average_exc_pad"])
@pytest.mark.parametrize(("size", "step", "pad", "whole"), [
    ((2, 2), (2, 2), (0, 0), True), ((2, 3), (2, 3), (0, 0), False),
    ((3, 3), (2, 2), (0, 0), True), ((3, 2), (2, 1), (0, 0), False),
    ((3, 3), (2, 2), (1, 1), True), ((2, 2), (3, 3), (0, 0), False),
])  # fmt: skip
def test_pooling(
    size: tuple[int, int], step: tuple[int, int], pad: tuple[int, int], whole: bool, mode: str,
    subject: Subject,
) -> None:  # fmt: skip
    """Windows that overlap, that leave entries out, and that are not whole."""
    x = _images("x")
    y = pool_2d(x, size, whole, step, pad, mode)
    f = subject.function([x], [y, grad(T.sum(y * y), x)])
    rng = np.random.default_rng(3)
    for shape in ((2, 3, 8, 7), (1, 1, 3, 5)):
        values = rng.standard_normal(shape)
        found, slope = f(values)
        wanted = pooled(values, size, step, pad, mode, whole)
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
        place = (0, 0, 1, 2)
        moved = [values.copy(), values.copy()]
        moved[0][place] += 1e-6
        moved[1][place] -= 1e-6
        up, down = ((pooled(v, size, step, pad, mode, whole) ** 2).sum() for v in moved)
        np.testing.assert_allclose(slope[place], (up - down) / 2e-6, rtol=1e-6, atol=1e-7)
