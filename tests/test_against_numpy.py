"""Functions of ``T`` that NumPy has too give NumPy's answer, on every backend; their gradients are
those of central differences."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import tensorcore
import tensorcore.tensor as T
from tensorcore.errors import ShapeError

BACKENDS = ("numpy_ref", "cgen")
R = np.random.default_rng(7)
V, W = R.normal(size=7), R.normal(size=4)
M, N = R.normal(size=(3, 4)), R.normal(size=(4, 5))
C, D = R.normal(size=(2, 3, 4)), R.normal(size=(2, 4, 5))
K = np.array([[1, 0, 2, 1], [2, 2, 0, 0], [0, 1, 1, 2]])
B = np.array([1, 0, 2, 1], bool)
F = np.array([2.0, np.nan, -1.0, np.inf, -0.0, 0.0, 2.0])
NATURAL = np.array([4, 1, 1, 0, 4, 2])


class Row(NamedTuple):
    """A function of symbols and the same of arrays; ``smooth``: its gradient is checked."""

    name: str
    ours: Callable[..., Any]
    numpys: Callable[..., Any]
    arrays: tuple[Any, ...]
    smooth: bool = True


def same(name: str, *arrays: Any, smooth: bool = True, **keywords: Any) -> Row:
    """A row for a function with NumPy's name, arguments and keywords."""
    label = name + "".join(f", {k}={v}" for k, v in keywords.items())
    label += "".join(f" {np.asarray(a).shape}" for a in arrays)
    return Row(
        label,
        lambda *xs: getattr(T, name)(*xs, **keywords),
        lambda *xs: getattr(np, name)(*xs, **keywords),
        arrays,
        smooth,
    )


def row(name: str, ours: Any, numpys: Any, *arrays: Any, smooth: bool = True) -> Row:
    """A row for two expressions."""
    return Row(name, ours, numpys, arrays, smooth)


def one(name: str, call: Callable[[Any, Any], Any], *arrays: Any, smooth: bool = True) -> Row:
    """A row for one expression, written with ``T`` or ``np`` as its first argument."""
    return Row(name, lambda *x: call(T, *x), lambda *x: call(np, *x), arrays, smooth)


ROWS = [
    # reductions
    *(same("cumsum", C, axis=a) for a in (None, 0, 1, 2)),
    *(same("cumprod", C, axis=a) for a in (None, 0, -1)),
    *(same("diff", M, axis=a, n=n) for a, n in ((-1, 1), (0, 2))),
    same("diff", B, smooth=False),
    *(same("ptp", M, axis=a) for a in (None, 1)),
    *(same("average", M, axis=a) for a in (None, 0)),
    row("average, weights", lambda x, w: T.average(x, 1, w), lambda x, w: np.average(x, 1, w),
        M, np.abs(W)),
    row("norm 2", lambda x: T.norm(x, 2), np.linalg.norm, M),
    row("norm 1", lambda x: T.norm(x, 1, axis=1), lambda x: np.abs(x).sum(1), M),
    row("norm 0", lambda x: T.norm(x, 0), lambda x: float((x != 0).sum()), K * 1.0, smooth=False),
    row("norm inf", lambda x: T.norm(x, np.inf), lambda x: np.abs(x).max(), M),
    row("norm 3", lambda x: T.norm(x, 3, 0), lambda x: (np.abs(x) ** 3).sum(0) ** (1 / 3), M),
    row("max_and_argmax", lambda x: T.max_and_argmax(x, 1)[0] + T.max_and_argmax(x, 1)[1],
        lambda x: x.max(1) + x.argmax(1), M),
    row("sum, acc_dtype", lambda x: T.sum(x, dtype="float32", acc_dtype="float64"),
        lambda x: x.sum().astype("float32"), M, smooth=False),
    # products
    *(same("matmul", *pair) for pair in ((M, N), (C, D), (C, N), (V, V), (C, W), (W, D[0]))),
    *(same("inner", *pair) for pair in ((M, M), (W, W), (C, W))),
    *(same("kron", *pair) for pair in ((M, N), (V, W), (M, W))),
    same("outer", M, W),
    same("tensordot", C, D, axes=([0, 2], [0, 1])),
    same("tensordot", M, W, axes=1),
    same("tensordot", M, N, axes=0),
    *(row(f"einsum {spec}", lambda *x, s=spec: T.einsum(s, *x),
          lambda *x, s=spec: np.einsum(s, *x), *arrays)
      for spec, arrays in (
          ("ij,jk->ik", (M, N)), ("ij,jk", (M, N)), ("bij,bjk->bik", (C, D)), ("ij->ji", (M,)),
          ("ii->i", (N[:, :4],)), ("ii", (N[:, :4],)), ("ij->", (M,)), ("i,j->ij", (V, W)),
          ("...ij,...jk->...ik", (C, D)), ("bij,bjk,ik->b", (C, D, R.normal(size=(3, 5)))),
          ("ij,ij->i", (M, M)), ("i,i,i->", (V, V, V)), ("ij,k->j", (M, V)), ("...j,j", (C, W)),
          (",i->i", (np.float64(2.5), W)), ("iij->ij", (R.normal(size=(3, 3, 2)),)),
      )),
    row("batched_tensordot", lambda x, y: T.batched_tensordot(x, y, [[2], [1]]), np.matmul, C, D),
    row("batched_dot, vectors", T.batched_dot,
        lambda x, y: np.einsum("ij,ij->i", x, y), M, M),
    # shapes
    *(same("swapaxes", C, axis1=a, axis2=b) for a, b in ((0, 2), (-1, 1))),
    *(same("moveaxis", C, source=s, destination=d) for s, d in ((0, -1), ([0, 1], [2, 0]))),
    *(same("rollaxis", C, axis=a, start=s) for a, s in ((2, 0), (0, 2), (1, 3))),
    *(same("expand_dims", M, axis=a) for a in (0, 1, -1)),
    *(same(f"atleast_{n}d", a) for n in (1, 2, 3) for a in (np.float64(2.0), W, M, C)),
    row("squeeze", lambda x: T.squeeze(x.dimshuffle("x", 0, "x")), lambda x: x, W),
    row("squeeze, axis", lambda x: T.squeeze(x, axis=1), lambda x: x[:, 0], M[:, :1]),
    row("ravel", T.ravel, np.ravel, C),
    *(same("flip", C, axis=a) for a in (None, 1, (0, 2))),
    same("flipud", M),
    same("fliplr", M),
    *(same("rot90", M, k=k) for k in range(-1, 5)),
    *(same("roll", C, shift=s, axis=a) for s, a in ((2, 1), (-5, 2), (3, None), (0, 0))),
    row("roll, empty", lambda x: T.roll(x, 2), lambda x: np.roll(x, 2), V[:0], smooth=False),
    *(same("tile", M, reps=r) for r in (2, (2, 3), (2, 1, 3), (0, 2))),
    *(same("repeat", C, repeats=r, axis=a) for r, a in ((2, 1), (3, None), (0, 0))),
    row("repeat, each", lambda x, n: T.repeat(x, n, axis=1), lambda x, n: np.repeat(x, n, axis=1),
        M, np.array([2, 0, 3, 1])),
    row("repeat, last none", lambda x, n: T.repeat(x, n, axis=0),
        lambda x, n: np.repeat(x, n, axis=0), M, np.array([1, 2, 0])),
    row("repeat, nothing", T.repeat, np.repeat, V, np.zeros(7, int), smooth=False),
    *(same("pad", M, pad_width=w, mode=m)
      for m in ("constant", "edge", "reflect", "symmetric", "wrap")
      for w in (1, (2, 1), ((0, 2), (3, 0)), ((5, 4), (9, 8)))),
    row("pad, constant", lambda x: T.pad(x, 1, constant_values=2.5),
        lambda x: np.pad(x, 1, constant_values=2.5), M),
    same("pad", V[:1], pad_width=2, mode="reflect"),
    *(one(f"{name}", lambda xp, a, b, n=name: getattr(xp, n)([a, b]), *pair)
      for name, pair in (("hstack", (M, M)), ("hstack", (V, W)), ("vstack", (W, M)),
                         ("stack", (M, M)), ("concatenate", (V, W)))),
    row("stack, axis", lambda a, b: T.stack([a, b], axis=-1),
        lambda a, b: np.stack([a, b], -1), M, M),
    row("horizontal_stack", T.horizontal_stack, lambda a, b: np.hstack([a, b]), M, M),
    *(row(f"split, part {k}", lambda x, k=k: T.split(x, [2, 1, 1], 3, axis=1)[k],
          lambda x, k=k: np.split(x, [2, 3], axis=1)[k], M) for k in range(3)),
    row("split, equal", lambda x: T.split(x, 2, axis=1)[1],
        lambda x: np.split(x, 2, axis=1)[1], M),
    row("split, symbolic", lambda x, n: T.split(x, n, 2)[1], lambda x, n: x[n[0]:], V,
        np.array([3, 4])),
    *(same("diagonal", C, offset=o, axis1=a, axis2=b)
      for o, a, b in ((0, 0, 1), (1, 1, 2), (-1, 2, 0), (9, 0, 1))),
    # creation
    *(same("diag", a, k=k) for a in (M, W) for k in (0, 1, -2)),
    *(same("tril", M, k=k) for k in (0, 1, -1)),
    *(same("triu", C, k=k) for k in (0, 2)),
    one("tri", lambda xp, x: x * xp.tri(3, 4, 1), M),
    one("eye", lambda xp, x: x * xp.eye(3, 4, -1), M),
    one("linspace", lambda xp, a, b: xp.linspace(a, b, 5), np.float64(1.0), np.float64(3.0)),
    one("linspace, open", lambda xp, a: xp.linspace(a, 3.0, 4, endpoint=False), np.float64(1.0)),
    *(one(f"meshgrid {i} {s}",
          lambda xp, a, b, i=i, s=s: xp.meshgrid(a, b, indexing=i, sparse=s)[1] * 2, V, W)
      for i in ("xy", "ij") for s in (False, True)),
    one("mgrid", lambda xp, x: x * xp.mgrid[0:3, 1:9:2][1], M),
    one("ogrid", lambda xp, x: x * xp.ogrid[0:3, 1:9:2][0], M),
    one("full_like", lambda xp, x: x * xp.full_like(x, 2.5), M),
    row("identity_like", lambda x: x * T.identity_like(x), lambda x: x * np.eye(3, 4), M),
    row("fill_diagonal", T.fill_diagonal, lambda x, v: np.where(np.eye(3, 4), v, x), M,
        np.float64(2.0)),
    row("fill_diagonal_offset", lambda x: T.fill_diagonal_offset(x, 2.0, -1),
        lambda x: np.where(np.eye(3, 4, -1), 2.0, x), M),
    row("to_one_hot", lambda k: T.to_one_hot(k, 5), lambda k: np.eye(5)[k], NATURAL, smooth=False),
    # ordering
    *(same("sort", a, axis=x) for a, x in ((M, -1), (M, 0), (M, None), (V, -1))),
    same("sort", F, smooth=False),
    *(same("argsort", a, axis=x, kind="stable", smooth=False)
      for a, x in ((M, -1), (M, 0), (M, None), (F, -1), (K, 1), (B, -1))),
    row("topk", lambda x: T.topk(x, 2, axis=1), lambda x: -np.sort(-x, 1)[:, :2], M),
    row("topk, smallest", lambda x: T.topk(x, -2), lambda x: np.sort(x)[:, :2], M),
    row("argtopk", lambda x: T.argtopk(x, 3), lambda x: np.argsort(-x)[:3], V, smooth=False),
    *(same("median", M, axis=a) for a in (None, 0, 1)),
    same("median", F, smooth=False),
    *(same("quantile", M, q=q, axis=a) for q in (0.0, 0.3, 1.0, [0.25, 0.75]) for a in (None, 1)),
    same("percentile", M, q=40),
    *(same("searchsorted", np.sort(V), V[:3], side=s, smooth=False) for s in ("left", "right")),
    same("searchsorted", np.arange(5), K, smooth=False),
    *(same("searchsorted", np.sort(F), F, side=s, smooth=False) for s in ("left", "right")),
    one("far bounds", lambda _, x: x[-(2**70) : 2**63][: -(2**63) : -1], V),
    one("uint64 place", lambda _, x, i: x[i], V, np.asarray(3, "uint64"), smooth=False),
    one("uint64 bound", lambda _, x, i: x[i:], V, np.asarray(3, "uint64"), smooth=False),
    *(same("bincount", NATURAL, minlength=m, smooth=False) for m in (0, 9)),
    row("bincount, weights", T.bincount, np.bincount, NATURAL, V[:6]),
    same("bincount", NATURAL[:0], minlength=2, smooth=False),
    *(one(f"unique {k}", lambda xp, x, k=k: xp.unique(
        x, return_index=True, return_inverse=True, return_counts=True)[k], a, smooth=False)
      for k in range(4) for a in (NATURAL, F, V[:0])),
    one("unique", lambda xp, x: xp.unique(x), K, smooth=False),
    *(same("take", C, np.array([[0, -1], [1, 0]]), axis=a) for a in (None, 0, 1, 2)),
    *(same("take", M, np.array([9, -8, 2]), axis=1, mode=m) for m in ("wrap", "clip")),
    row("take_along_axis", lambda x, k: T.take_along_axis(x, k, 0),
        lambda x, k: np.take_along_axis(x, k, 0), M, K),
    row("choose", lambda k, x, y: T.choose(k, [x, y, x * y]),
        lambda k, x, y: np.choose(k, [x, y, x * y]), K, M, W),
    *(row(f"choose, {m}", lambda k, x, m=m: T.choose(k, [x, 2 * x], mode=m),
          lambda k, x, m=m: np.choose(k, [x, 2 * x], mode=m), K, M) for m in ("wrap", "clip")),
    same("compress", B, M, axis=1),
    same("extract", K > 1, M),
    one("unravel_index", lambda xp, k: xp.unravel_index(k, (2, 3))[0], NATURAL, smooth=False),
    one("ravel_multi_index", lambda xp, k: xp.ravel_multi_index([k, 0 * k + 1], (5, 3)),
        NATURAL, smooth=False),
    one("nonzero", lambda xp, x: xp.nonzero(x)[1], K, smooth=False),
    same("flatnonzero", K, smooth=False),
    row("nonzero_values", T.nonzero_values, lambda x: x[np.nonzero(x)], K + 0.5),
]  # fmt: skip


def symbols(arrays: tuple[Any, ...]) -> list[Any]:
    """A variable for each array."""
    made = (np.asarray(a) for a in arrays)
    return [T.TensorType(a.dtype, (False,) * a.ndim)(f"x{k}") for k, a in enumerate(made)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_values(backend: str) -> None:
    """All rows in few compiled functions; a row that differs is named."""
    wrong = []
    for start in range(0, len(ROWS), 40):
        rows = ROWS[start : start + 40]
        inputs = [symbols(r.arrays) for r in rows]
        outputs = [r.ours(*xs) for r, xs in zip(rows, inputs, strict=True)]
        flat = [x for xs in inputs for x in xs]
        values = [np.asarray(a) for r in rows for a in r.arrays]
        found = tensorcore.function(flat, outputs, backend=backend, on_unused_input="ignore")(
            *values
        )
        for r, value in zip(rows, found, strict=True):
            try:
                expected = np.asarray(r.numpys(*r.arrays))
                assert value.dtype == expected.dtype, f"{value.dtype}, not {expected.dtype}"
                np.testing.assert_allclose(value, expected, rtol=1e-13, atol=1e-15)
            except AssertionError as error:
                wrong.append(f"{r.name}: {error}")
    assert not wrong, "\n".join(wrong)


SMOOTH = [r for r in ROWS if r.smooth]


@pytest.mark.parametrize("part", range(4))
def test_gradients(part: int, request: pytest.FixtureRequest) -> None:
    """The gradient of a random projection, by central differences in every entry; both are
    computed by one function for many rows, which is compiled in the long form only."""
    backend = "cgen" if request.config.getoption("--long") else "numpy_ref"
    rows = SMOOTH[part::4]
    inputs, outputs, values, plans = [], [], [], []
    for r in rows:
        xs = symbols(r.arrays)
        result = r.ours(*xs)
        weights = R.normal(size=np.asarray(r.numpys(*r.arrays)).shape)
        cost = T.sum(result * weights)
        wrt = [x for x in xs if x.dtype == "float64"]
        inputs += xs
        outputs += T.grad(cost, wrt, disconnected_inputs="ignore")
        values += [np.asarray(a) for a in r.arrays]
        plans.append((r, weights))
    found = iter(
        tensorcore.function(inputs, outputs, backend=backend, on_unused_input="ignore")(*values)
    )
    wrong = []
    for r, weights in plans:
        for k, array in enumerate(np.asarray(a) for a in r.arrays):
            if array.dtype != np.float64:
                continue
            slopes, g = np.zeros(array.shape), next(found)
            for at in np.ndindex(array.shape):
                sides = []
                for step in (1e-6, -1e-6):
                    moved = [np.array(a) for a in r.arrays]
                    moved[k][at] += step
                    sides.append(np.sum(r.numpys(*moved) * weights))
                slopes[at] = (sides[0] - sides[1]) / 2e-6
            if not np.allclose(g, slopes, rtol=1e-5, atol=1e-7):
                wrong.append(f"{r.name}, operand {k}: {g} differs from {slopes}")
    assert not wrong, "\n".join(wrong)


class TestWrongUses:
    def test_bincount_refuses_negative_numbers(self) -> None:
        x = T.lvector()
        for backend in BACKENDS:
            with pytest.raises(IndexError):
                tensorcore.function([x], T.bincount(x), backend=backend)(np.array([1, -1]))

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_split_checks_the_lengths(self, backend: str) -> None:
        x = T.dvector()
        f = tensorcore.function([x], T.split(x, [2, 2], axis=0), backend=backend)
        with pytest.raises(ShapeError):
            f(np.zeros(5))

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_a_mask_of_another_shape(self, backend: str) -> None:
        x, m = T.dvector(), T.TensorType("bool", (False,))()
        f = tensorcore.function([x, m], x[m], backend=backend)
        with pytest.raises(ShapeError, match="mask"):
            f(np.zeros(3), np.zeros(4, bool))

    def test_einsum(self) -> None:
        x = T.dmatrix()
        for text in ("ijk->i", "ij->k", "ij,jk->ik", "i1->i", "ij->ii"):
            with pytest.raises(ShapeError, match="einsum"):
                T.einsum(text, x)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_step_of_a_slice_may_be_symbolic(backend: str) -> None:
    """And may have either sign; 0 is an error at the call."""
    x, step, stop = T.dvector("x"), T.lscalar("step"), T.lscalar("stop")
    part = x[1:stop:step]
    slope = T.grad(T.sum(T.sqr(x[::step])), x)
    outputs = [x[::step], part, T.set_subtensor(part, 0.0), slope]
    f = tensorcore.function([x, step, stop], outputs, backend=backend)
    for n, k, end in itertools.product((0, 1, 5), (-7, -2, -1, 1, 2, 9), (-9, 0, 4, 9)):
        values = np.arange(1.0, n + 1)
        changed, doubled = values.copy(), np.zeros(n)
        changed[1:end:k] = 0
        doubled[::k] = 2 * values[::k]
        wanted = (values[::k], values[1:end:k], changed, doubled)
        for found, value in zip(f(values, k, end), wanted, strict=True):
            np.testing.assert_array_equal(found, value)
    with pytest.raises(ShapeError, match="the step of a slice along axis 0 must not be zero"):
        f(np.ones(3), 0, 2)


@pytest.mark.parametrize("backend", BACKENDS)
def test_sizes_stay_checked(backend: str) -> None:
    """What needs only the shape of a result still refuses operands that do not fit."""
    x, y = T.dvector("x"), T.dvector("y")
    for needs in ((x + y).shape[0], T.ones_like(x * y), (x + y) * 0, T.eq(x, y), (x * y) ** 0):
        f = tensorcore.function([x, y], needs, backend=backend)
        f(np.ones(3), np.ones(3))
        with pytest.raises(ShapeError):
            f(np.ones(3), np.ones(4))


@pytest.mark.parametrize("optimizer", ["fast_run", "none"])
@pytest.mark.parametrize("backend", BACKENDS)
class TestSizesAreCompared:
    """What drops an operand keeps the check of its sizes; empty results check positions too."""

    @pytest.mark.parametrize(
        "make",
        [T.fill, lambda x, y: T.switch(y > 0, x, x), lambda x, y: T.fill(x + y, x),
         lambda x, y: (x + y).shape[0], lambda x, y: T.zeros_like(x * y)],
    )  # fmt: skip
    def test_lengths(self, make: Any, backend: str, optimizer: str) -> None:
        x, y = T.dvectors("x", "y")
        with tensorcore.config.change_flags(optimizer=optimizer):
            f = tensorcore.function([x, y], make(x, y), backend=backend)
        with pytest.raises(ShapeError):
            f(np.ones(3), np.ones(4))

    @pytest.mark.parametrize(
        ("make", "shape"),
        [(lambda x, i: x[i], (3, 0)), (lambda x, i: x[[], 0], (3, 0)),
         (lambda x, i: x[:, i], (0, 3)), (lambda x, i: T.sum(x[i], axis=1), (3, 0))],
    )  # fmt: skip
    def test_positions(self, make: Any, shape: Any, backend: str, optimizer: str) -> None:
        x, i = T.dmatrix("x"), T.lvector("i")
        with tensorcore.config.change_flags(optimizer=optimizer):
            f = tensorcore.function([x, i], make(x, i), backend=backend, on_unused_input="ignore")
        with pytest.raises(IndexError):
            f(np.ones(shape), np.array([7]))


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_first_of_equal_operands_takes_the_gradient(backend: str) -> None:
    x, y = T.dscalars("x", "y")
    gradients = T.grad(T.maximum(x, y) + 2 * T.minimum(x, y), [x, y])
    f = tensorcore.function([x, y], gradients, backend=backend)
    assert f(1.0, 1.0) == [3.0, 0.0]
    assert f(2.0, 1.0) == [1.0, 2.0]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("zeros", [(), (1,), (0, 2), (0, 1, 3)])
def test_derivatives_of_products_with_zeros(zeros: Any, backend: str) -> None:
    """A product of four has the product of the other two as second derivative, and the fourth
    entry as third; the last running product is that product."""
    x = T.dvector("x")
    value = np.array([1.5, -2.0, 0.5, 3.0])
    value[list(zeros)] = 0.0
    expected = np.zeros((4, 4))
    for i, j in np.ndindex(4, 4):
        if i != j:
            expected[i, j] = np.prod(np.delete(value, [i, j]))
    for cost in (T.prod(x), T.cumprod(x)[3]):
        hessian = T.hessian(cost, x)
        third = T.grad(hessian[0, 1], x)
        found = tensorcore.function([x], [hessian, third], backend=backend)(value)
        np.testing.assert_allclose(found[0], expected, atol=1e-15)
        np.testing.assert_allclose(found[1], [0, 0, value[3], value[2]], atol=1e-15)
