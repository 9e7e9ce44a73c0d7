"""Random streams: known answers, distributions at fixed seeds, parameters and updates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from tensorcore import Tensor, TensorType, config, function, grad
from tensorcore import tensor as T
from tensorcore.errors import DTypeError, NumberError, ShapeError
from tensorcore.ops.random import philox
from tensorcore.tensor.shared_randomstreams import MRG_RandomStreams, RandomStreams

#: key, counter and result, from the known answers that the authors of Philox publish.
KNOWN = [
    (0, 0, 0x6CD10DF2FF1DAE59),
    (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF, 0xAB4FD7AD2C3F628B),
    (0x13198A2E, 0x85A308D3243F6A88, 0xF62A4C12DD7CE038),
]
BACKENDS = ("numpy_ref", "cgen")
both = pytest.mark.parametrize("backend", BACKENDS)
N = 200_000


@both
@pytest.mark.parametrize(("key", "counter", "word"), KNOWN)
def test_known_answers(key: int, counter: int, word: int, backend: str) -> None:
    number = TensorType("uint64", ())
    k, c = number("k"), number("c")
    f = function([k, c], philox(k, c), backend=backend)
    assert int(f(np.uint64(key), np.uint64(counter))) == word


def drawn(
    make: Callable[[RandomStreams], Tensor], backend: str = "cgen", seed: int = 1234
) -> np.ndarray:
    return function([], make(RandomStreams(seed)), backend=backend)()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniforms_are_even(dtype: str) -> None:
    x = drawn(lambda s: s.uniform((N,), dtype=dtype))
    assert x.dtype == dtype and x.min() >= 0 and x.max() < 1
    assert stats.kstest(x.astype("float64"), "uniform").pvalue > 0.01
    # Neighbours, and the same place in the next call, have nothing to do with each other.
    pairs, _, _ = np.histogram2d(x[::2], x[1::2], bins=20, range=[[0, 1]] * 2)
    assert stats.chisquare(pairs.ravel()).pvalue > 0.01


def test_low_bits_are_as_good_as_high_ones() -> None:
    number = TensorType("uint64", ())
    k = number("k")
    index = T.cast(T.arange(N), "uint64")
    words = function([k], philox(k, index), backend="cgen")(np.uint64(7))
    bits = (words[:, None] >> np.arange(64, dtype="uint64")) & np.uint64(1)
    ones = bits.sum(axis=0)
    assert np.abs(ones - N / 2).max() < 4.5 * np.sqrt(N) / 2
    # A change of one bit of the counter changes half of the bits.
    flipped = function([k], philox(k, T.xor(index, np.uint64(1))), backend="cgen")(np.uint64(7))
    changed = np.bitwise_count(words ^ flipped)
    assert abs(changed.mean() - 32) < 5 * 4 / np.sqrt(N)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normals(dtype: str) -> None:
    x = drawn(lambda s: s.normal((N,), avg=2.0, std=3.0, dtype=dtype))
    assert x.dtype == dtype and np.isfinite(x).all()
    assert stats.kstest(x.astype("float64"), "norm", (2, 3)).pvalue > 0.01


def counted(x: np.ndarray, probabilities: np.ndarray) -> float:
    """The p-value of counts of 0, 1, ..., the rarest of which are taken together."""
    observed = np.bincount(x, minlength=len(probabilities))[: len(probabilities)].astype(float)
    expected = probabilities * x.size
    common = expected > 10
    observed = np.append(observed[common], x.size - observed[common].sum())
    expected = np.append(expected[common], x.size - expected[common].sum())
    keep = expected > 1
    scale = observed[keep].sum() / expected[keep].sum()
    return float(stats.chisquare(observed[keep], expected[keep] * scale).pvalue)


def test_discrete_distributions() -> None:
    k = np.arange(60)
    x = drawn(lambda s: s.binomial((N,), n=12, p=0.3))
    assert counted(x, stats.binom.pmf(k, 12, 0.3)) > 0.01
    x = drawn(lambda s: s.poisson((20_000,), lam=6.5))
    assert counted(x, stats.poisson.pmf(k, 6.5)) > 0.01
    x = drawn(lambda s: s.random_integers((N,), 0, 36))
    assert counted(x, np.full(37, 1 / 37)) > 0.01
    x = drawn(lambda s: s.choice((N,), a=4, p=[0.1, 0.4, 0.3, 0.2]))
    assert counted(x, np.array([0.1, 0.4, 0.3, 0.2])) > 0.01
    x = drawn(lambda s: s.multinomial((N,), pvals=[0.1, 0.4, 0.3, 0.2]))
    assert (x.sum(axis=1) == 1).all()
    assert counted(x.argmax(axis=1), np.array([0.1, 0.4, 0.3, 0.2])) > 0.01
    x = drawn(lambda s: s.permutation((N // 10,), n=4))
    assert (np.sort(x, axis=1) == np.arange(4)).all()
    orders = np.array([p for p in np.ndindex(4, 4, 4, 4) if len({*p}) == 4]) @ [64, 16, 4, 1]
    assert counted(x @ [64, 16, 4, 1], np.bincount(orders, minlength=256) / 24) > 0.01


def test_large_means_of_poisson() -> None:
    x = drawn(lambda s: s.poisson((2_000,), lam=900.0))
    assert abs(x.mean() - 900) < 5 * 30 / np.sqrt(2_000)
    assert abs(x.std() - 30) < 3


def test_streams_differ_and_seeds_too() -> None:
    s = RandomStreams(3)
    a, b = function([], [s.uniform((50,)), s.uniform((50,))], backend="numpy_ref")()
    assert not np.isin(a, b).any()
    c = drawn(lambda s: s.uniform((50,)), seed=4)
    assert not np.isin(a, c).any()
    assert np.array_equal(a, drawn(lambda s: s.uniform((50,)), seed=3))


def test_default_updates_can_be_left_out() -> None:
    s = MRG_RandomStreams(5)
    x = s.uniform((3,))
    still = function([], x, no_default_updates=True, backend="numpy_ref")
    assert np.array_equal(still(), still())
    moving = function([], x, backend="numpy_ref")
    assert not np.array_equal(moving(), moving())


def test_one_draw_is_one_draw() -> None:
    x = RandomStreams(5).uniform((3,))
    a, b = function([], [x + 1, x], backend="cgen")()
    assert np.array_equal(a - 1, b) or np.allclose(a - 1, b, atol=1e-15)


def test_a_gradient_goes_to_the_parameters() -> None:
    mean, spread = T.dscalar("mean"), T.dscalar("spread")
    s = RandomStreams(8)
    x = s.normal((6,), avg=mean, std=spread, dtype="float64")
    f = function([mean, spread], [x, *grad(x.sum(), [mean, spread])], backend="cgen")
    value, by_mean, by_spread = f(1.0, 2.0)
    assert by_mean == 6
    np.testing.assert_allclose(by_spread, ((value - 1) / 2).sum(), rtol=1e-12)


def test_sizes_and_dtypes() -> None:
    n, v = T.iscalar("n"), T.lvector("v")
    s = RandomStreams(2)
    f = function([n, v], [s.uniform((n, 2)), s.normal(v, ndim=2), s.binomial(n)], backend="cgen")
    a, b, c = f(3, [2, 5])
    assert a.shape == (3, 2) and b.shape == (2, 5) and c.shape == (3,)
    with config.change_flags(floatX="float32"):
        assert s.uniform((2,)).dtype == "float32" and s.normal((2,)).dtype == "float32"
        assert s.uniform((2,), dtype="float64").dtype == "float64"
    assert s.binomial((2,), dtype="float32").dtype == "float32"


def test_bad_parameters() -> None:
    s = RandomStreams(2)
    with pytest.raises(DTypeError, match="floating"):
        s.uniform((2,), dtype="int32")
    with pytest.raises(TypeError, match="integer scalar"):
        s.binomial((2,), n=1.5)
    with pytest.raises(ShapeError, match="give a size"):
        s.choice(None, a=3)
    with pytest.raises(ValueError, match="probabilities"):
        s.multinomial((2,))
    with pytest.raises(ValueError, match="negative"):
        RandomStreams(-1)
    with pytest.raises(TypeError, match="seed"):
        RandomStreams("x")


@both
def test_givens_reach_the_updates_of_a_stream(backend: str) -> None:
    """The size of a draw may be that of what givens replaces; then so is the next state."""
    x = TensorType("float64", (False, False))("x")
    noise = RandomStreams(3).uniform(size=x.shape)
    f = function([], noise + 0 * x, givens={x: np.zeros((2, 3))}, backend=backend)
    whole = function([], RandomStreams(3).uniform(size=(4, 3)), backend=backend)()
    np.testing.assert_array_equal(np.concatenate([f(), f()]), whole)


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda s: s.binomial((3,), n=-1), "binomial: n must be 0 or more, found -1"),
        (lambda s: s.multinomial((3,), n=-1, pvals=[0.5, 0.5]), "multinomial: n must be 0 or more"),
        (lambda s: s.permutation((3,), n=-2), "permutation: n must be 0 or more, found -2"),
        (lambda s: s.choice((3,), a=0), "choice: a must be 1 or more, found 0"),
    ],
)
def test_numbers_that_are_too_small(draw: Callable[[RandomStreams], Tensor], words: str) -> None:
    with pytest.raises(NumberError, match=words):
        draw(RandomStreams(1))
