"""Random streams: the same words, uniforms and discrete draws everywhere, bit by bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tensorcore import Tensor, function, scan
from tensorcore import tensor as T
from tensorcore.tensor.shared_randomstreams import RandomStreams

from .subject import PrimitivesOnly, Subject

Draw = Callable[[RandomStreams], Tensor]
#: Draws that are made of integers, of sums in one order and of comparisons.
EXACT: dict[str, Draw] = {
    "uniform": lambda s: s.uniform((5, 3), dtype="float64"),
    "uniform in an interval": lambda s: s.uniform((40,), low=-2.0, high=3.0, dtype="float64"),
    "uniform float32": lambda s: s.uniform((50,), dtype="float32"),
    "uniform float16": lambda s: s.uniform((50,), dtype="float16"),
    "uniform of the parameters' sizes": lambda s: s.uniform(
        low=np.zeros((3, 1)), high=np.arange(1.0, 5.0)
    ),
    "binomial": lambda s: s.binomial((30,), p=0.3),
    "binomial of many trials": lambda s: s.binomial((20,), n=17, p=0.6),
    "multinomial": lambda s: s.multinomial(pvals=np.tile([0.2, 0.5, 0.3], (9, 1))),
    "multinomial of many draws": lambda s: s.multinomial((2, 3), n=30, pvals=[0.1, 0.2, 0.7]),
    "choice": lambda s: s.choice((25,), a=7),
    "choice with probabilities": lambda s: s.choice((25,), a=3, p=[0.5, 0.25, 0.25]),
    "choice without repetition": lambda s: s.choice(6, a=10, replace=False),
    "permutation": lambda s: s.permutation((3,), n=8),
    "integers": lambda s: s.random_integers((30,), low=-5, high=5),
    "shuffled rows": lambda s: s.shuffle_row_elements(np.arange(15).reshape(3, 5)),
    "poisson": lambda s: s.poisson((20,), lam=4.5),
}
INEXACT: dict[str, Draw] = {
    "normal": lambda s: s.normal((40,), dtype="float64"),
    "normal float32": lambda s: s.normal((7, 3), avg=2.0, std=0.5, dtype="float32"),
}


@pytest.fixture(autouse=True)
def _needs(subject: Subject) -> None:
    wanted = ("float16", "float32", "float64", "int32", "int64", "uint64", "bool")
    if not subject.takes(*wanted):
        pytest.skip(f"one of {', '.join(wanted)} is not among the declared dtypes")


def _twice(f: Any) -> list[Any]:
    return [f().copy(), f().copy()]


@pytest.mark.parametrize("name", [*EXACT, *INEXACT])
def test_draws(name: str, subject: Subject) -> None:
    """The first and the second call, which goes on where the first ended."""
    draw = {**EXACT, **INEXACT}[name]
    found = _twice(subject.function([], draw(RandomStreams(11))))
    wanted = _twice(function([], draw(RandomStreams(11)), backend=PrimitivesOnly()))
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        if name in EXACT:
            np.testing.assert_array_equal(a, b)
        else:
            np.testing.assert_allclose(a, b, rtol=1e-5 if a.dtype == "float32" else 1e-12)
    assert not np.array_equal(found[0], found[1])


def test_draws_in_a_loop(subject: Subject) -> None:
    """Each step draws anew, and the stream goes on after the call."""
    streams = RandomStreams(4)
    rows, updates = scan(lambda: streams.uniform((3,), dtype="float64"), n_steps=4)
    f = subject.function([], rows, updates)
    one = RandomStreams(4).uniform((12,), dtype="float64")
    g = subject.function([], one)
    np.testing.assert_array_equal(f().ravel(), g())
    np.testing.assert_array_equal(f().ravel(), g())


def test_draws_before_a_loop(subject: Subject) -> None:
    """One value in all steps."""
    streams = RandomStreams(4)
    drawn = streams.uniform((3,), dtype="float64")
    rows, _ = scan(lambda h: h + drawn, outputs_info=T.zeros(3, "float64"), n_steps=3)
    one, found = subject.function([], [drawn, rows])()
    np.testing.assert_allclose(found, [one, 2 * one, 3 * one], rtol=1e-15)


def test_beginning_anew(subject: Subject) -> None:
    """``seed`` takes all streams back to their beginning."""
    streams = RandomStreams(9)
    f = subject.function([], [streams.uniform((4,)), T.exp(streams.normal((2,)))])
    first, second = f(), f()
    streams.seed(9)
    for a, b in zip(first + second, f() + f(), strict=True):
        np.testing.assert_array_equal(a, b)
    streams.seed(10)
    assert not np.array_equal(f()[0], first[0])
