"""Normalisation, losses with many outcomes, neighbourhoods and upsampling, against the same
written entry by entry in NumPy, with gradients to second order."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tensorcore import TensorType, grad
from tensorcore import tensor as T
from tensorcore.errors import ShapeError
from tensorcore.tensor.signal.conv import conv2d as signal_conv2d

from .subject import Subject
from .values import Array


@pytest.fixture(autouse=True)
def _needs(subject: Subject) -> None:
    if not subject.takes("float64", "int64", "bool"):
        pytest.skip("float64, int64 or bool is not among the declared dtypes")


def _real(name: str, ndim: int) -> Any:
    return TensorType("float64", (False,) * ndim)(name)


def _whole(name: str, ndim: int) -> Any:
    return TensorType("int64", (False,) * ndim)(name)


def _slopes_agree(
    subject: Subject, inputs: Sequence[Any], cost: Any, values: Sequence[Array],
    wrt: Sequence[Any], full: bool,
) -> None:  # fmt: skip
    """The gradient against differences of the cost; beyond the smoke tier, also that of the
    gradient's sum of squares against differences of it."""
    first = grad(cost, list(wrt))
    orders = 2 if full else 1
    squares = sum((T.sum(g * g) for g in first), T.as_tensor_variable(0.0))
    second = grad(squares, list(wrt), disconnected_inputs="ignore") if full else []
    f = subject.function(
        list(inputs), [*first, *second, cost, squares], on_unused_input="ignore"
    )  # fmt: skip
    found = f(*values)
    rng, step = np.random.default_rng(7), 1e-5
    for k, x in enumerate(wrt):
        at = list(inputs).index(x)
        way = rng.standard_normal(values[at].shape)
        ends = []
        for sign in (1, -1):
            moved = list(values)
            moved[at] = moved[at] + sign * step * way
            ends.append([float(c) for c in f(*moved)[-2:]])
        for order in range(orders):
            part = found[order * len(wrt) + k]
            wanted = (ends[0][order] - ends[1][order]) / (2 * step)
            np.testing.assert_allclose(np.sum(part * way), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("few", [False, True], ids=["of all axes", "of the kept axes"])
@pytest.mark.parametrize(("axes", "over"), [
    ("per-activation", (0,)), ("spatial", (0, 2, 3)), ((1, 2), (1, 2)),
])  # fmt: skip
def test_batch_normalization(
    axes: Any, over: tuple[int, ...], few: bool, subject: Subject, full: bool
) -> None:
    """The result, what the batch had, the next averages; and with averages that are known."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((5, 3, 4, 2)) * 2 + 1
    wide = tuple(1 if a in over else n for a, n in enumerate(values.shape))
    narrow = tuple(n for a, n in enumerate(values.shape) if a not in over)
    shape = narrow if few else wide
    x = _real("x", 4)
    rest: list[Any] = [_real(name, len(shape)) for name in ("scale", "shift", "mean", "var")]
    g, b, old = *rest[:2], rest[2:]
    numbers = [rng.uniform(0.5, 2, shape) for _ in rest]
    gamma, beta, old_mean, old_var = (n.reshape(wide) for n in numbers)
    y = T.nnet.batch_normalization_train(x, g, b, axes, 1e-3, 0.3, *old)
    z = T.nnet.batch_normalization_test(x, g, b, old[0], old[1], axes, 1e-3)
    mean, var = values.mean(over, keepdims=True), values.var(over, keepdims=True)
    m = values.size // mean.size
    spread = np.sqrt(var + 1e-3)
    wanted = [
        (values - mean) / spread * gamma + beta, mean, 1 / spread,
        (0.7 * old_mean + 0.3 * mean).reshape(shape),
        (0.7 * old_var + 0.3 * var * m / (m - 1)).reshape(shape),
        (values - old_mean) / np.sqrt(old_var + 1e-3) * gamma + beta,
    ]  # fmt: skip
    got = subject.function([x, *rest], [*y, z])(values, *numbers)
    for each, expected in zip(got, wanted, strict=True):
        assert each.shape == expected.shape
        np.testing.assert_allclose(each, expected, rtol=1e-10, atol=1e-12)
    weights = rng.standard_normal(values.shape)
    cost = T.sum(T.nnet.batch_normalization_train(x, g, b, axes)[0] ** 2 * weights)
    _slopes_agree(subject, [x, *rest[:2]], cost, [values, *numbers[:2]], [x, *rest[:2]], full)


def test_batch_normalization_of_given_averages(subject: Subject) -> None:
    """The function with mean and deviation given."""
    x, v = _real("x", 2), [_real(n, 1) for n in "gbms"]
    rng = np.random.default_rng(1)
    values, numbers = rng.standard_normal((4, 3)), [rng.uniform(0.5, 2, 3) for _ in v]
    g, b, m, s = numbers
    f = subject.function([x, *v], T.nnet.batch_normalization(x, *v))
    np.testing.assert_allclose(f(values, *numbers), (values - m) * g / s + b, rtol=1e-12)


def _softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(e / e.sum(-1, keepdims=True))


def heard(x: Array, labels: Sequence[int]) -> float:
    """Minus the logarithm of the chance of the labels: every path is tried."""
    p = _softmax(x)
    chance = 0.0
    for path in itertools.product(range(x.shape[1]), repeat=len(x)):
        said = [s for s, _ in itertools.groupby(path) if s]
        if said == list(labels):
            chance += float(np.prod([p[t, s] for t, s in enumerate(path)]))
    return -np.log(chance) if chance else np.inf


def test_labels_without_places_in_time(subject: Subject, full: bool) -> None:
    """Also equal neighbours, no labels at all, and too many of them."""
    rng = np.random.default_rng(2)
    x, labels, lengths = _real("x", 3), _whole("labels", 2), _whole("lengths", 1)
    values = rng.standard_normal((5, 6, 4)) * 2
    said = np.array([[1, 2, -1], [2, 2, -1], [3, 1, 3], [-1, -1, -1], [1, 1, 1], [2, -1, -1]])
    times = np.array([5, 4, 5, 3, 4, 1])
    loss = T.nnet.ctc(x, labels, lengths)
    found = subject.function([x, labels, lengths], loss)(values, said, times)
    wanted = [heard(values[:t, k], [s for s in said[k] if s >= 0]) for k, t in enumerate(times)]
    assert np.isinf(wanted[4]), "three equal labels need five times"
    np.testing.assert_allclose(found, wanted, rtol=1e-10)
    keep = [0, 1, 2, 3, 5]
    given = [values[:, keep], said[keep], times[keep]]
    _slopes_agree(subject, [x, labels, lengths], T.sum(loss * [1, 2, 3, 4, 5]), given, [x], full)


@pytest.mark.parametrize("with_target", [True, False])
def test_softmax_in_two_levels(with_target: bool, subject: Subject, full: bool) -> None:
    """All outputs, or those of the targets."""
    rng = np.random.default_rng(3)
    names = [_real("x", 2), _real("W1", 2), _real("b1", 1), _real("W2", 3), _real("b2", 2)]
    shapes = [(4, 5), (5, 3), (3,), (3, 5, 2), (3, 2)]
    values = [rng.standard_normal(s) for s in shapes]
    target = _whole("target", 1)
    wanted = np.array([0, 4, 3, 4])
    x, w1, b1, w2, b2 = values
    classes = _softmax(x @ w1 + b1)
    within = _softmax(np.einsum("bf,cfo->bco", x, w2) + b2)
    every = (classes[:, :, None] * within).reshape(4, 6)[:, :5]
    x_, w1_, b1_, w2_, b2_ = names
    chosen = target if with_target else None
    y = T.nnet.h_softmax(x_, 4, 5, 3, 2, w1_, b1_, w2_, b2_, chosen)
    f = subject.function([*names, target], y, on_unused_input="ignore")
    expected = every[np.arange(4), wanted] if with_target else every
    np.testing.assert_allclose(f(*values, wanted), expected, rtol=1e-11)
    cost = T.sum(T.log(y)) if with_target else T.sum(y**2)
    _slopes_agree(subject, [*names, target], cost, [*values, wanted], names, full)


def test_chosen_blocks(subject: Subject, full: bool) -> None:
    """Each chosen block of outputs from all chosen blocks of inputs."""
    rng = np.random.default_rng(4)
    w, h, b = _real("w", 4), _real("h", 3), _real("b", 2)
    left, right = _whole("left", 2), _whole("right", 2)
    values = [
        rng.standard_normal((3, 4, 2, 5)), rng.standard_normal((2, 2, 2)),
        np.array([[0, 2], [1, 1]]), rng.standard_normal((4, 5)), np.array([[3, 0, 1], [2, 2, 0]]),
    ]  # fmt: skip
    y = T.nnet.sparse_block_dot(w, h, left, b, right)
    found = subject.function([w, h, left, b, right], y)(*values)
    weights, inputs, chosen, bias, outs = values
    for n, o in itertools.product(range(2), range(3)):
        wanted = bias[outs[n, o]] + sum(
            inputs[n, i] @ weights[chosen[n, i], outs[n, o]] for i in range(2)
        )
        np.testing.assert_allclose(found[n, o], wanted, rtol=1e-11, atol=1e-12)
    _slopes_agree(subject, [w, h, left, b, right], T.sum(y**3), values, [w, h, b], full)


def neighbourhoods(x: Array, size: Sequence[int], step: Sequence[int], mode: str) -> Array:
    """One row after the other."""
    around = [{"half": n // 2, "full": n - 1}.get(mode, 0) for n in size]
    if mode == "wrap_centered":
        starts = [[k - n // 2 for k in range(0, x.shape[2 + a], step[a])]
                  for a, n in enumerate(size)]  # fmt: skip
    else:
        x = np.pad(x, [(0, 0), (0, 0), (around[0],) * 2, (around[1],) * 2])
        starts = [list(range(0, x.shape[2 + a] - n + 1, step[a])) for a, n in enumerate(size)]
    rows = []
    for image, channel, i, j in itertools.product(*map(range, x.shape[:2]), *starts):
        places = [(s + np.arange(n)) % m
                  for s, n, m in zip((i, j), size, x.shape[2:], strict=True)]  # fmt: skip
        rows.append(x[image, channel][np.ix_(*places)].ravel())
    return np.array(rows)


@pytest.mark.parametrize(("mode", "size", "step"), [
    ("valid", (2, 3), None), ("valid", (2, 3), (2, 1)), ("ignore_borders", (4, 4), None),
    ("ignore_borders", (3, 2), (2, 2)), ("wrap_centered", (3, 5), (1, 2)), ("half", (3, 3), (1, 2)),
    ("full", (2, 3), (1, 1)),
])  # fmt: skip
def test_neighbourhoods(mode: str, size: Any, step: Any, subject: Subject, full: bool) -> None:
    """Every mode, with steps of their own."""
    x = _real("x", 4)
    values = np.random.default_rng(5).standard_normal((2, 3, 6, 9))
    y = T.nnet.images2neibs(x, size, step, mode)
    wanted = neighbourhoods(values, size, step or size, mode)
    np.testing.assert_array_equal(subject.function([x], y)(values), wanted)
    weights = np.random.default_rng(6).standard_normal(wanted.shape)
    _slopes_agree(subject, [x], T.sum(y**2 * weights), [values], [x], full)


@pytest.mark.parametrize(("mode", "size"), [("valid", (2, 3)), ("ignore_borders", (4, 2))])
def test_neighbourhoods_and_back(mode: str, size: Any, subject: Subject) -> None:
    """What is in no neighbourhood is zero."""
    x = _real("x", 4)
    values = np.random.default_rng(8).standard_normal((2, 3, 6, 9))
    back = T.nnet.neibs2images(T.nnet.images2neibs(x, size, mode=mode), size, x.shape, mode)
    wanted = values.copy()
    wanted[:, :, 6 - 6 % size[0] :] = 0
    wanted[:, :, :, 9 - 9 % size[1] :] = 0
    np.testing.assert_array_equal(subject.function([x], back)(values), wanted)


def test_neighbourhoods_that_leave_a_rest(subject: Subject) -> None:
    """The mode that forbids it refuses."""
    x = _real("x", 4)
    f = subject.function([x], T.nnet.images2neibs(x, (2, 2)))
    with pytest.raises(ShapeError):
        f(np.zeros((1, 1, 4, 5)))


def stretched(x: Array, above: int, below: int) -> Array:
    """The last axis made longer, one entry after the other."""
    n = x.shape[-1]
    place = (np.arange(0, n * above, below) - (above - 1) // 2) / above
    left = np.floor(place).astype(int)
    share = place - left
    first, second = (np.clip(p, 0, n - 1) for p in (left, left + 1))
    return np.asarray(x[..., first] * (1 - share) + x[..., second] * share)


@pytest.mark.parametrize(("how", "rows", "columns"), [
    ({"ratio": 2}, (2, 1), (2, 1)), ({"ratio": 5}, (5, 1), (5, 1)),
    ({"frac_ratio": (5, 3)}, (5, 3), (5, 3)), ({"frac_ratio": ((3, 2), (1, 1))}, (3, 2), (1, 1)),
])  # fmt: skip
def test_upsampling(how: Any, rows: Any, columns: Any, subject: Subject, full: bool) -> None:
    """Lines between entries, also by ratios that are no whole numbers."""
    x = _real("x", 4)
    values = np.random.default_rng(9).standard_normal((2, 3, 4, 5))
    y = T.nnet.bilinear_upsampling(x, **how)
    tall = stretched(values.swapaxes(2, 3), *rows).swapaxes(2, 3)
    wanted = stretched(tall, *columns)
    np.testing.assert_allclose(subject.function([x], y)(values), wanted, rtol=1e-12, atol=1e-13)
    _slopes_agree(subject, [x], T.sum(y**3), [values], [x], full)


@pytest.mark.parametrize(("images", "filters"), [(2, 2), (2, 3), (3, 2), (3, 3)])
def test_convolution_without_channels(images: int, filters: int, subject: Subject) -> None:
    """One image or several with one filter or several."""
    rng = np.random.default_rng(10)
    x, w = _real("x", images), _real("w", filters)
    values = rng.standard_normal((2, 5, 6)[3 - images :])
    weights = rng.standard_normal((3, 2, 3)[3 - filters :])
    found = subject.function([x, w], signal_conv2d(x, w, border_mode="full"))(values, weights)
    pictures, kernels = values.reshape(-1, 5, 6), weights.reshape(-1, 2, 3)
    wanted = np.zeros((len(pictures), len(kernels), 6, 8))
    for (a, b), i, j in itertools.product(
        itertools.product(range(len(pictures)), range(len(kernels))), range(2), range(3)
    ):
        wanted[a, b, i : i + 5, j : j + 6] += pictures[a] * kernels[b, i, j]
    shape = (*values.shape[: images - 2], *weights.shape[: filters - 2], 6, 8)
    np.testing.assert_allclose(found, wanted.reshape(shape), rtol=1e-11, atol=1e-12)
