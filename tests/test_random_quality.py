"""The uniform stream under the tests of a published battery: A. Rukhin et al., "A statistical test
suite for random and pseudorandom number generators for cryptographic applications", NIST Special
Publication 800-22 revision 1a, 2010 (section numbers below), and two of G. Marsaglia's (birthday
spacings; words seen, as in his monkey tests).

A test gives a p-value for each of many parts of a stream. As the publication asks (4.2), the
parts that pass at 0.01 must be as many as chance lets expect, and the values must be even.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from scipy import special, stats

from tensorcore import function
from tensorcore.tensor.shared_randomstreams import RandomStreams

PARTS, BITS = 300, 1 << 15
Bits = np.ndarray
EVERY: dict[str, Callable[[Bits], float]] = {}


def battery(test: Callable[[Bits], float]) -> Callable[[Bits], float]:
    EVERY[test.__name__] = test
    return test


@cache
def bits(seed: int) -> Bits:
    """The leading 16 bits of float32 uniforms, part by part; all 24 that there are would show
    the rounding to floats."""
    draw = RandomStreams(seed).uniform(size=(PARTS, BITS // 16), dtype="float32")
    words = (function([], draw, backend="numpy_ref")() * 65536).astype(">u2")
    return np.unpackbits(words.view(np.uint8).reshape(PARTS, -1), axis=1)


@battery
def frequency(b: Bits) -> float:  # 2.1
    return float(special.erfc(abs((2.0 * b - 1).sum()) / math.sqrt(2 * b.size)))


@battery
def frequency_in_blocks(b: Bits) -> float:  # 2.2
    share = b.reshape(-1, 128).mean(1)
    return float(special.gammaincc(len(share) / 2, 4 * 128 * ((share - 0.5) ** 2).sum() / 2))


@battery
def runs(b: Bits) -> float:  # 2.3
    share = b.mean()
    found = 1 + np.count_nonzero(np.diff(b))
    expected = 2 * b.size * share * (1 - share)
    return float(
        special.erfc(abs(found - expected) / (2 * math.sqrt(2 * b.size) * share * (1 - share)))
    )


@battery
def longest_run(b: Bits) -> float:  # 2.4, for blocks of 128
    lengths = []
    for block in b.reshape(-1, 128):
        ends = np.flatnonzero(np.diff(np.concatenate([[0], block, [0]])))
        lengths.append((ends[1::2] - ends[::2]).max(initial=0))
    seen = np.bincount(np.clip(lengths, 4, 9) - 4, minlength=6)
    chances = np.array([0.1174, 0.2430, 0.2493, 0.1752, 0.1027, 0.1124])
    return float(stats.chisquare(seen, chances / chances.sum() * seen.sum()).pvalue)


@battery
def ranks_of_matrices(b: Bits) -> float:  # 2.5
    def rank(rows: list[int]) -> int:
        found = 0
        while rows:
            pivot = rows.pop()
            if pivot:
                found += 1
                low = pivot & -pivot
                rows = [r ^ pivot if r & low else r for r in rows]
        return found

    words = np.packbits(b.reshape(-1, 32), axis=1).view(">u4").reshape(-1, 32).tolist()
    seen = np.bincount([max(0, rank(rows) - 30) for rows in words], minlength=3)
    chances = np.array([0.1336, 0.5776, 0.2888])
    return float(stats.chisquare(seen, chances * seen.sum()).pvalue)


@battery
def spectrum(b: Bits) -> float:  # 2.6
    peaks = np.abs(np.fft.rfft(2.0 * b - 1))[: b.size // 2]
    below = np.count_nonzero(peaks < math.sqrt(math.log(1 / 0.05) * b.size))
    apart = (below - 0.95 * b.size / 2) / math.sqrt(b.size * 0.95 * 0.05 / 4)
    return float(special.erfc(abs(apart) / math.sqrt(2)))


def _patterns(b: Bits, m: int) -> np.ndarray:
    """How often each pattern of ``m`` bits is seen, going round at the end."""
    value = np.zeros(b.size, int)
    for k in range(m):
        value = 2 * value + np.roll(b, -k)
    return np.bincount(value, minlength=1 << m)


@battery
def serial(b: Bits) -> float:  # 2.11
    m = 8
    psi = [(1 << k) / b.size * (_patterns(b, k).astype(float) ** 2).sum() - b.size
           for k in (m, m - 1)]  # fmt: skip
    return float(special.gammaincc(2 ** (m - 2), (psi[0] - psi[1]) / 2))


@battery
def approximate_entropy(b: Bits) -> float:  # 2.12
    m = 6

    def phi(k: int) -> float:
        share = _patterns(b, k) / b.size
        return float((share * np.log(share)).sum())

    return float(special.gammaincc(2 ** (m - 1), b.size * (math.log(2) - (phi(m) - phi(m + 1)))))


@battery
def cumulative_sums(b: Bits) -> float:  # 2.13
    n = b.size
    z = np.abs(np.cumsum(2.0 * b - 1)).max() / math.sqrt(n)
    k = np.arange(-200, 201)
    up = (stats.norm.cdf((4 * k + 1) * z) - stats.norm.cdf((4 * k - 1) * z)).sum()
    down = (stats.norm.cdf((4 * k + 3) * z) - stats.norm.cdf((4 * k + 1) * z)).sum()
    return float(np.clip(1 - up + down, 0, 1))


def birthday_spacings(words: np.ndarray) -> float:
    """How many spacings between 512 birthdays in a year of 2**24 days come twice."""
    days = np.sort((words >> 8).reshape(-1, 512), axis=1)
    spacings = np.sort(np.diff(days, axis=1), axis=1)
    twice = (np.diff(spacings, axis=1) == 0).sum(1)
    chances = stats.poisson.pmf(np.arange(6), 512**3 / (4 * 2**24))
    chances = np.append(chances, 1 - chances.sum())
    seen = np.bincount(np.minimum(twice, 6), minlength=7)
    return float(stats.chisquare(seen, chances * seen.sum()).pvalue)


def words_not_seen(words: np.ndarray) -> float:
    """How many of the 2**20 pairs of ten bits are missing after 2**21 of them."""
    missing = (1 << 20) - len(np.unique(words[: 1 << 21] >> 12))
    # Each is missing with a chance of exp(-2); the deviation is for draws without overlap.
    mean = (1 << 20) * math.exp(-2)
    deviation = math.sqrt((1 << 20) * (math.exp(-2) - 3 * math.exp(-4)))
    return float(2 * stats.norm.sf(abs(missing - mean) / deviation))


def even(values: list[float]) -> None:
    """As many pass as 4.2.1 of the publication asks, and the values are even (4.2.2)."""
    passed = np.mean(np.array(values) >= 0.01)
    assert passed >= 0.99 - 3 * math.sqrt(0.99 * 0.01 / len(values)), passed
    seen, _ = np.histogram(values, bins=10, range=(0, 1))
    assert stats.chisquare(seen).pvalue >= 1e-4, seen


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """In the long form, more seeds."""
    if "seed" in metafunc.fixturenames:
        long = metafunc.config.getoption("--long")
        metafunc.parametrize("seed", [1, 2, 3, 987654321] if long else [1])


@pytest.mark.parametrize("name", EVERY)
def test_the_stream_is_as_good_as_chance(name: str, seed: int) -> None:
    even([EVERY[name](part) for part in bits(seed)])


def test_whole_words_are_as_good_as_chance(seed: int) -> None:
    draw = RandomStreams(seed).random_integers(size=(1 << 21,), low=0, high=2**32 - 1)
    words = function([], draw, backend="numpy_ref")().astype(np.uint32)
    assert birthday_spacings(words) >= 1e-3
    assert words_not_seen(words) >= 1e-3


@pytest.mark.parametrize("name", EVERY)
def test_the_battery_can_fail(name: str) -> None:
    """Bits that depend a little on those before them do not pass."""
    rng = np.random.default_rng(0)
    values = []
    for _ in range(PARTS // 4):
        b = rng.integers(0, 2, BITS, dtype=np.uint8)
        if name == "spectrum":
            b = ((np.arange(BITS) % 7 == 0) & (rng.random(BITS) < 0.3)).astype(np.uint8) | b
        elif name == "ranks_of_matrices":
            rows = b.reshape(-1, 32)
            rows[::32] = rows[1::32] ^ rows[2::32]
        else:
            stay = rng.random(BITS) < 0.04
            b[1:][stay[1:]] = b[:-1][stay[1:]]
            b[rng.random(BITS) < 0.02] = 1
        values.append(EVERY[name](b))
    with pytest.raises(AssertionError):
        even(values)
