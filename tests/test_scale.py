"""Graphs of tens of thousands of nodes: no part of the road recurses. How long they take is
measured in ``benchmarks/scale.py``."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import tensorcore.tensor as T
from tensorcore import clone, function, grad, shared
from tensorcore.legacy.graphs import ancestors, io_toposort
from tensorcore.printing import debugprint, pp

LONG = 20_000


def test_a_long_chain_is_differentiated_compiled_and_run(request: pytest.FixtureRequest) -> None:
    """20,000 nodes with ``--long``; fewer otherwise, yet more than Python's stack holds."""
    length = LONG if request.config.getoption("--long") else 4_000
    assert sys.getrecursionlimit() < length
    x, w = T.dscalar("x"), shared(1.0, "w")
    y = x
    for _ in range(length // 2):
        y = y * w + 1.0
    slope = grad(y, w)
    f = function([x], [y, slope], backend="numpy_ref")
    value, found = f(2.0)
    n = length // 2
    assert float(value) == 2.0 + n
    # y_n = 2 w^n + w^(n-1) + ... + 1, whose slope at 1 is 2 n + n (n - 1) / 2
    assert float(found) == 2 * n + n * (n - 1) / 2


@pytest.mark.usefixtures("on_reference")
def test_walks_texts_and_copies_of_a_long_chain(request: pytest.FixtureRequest) -> None:
    length = LONG if request.config.getoption("--long") else 4_000
    x, z = T.dscalar("x"), T.dscalar("z")
    y = x
    for _ in range(length):
        y = y + x
    assert len(ancestors([y])) == length + 1 and len(io_toposort([x], [y])) == length
    assert x not in ancestors([clone(y, replace={x: z})])
    assert pp(y) and debugprint(y, file="str", depth=50)


def test_a_wide_sum_is_differentiated(request: pytest.FixtureRequest) -> None:
    width = 1_200 if request.config.getoption("--long") else 300
    x = T.dvector("x")
    total = sum((x[k % 7] * float(k) for k in range(width)), T.constant(0.0))
    f = function([x], grad(total, x), backend="numpy_ref")
    expected = np.bincount(np.arange(width) % 7, np.arange(float(width)))
    np.testing.assert_array_equal(f(np.ones(7)), expected)
