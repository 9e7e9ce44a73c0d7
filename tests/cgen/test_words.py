"""Random words that are made in blocks are those of the reference, bit by bit."""

from __future__ import annotations

import re

import numpy as np
import pytest
from conftest import skip_unless_ready
from tensorcore_cgen.emit import emit

import tensorcore.tensor as T
from tensorcore import function
from tensorcore.tensor.shared_randomstreams import RandomStreams


@pytest.mark.parametrize("count", [1, 15, 16, 17, 255, 256, 257, 3000])
def test_blocks(count: int) -> None:
    """Lengths around those of the vectors and of the blocks; two words for a number; sums."""
    skip_unless_ready("cgen")
    found = []
    for backend in ("numpy_ref", "cgen"):
        streams, n = RandomStreams(5), T.lscalar("n")
        drawn = streams.uniform((n,), dtype="float32")
        outputs = [
            drawn, streams.uniform((n,), dtype="float64"), streams.binomial((n,), n=3, p=0.3),
            streams.random_integers((n, 3), low=-4, high=90), drawn * 2 + drawn[::-1],
            streams.normal((n,), dtype="float64"),
        ]  # fmt: skip
        f = function([n], outputs, backend=backend)
        found.append([*f(count), *f(count)])
    for k, (a, b) in enumerate(zip(*found, strict=True)):
        if k % 6 == 5:
            np.testing.assert_allclose(a, b, rtol=1e-12)
        else:
            np.testing.assert_array_equal(a, b)


def test_draws_of_streams_are_made_in_blocks() -> None:
    """The key is the same for all points, which the text shows."""
    skip_unless_ready("cgen")
    n = T.lscalar("n")
    for dtype in ("float32", "float64"):
        drawn = RandomStreams(5).uniform((n,), dtype=dtype)
        text = emit(function([n], drawn, backend="cgen").program)[0][0]
        assert re.search(r"^ +tc_philox_many_u64\(", text, re.MULTILINE)
