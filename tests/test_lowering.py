"""Lowering, held to the reference: each program here once came out wrong or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from conftest import skip_unless_ready

import tensorcore.tensor as T
from tensorcore import config, function, ifelse
from tensorcore.backend import Capabilities
from tensorcore.errors import ShapeError
from tensorcore.graph import Graph
from tensorcore.lower import lower
from tensorcore.program import Branch, Call, Kernel

Build = Callable[..., list[Any]]


@pytest.fixture(autouse=True)
def checked() -> Iterator[None]:
    with config.change_flags(debug=True):
        yield


def same_as_numpy(build: Build, expected: Build, *values: np.ndarray) -> None:
    inputs = [T.TensorType(v.dtype, (False,) * v.ndim)(f"x{k}") for k, v in enumerate(values)]
    outputs = build(*inputs)
    found = function(inputs, outputs)(*values)
    for y, z in zip(found, expected(*values), strict=True):
        np.testing.assert_allclose(y, z, rtol=1e-12)
        assert y.shape == np.shape(z)


LINE = np.arange(8.0) + 0.5
TABLE = np.arange(12.0).reshape(3, 4)
PEAK = np.array([1.0, 3.0, 2.0])
PLACES = np.array([3, 4, 6])


@pytest.mark.usefixtures("each_backend")
class TestComputedSizes:
    def test_a_computed_index_read_after_a_kernel_of_the_same_space(self):
        same_as_numpy(
            lambda w, y, v: [T.exp(w), T.argmax(y), w * v[T.argmax(y)]],
            lambda w, y, v: [np.exp(w), 1, w * v[1]],
            LINE, PEAK, LINE,
        )  # fmt: skip

    def test_a_computed_window_that_is_repeated(self):
        same_as_numpy(
            lambda m, y, v: [T.exp(m), m * 2 + T.fill(m, v[T.argmax(y) :])],
            lambda m, y, v: [np.exp(m), m * 2 + v[1:]],
            TABLE, PEAK, np.arange(5.0),
        )  # fmt: skip
        m, y, v = T.dmatrix("m"), T.dvector("y"), T.dvector("v")
        f = function([m, y, v], [T.exp(m), m * 2 + T.fill(m, v[T.argmax(y) :])])
        with pytest.raises(ShapeError, match="must be equal, found"):
            f(TABLE, np.array([1.0, 2.0, 3.0]), np.arange(5.0))

    def test_the_size_of_a_computed_window_as_a_number(self):
        same_as_numpy(
            lambda w, y, v: [T.exp(w), w * v[T.argmax(y) :].shape[0]],
            lambda w, y, v: [np.exp(w), w * 7],
            LINE, PEAK, LINE,
        )  # fmt: skip

    def test_entries_of_a_vector(self):
        same_as_numpy(
            lambda i, x: [T.zeros((i[0],)), T.arange(i[1]), x[i[0]], x[i[1] : i[2] + 1]],
            lambda i, x: [np.zeros(3), np.arange(4), x[3], x[4:7]],
            PLACES, LINE,
        )  # fmt: skip

    def test_moved_entries_of_a_matrix(self):
        same_as_numpy(
            lambda i, x: [x[i.T[1, 0] :], x[: i.flatten()[2]], x[i[1:, 1].reshape(())]],
            lambda i, x: [x[2:], x[:5], x[1]],
            np.array([[3, 2], [5, 1]]), LINE,
        )  # fmt: skip

    def test_small_integers_wrap_around(self):
        n = T.lscalar("n")
        assert function([n], T.zeros((T.cast(n, "int8"),)))(300).shape == (44,)
        k = T.bscalar("k")
        assert function([k], T.zeros((k * k,)))(17).shape == (33,)
        with pytest.raises(ShapeError, match="negative"):
            function([k], T.zeros((k * k,)))(np.int8(20))

    def test_a_negative_size_that_no_array_has(self):
        n = T.lscalar("n")
        f = function([n], T.sum(T.zeros((n,))))
        assert f(3) == 0
        with pytest.raises(ShapeError, match="must not be negative; found -3"):
            f(-3)


@pytest.mark.usefixtures("each_backend")
class TestSizes:
    def test_huge_steps_and_bounds(self):
        top = 2**63 - 1
        same_as_numpy(
            lambda a: [a[::top], a[::-top], a[-top:], a[:top], a[top:], a[1::2], a[::-3]],
            lambda a: [a[:1], a[-1:], a, a, a[:0], a[1::2], a[::-3]],
            np.arange(4.0),
        )

    def test_a_product_of_sizes_that_turn_out_to_be_one(self):
        one = np.ones((1, 1))
        same_as_numpy(
            lambda a, v: [v.dimshuffle(0, "x") * a.flatten(), T.dot(a, one), T.dot(one, a)],
            lambda a, v: [v[:, None] * 3, a, a],
            np.array([[3.0]]), LINE,
        )  # fmt: skip

    def test_ones_of_another_size_are_refused(self):
        x = T.dvector("x")
        f = function([x], x * np.ones(3))
        np.testing.assert_array_equal(f(PEAK), PEAK)
        with pytest.raises(ShapeError, match="must be equal"):
            f(LINE)


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int8"])
@pytest.mark.parametrize("sizes", [(1000, 1), (1, 1000), (1000, 1000), (1, 1), (0, 1), (0, 0)])
def test_products_of_vectors_of_any_length(dtype, sizes):
    a, b = (np.arange(n).astype(dtype) % 5 for n in sizes)
    same_as_numpy(
        lambda x, y: [T.dot(x, x), T.outer(x, y), T.outer(y, x)],
        lambda x, y: [np.dot(x, x), np.outer(x, y), np.outer(y, x)],
        a, b,
    )  # fmt: skip


class TestLongChains:
    """Text, and so the compiler's time, grows with the length of a chain and no faster."""

    def chain(self, step: Callable[[Any, Any], Any]) -> tuple[Any, Any]:
        x = T.dvector("x")
        y = x
        for _ in range(200):
            y = step(y, x)
        return x, y

    def test_sizes_of_joins_have_few_terms(self):
        x, y = self.chain(lambda y, x: T.concatenate([y, x[:1]]))
        program = function([x], y, backend="numpy_ref").program
        assert max(len(size.args) for size in program.sizes) <= 20

    def test_functions_of_sizes_are_short(self):
        skip_unless_ready("cgen")
        from tensorcore_cgen.emit import emit

        x, y = self.chain(lambda y, x: y[1:])
        sources, _ = emit(function([x], y, backend="cgen").program)
        longest = max(len(f.split("\n")) for text in sources for f in text.split("\n}\n"))
        assert longest < 100


def test_kernels_of_many_functions_are_cut() -> None:
    """A compiler's time grows faster than a kernel's code, and functions are inlined."""
    skip_unless_ready("cgen")
    x = T.dvector("x")
    y, z = x, x
    for _ in range(60):
        y, z = T.tanh(y + x), z * x + 1
    kernels = [
        [s for s in function([x], e, backend="cgen").program.steps if isinstance(s, Kernel)]
        for e in (y, z)
    ]
    assert len(kernels[0]) == 5
    assert len(kernels[1]) == 1


def products(build: Build, **facts: Any) -> tuple[int, int]:
    """How many products are calls, and how many totals of kernels, for a backend that fuses."""
    x, w, y = T.dmatrix("x"), T.dvector("w"), T.dvector("y")
    takes = Capabilities(fuses=True, **{"totals": True} | facts)
    program = lower(Graph([x, w, y], build(x, w, y)), [], [], takes)
    calls = [s for s in program.steps if isinstance(s, Call) and s.op == "contract"]
    kernels = [s for s in program.steps if isinstance(s, Kernel)]
    return len(calls), sum(len(kernel.totals) for kernel in kernels)


class TestMatricesReadOnce:
    def test_columns_that_follow_row_by_row_are_totals(self):
        def step(x, w, y):
            p = T.nnet.sigmoid(T.dot(x, w))
            return [T.grad(T.mean(T.nnet.binary_crossentropy(p, y)), w), p > 0.5]

        assert products(step) == (0, 1)
        assert products(step, totals=False) == (2, 0)

    def test_least_squares(self):
        assert products(lambda x, w, y: [T.dot(T.dot(x, w) - y, x)]) == (0, 1)
        assert products(lambda x, w, y: [T.dot(x.T, T.dot(x, w))]) == (0, 1)

    def test_two_of_each_are_one_kernel(self):
        def two(x, w, y):
            z, u = T.dot(x, w), T.dot(x, T.exp(w))
            return [T.dot(z * y, x), T.dot(u - z, x)]

        assert products(two) == (0, 2)

    def test_what_needs_all_rows_first_stays_a_call(self):
        for build in (
            lambda x, w, y: [T.dot(T.nnet.softmax(T.dot(x, w)), x)],
            lambda x, w, y: [T.dot(T.dot(x, w) / T.sum(T.dot(x, w)), x)],
            lambda x, w, y: [T.dot(T.dot(x, w)[::-1], x)],
            lambda x, w, y: [T.dot(T.sort(T.dot(x, w)), x)],
        ):
            assert products(build) == (2, 0)

    def test_what_does_not_follow_stays_a_call(self):
        assert products(lambda x, w, y: [T.dot(x, w), T.dot(y, x)]) == (2, 0)
        assert products(lambda x, w, y: [T.dot(x, w)]) == (1, 0)
        assert products(lambda x, w, y: [T.dot(T.dot(x, T.dot(x, w)), x)]) == (1, 1)

    def test_other_matrices_and_dtypes_stay_calls(self):
        assert products(lambda x, w, y: [T.dot(T.dot(x * 2, w), x * 2)]) == (2, 0)
        whole = [T.lmatrix("x"), T.lvector("w")]
        program = lower(
            Graph(whole, [T.dot(T.dot(*whole), whole[0])]), [], [],
            Capabilities(fuses=True, totals=True),
        )  # fmt: skip
        assert sum(isinstance(s, Call) for s in program.steps) == 2

    def test_a_long_way_between_them_is_no_one_kernel(self):
        def long(x, w, y):
            z = T.dot(x, w)
            for _ in range(20):
                z = T.tanh(z) + y
            return [T.dot(z, x)]

        assert products(long) == (2, 0)


def test_a_branch_holds_what_nothing_else_needs() -> None:
    x, c = T.dvector("x"), T.dscalar("c")
    shared_part = T.exp(x)
    chosen = ifelse(c > 0, shared_part * T.sin(x), x)
    program = function([x, c], [chosen, shared_part + 1], backend="numpy_ref").program
    (branch,) = [step for step in program.steps if isinstance(step, Branch)]
    outside = {step.op for step in program.steps if isinstance(step, Call)}
    inside = [{s.op for s in body.steps if isinstance(s, Call)} for body in branch.bodies]
    assert "exp" in outside and "sin" not in outside
    assert inside[0] == {"sin", "mul"} and inside[1] == set()


def test_the_windows_of_a_convolution_are_laid_out_once() -> None:
    """Its filters are turned to suit them, not the other way round; also for the gradient."""
    skip_unless_ready("cgen")
    x, w = T.dtensor4("x"), T.dtensor4("w")
    y = T.nnet.conv2d(x, w)
    f = function([x, w], [y, T.grad(T.sum(y**2), w)], backend="cgen")
    images, filters = np.ones((4, 3, 10, 10)), np.ones((5, 3, 3, 3))
    windows = 3 * 3 * 3 * 4 * 8 * 8 * 8
    sizes = [b.bytes for b in f.report(images, filters).buffers]
    assert sizes.count(windows) == 1 and max(sizes) == windows
