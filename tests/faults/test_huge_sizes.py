"""R22: sizes around 2^31 and 2^32, products beyond 64 bits, and sizes that no array has: the right
answer or a clear error."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import tensorcore.tensor as T
from tensorcore import config, function

if TYPE_CHECKING:
    from faults.conftest import Tally

EDGES = (-(2**63), -(2**62), -(2**32), -(2**31) - 1, -1, 0, 1, 3, 2**31 - 1, 2**31, 2**32,
         2**32 + 1,
         2**40, 2**61, 2**62, 2**63 - 1)  # fmt: skip
CLEAR = (ValueError, MemoryError)  # ShapeError is a ValueError
LIMIT = 10**6  # elements that a test asks for in earnest


def outcome(call: Callable[[], Any]) -> Any:
    """What it gives, or ``CLEAR`` for an error of the promised kinds, with words."""
    try:
        return call()
    except CLEAR as error:
        return "clear" if len(str(error)) > 5 else repr(error)


@pytest.mark.usefixtures("each_backend")
class TestSizesFromNumbers:
    """Small arrays, and sizes, bounds and positions from integers that the call brings."""

    def test_edges(self, tally: Tally) -> None:
        n, m, x = T.lscalar("n"), T.lscalar("m"), T.dvector("x")
        some = np.arange(5.0)
        cut = function([x, n, m], x[n:m])
        whole = function([x, n, m], x.reshape((n, m)))
        filled = function([n, m], T.zeros((n, m)))
        scaled = function([x, n, m], x[: n * m])
        spread = function([n, m], T.zeros((n, m)).shape)
        tried = held = 0
        for a, b in product(EDGES, EDGES):
            found = [
                np.array_equal(cut(some, a, b), some[a:b]),
                self.shaped(outcome(lambda: whole(some, a, b)), a, b, 5),  # noqa: B023
                self.cut(outcome(lambda: scaled(some, a, b)), some, a * b),  # noqa: B023
            ]
            # What a machine with much memory could grant is not asked for.
            if not (a > 0 and LIMIT < a * b < 2**58):
                found.append(self.shaped(outcome(lambda: filled(a, b)), a, b, a * b))  # noqa: B023
                found.append(self.sizes(outcome(lambda: spread(a, b)), a, b))  # noqa: B023
            tried, held = tried + len(found), held + sum(map(bool, found))
        tally.held(f"R22 sizes from numbers: {config.backend}", tried, held)

    @staticmethod
    def shaped(found: Any, a: int, b: int, elements: int) -> bool:
        if isinstance(found, str):
            return found == "clear" and not (a > 0 and b > 0 and a * b == elements < LIMIT)
        return bool(found.shape == (a, b))

    @staticmethod
    def cut(found: Any, some: np.ndarray, stop: int) -> bool:
        if isinstance(found, str):
            return found == "clear" and not -(2**63) <= stop < 2**63
        return np.array_equal(found, some[:stop])

    @staticmethod
    def sizes(found: Any, a: int, b: int) -> bool:
        if isinstance(found, str):
            return found == "clear" and not (0 <= a < LIMIT and 0 <= b < LIMIT)
        return tuple(found) == (a, b)


@pytest.mark.usefixtures("each_backend")
class TestManyElements:
    """Arrays of more elements than 32 bits count, of one byte each where they are stored."""

    def test_stored_ones(self, tally: Tally) -> None:
        if not tally.long:
            pytest.skip("2 GB of memory and some seconds; asked for by --long")
        if config.backend != "cgen":
            pytest.skip("the reference makes arrays of eight times as many bytes on the way")
        x, i = T.bvector("x"), T.lvector("i")
        f = function([x, i], [x[i], T.argmax(x), T.max(x[::-1]), T.sum(T.eq(x, 1))])
        for count in (2**31 - 1, 2**31, 2**31 + 3):
            big = np.zeros(count, "i1")
            places = np.array([0, count - 1, -1, count // 2])
            big[[0, count - 2]] = 1
            big[count - 1] = 7
            found, top, highest, ones = f(big, places)
            right = found.tolist() == [1, 7, 7, 0] and int(ones) == 2
            right = right and int(top) == count - 1 and int(highest) == 7
            tally.held(f"R22 stored tensors: {config.backend}", 1, int(right))
            del big
