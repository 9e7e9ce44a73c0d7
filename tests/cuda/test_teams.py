"""Short rows, of which a block takes several, and running totals, which members share: on the
emulator, which runs every kernel in both orders. No test here has run on a device."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tensorcore
import tensorcore.tensor as T
from tensorcore.codegen.render import Launch
from tensorcore.devices.sharing import cuts_of, spread, team_of
from tensorcore.tensor.signal import pool

RANDOM = np.random.default_rng(33)
#: Rows for one thread, for some neighbours, for 32, and for a block of 64.
LENGTHS = (0, 1, 4, 5, 10, 33, 129, 513, 2100)


def text_of(f: Any) -> str:
    text: str = f.executable.built.own.text
    return text[text.index("__global__") :]


def sizes(*known: int) -> Any:
    def product(ids: tuple[int, ...]) -> int:
        return int(np.prod([known[k] for k in ids], dtype=np.int64))

    return SimpleNamespace(known=known, product=product)


@pytest.mark.parametrize(
    ("length", "team"),
    [(0, 1), (1, 1), (4, 1), (5, 2), (10, 4), (100, 32), (128, 32), (512, 32), (513, 128)],
)
def test_teams_are_as_large_as_rows_ask_for(length: int, team: int) -> None:
    launch = Launch("teams", (0,), 4, rows=((1,), (1,)))
    plan = sizes(1_000_000, length)
    assert team_of(launch, plan, 128) == team
    device: Any = SimpleNamespace(units=132)
    assert spread(launch, plan, device, 128) == (132 * 32, team), "as many blocks as keep it busy"
    few = sizes(10, length)
    assert spread(launch, few, device, 128)[0] == -(-10 // (128 // team))


def test_windows_are_no_rows() -> None:
    """A point with a small window of two axes is one thread's work."""
    window = Launch("teams", (0,), 16, rows=((1, 2),))
    assert team_of(window, sizes(1000, 3, 3), 128) == 1
    assert team_of(window, sizes(1000, 2, 10_000), 128) == 2, "the first axis is shared out"


@pytest.mark.parametrize("rows", [1, 70])
def test_rows_of_any_length(emulated: Any, rows: int) -> None:
    x = T.fmatrix("x")
    mean = x.mean(axis=1, keepdims=True)
    results = [T.nnet.softmax(x), x.sum(axis=1), T.cumsum(x, axis=1), (x - mean) * 2]
    f = tensorcore.function([x], results)
    place = tensorcore.function([x], [T.argmax(x, axis=1), x.max(axis=1)])
    for length in LENGTHS:
        a = RANDOM.standard_normal((rows, length)).astype("float32")
        e = np.exp(a.astype("float64"))
        wanted = [e / e.sum(1, keepdims=True), a.sum(1), a.cumsum(1)]
        wanted.append((a - a.mean(1, keepdims=True)) * 2 if length else a)
        for found, exact in zip(f(a), wanted, strict=True):
            np.testing.assert_allclose(found, exact, rtol=2e-5, atol=2e-5 * max(length, 1) ** 0.5)
        if length:
            a[0, -1] = np.nan if length > 4 else a[0, -1]
            largest, value = place(a)
            np.testing.assert_array_equal(largest, a.argmax(1))
            np.testing.assert_array_equal(value, a.max(1))


def test_a_row_has_the_same_bits_among_any_others(emulated: Any) -> None:
    x = T.fmatrix("x")
    f = tensorcore.function([x], [T.nnet.softmax(x), x.sum(axis=1), T.cumsum(x, axis=1)])
    for length in (10, 200):
        a = RANDOM.standard_normal((65, length)).astype("float32")
        for many, one in zip(f(a), f(a[64:]), strict=True):
            assert many[64].tobytes() == one[0].tobytes()


def test_windows_of_pooling(emulated: Any) -> None:
    x = T.dtensor4("x")
    pooled = pool.pool_2d(x, (2, 2), mode="max", ignore_border=True)
    a = RANDOM.standard_normal((2, 3, 6, 8))
    wanted = a.reshape(2, 3, 3, 2, 4, 2).max(axis=(3, 5))
    np.testing.assert_array_equal(tensorcore.function([x], pooled)(a), wanted)


CUMULATIVE: list[tuple[str, Any, Any, float]] = [
    ("float32", T.cumsum, np.cumsum, 2e-5),
    ("float64", T.cumprod, np.cumprod, 1e-12),
    ("float16", T.cumsum, np.cumsum, 5e-3),
    ("int8", T.cumsum, np.cumsum, 0),
    ("complex128", T.cumsum, np.cumsum, 1e-12),
]


@pytest.mark.parametrize(
    ("dtype", "op", "reference", "rtol"), CUMULATIVE, ids=[row[0] for row in CUMULATIVE]
)
def test_running_totals(emulated: Any, dtype: str, op: Any, reference: Any, rtol: float) -> None:
    x, v = T.TensorType(dtype, (False, False))("x"), T.TensorType(dtype, (False,))("v")
    f = tensorcore.function([x], [op(x, axis=1), op(x, axis=0), op(x[:, ::-1], axis=1)])
    g = tensorcore.function([v], [op(v), op(v)[::2] * 2])
    assert "run" in text_of(g), "members share it"

    def values(*shape: int) -> np.ndarray:
        low, high = (-5, 5) if np.dtype(dtype).kind == "i" else (0.9, 1.1)
        return RANDOM.uniform(low, high, shape).astype(dtype)

    for shape in [(3, 7), (2, 300), (1, 0), (40, 3)]:
        a = values(*shape)
        wide = a.astype("float64") if dtype == "float16" else a
        wanted = [reference(wide, 1), reference(wide, 0), reference(wide[:, ::-1], 1)]
        for found, exact in zip(f(a), wanted, strict=True):
            np.testing.assert_allclose(found, exact, rtol=rtol)
    for length in (0, 1, 65, 4096, 4097, 9000):
        a = values(length) if dtype != "float16" else values(min(length, 200))
        wanted = reference(a.astype("float64") if dtype == "float16" else a)
        found, every_other = g(a)
        np.testing.assert_allclose(found, wanted, rtol=max(rtol, 1e-4) if rtol else 0)
        np.testing.assert_array_equal(every_other, found[::2] * 2)


@pytest.mark.parametrize("length", [0, 1, 63, 4096, 9001])
def test_places_that_are_not_zero(emulated: Any, length: int) -> None:
    v = T.dvector("v")
    f = tensorcore.function([v], v.nonzero()[0])
    a = RANDOM.integers(0, 2, length).astype("float64")
    np.testing.assert_array_equal(f(a), a.nonzero()[0])


def test_a_state_that_is_no_total_goes_row_by_row(emulated: Any) -> None:
    """``before * a + b`` is not shared out: a thread takes a row."""
    x, d = T.dmatrix("x"), T.dvector("d")
    rows, _ = tensorcore.scan(lambda row, before: before * d + row, x, T.zeros_like(d))
    f = tensorcore.function([x, d], rows)
    a, b = RANDOM.standard_normal((5, 4)), RANDOM.standard_normal(4)
    state, wanted = np.zeros(4), []
    for row in a:
        state = state * b + row
        wanted.append(state)
    np.testing.assert_allclose(f(a, b), wanted, rtol=1e-13)


def test_a_sum_of_everything_is_joined_by_a_block(emulated: Any) -> None:
    x = T.dvector("x")
    f = tensorcore.function([x], [x.sum(), T.argmax(x), (x - x.mean()).max()])
    assert "for (i32 r = ((int)threadIdx.x); r < chunks" in text_of(f)
    for length in (1, 4097, 20_000):
        a = RANDOM.standard_normal(length)
        a[length // 2 :] = a[0] = a.max()
        total, place, largest = f(a)
        np.testing.assert_allclose(total, a.sum(), rtol=1e-12)
        assert place == a.argmax()
        np.testing.assert_allclose(largest, (a - a.mean()).max(), rtol=1e-12)


@pytest.mark.parametrize("shape", [(1, 9000), (3, 9000), (9000, 3), (3000, 70)])
def test_few_long_rows_and_columns_are_cut(emulated: Any, shape: tuple[int, int]) -> None:
    """By a first function into pieces, which a second one joins for each point."""
    x = T.fmatrix("x")
    results = [f(x, axis=k) for k in (0, 1) for f in (T.sum, T.max, T.prod, T.any)]
    f = tensorcore.function([x], [*results, T.sqrt(x.sum(axis=1)) * 2, x.mean(axis=0)])
    a = RANDOM.uniform(0.999, 1.001, shape).astype("float32")
    a[0, 0] = np.nan if shape[0] == 3000 else a[0, 0]
    wide = a.astype("float64")
    wanted = [g(wide, axis=k) for k in (0, 1) for g in (np.sum, np.max, np.prod, np.any)]
    wanted += [np.sqrt(wide.sum(1)) * 2, wide.mean(0)]
    before = emulated.COUNTS.get("launches", 0)
    f(a[:2, :3])
    middle = emulated.COUNTS["launches"]
    for found, exact in zip(f(a), wanted, strict=True):
        np.testing.assert_allclose(found, exact, rtol=3e-4)
    assert emulated.COUNTS["launches"] - middle > middle - before, "what is small is one launch"


def test_how_many_pieces() -> None:
    columns = Launch("groups", (0,), 32, rows=((1,),), cut="whole")
    device: Any = SimpleNamespace(units=132)
    plan = sizes(1024, 32_768)
    assert cuts_of(columns, plan, 128) == 64
    assert spread(columns, plan, device, 128) == (0, 1)
    part, join = (
        columns._replace(cut="part", whole=columns),
        Launch("items", (0,), cut="join", whole=columns),
    )
    assert spread(part, plan, device, 128) == (2048, 64 << 32 | 1)
    assert spread(join, plan, device, 128) == (8, 64 << 32 | 1)
    enough = sizes(1_000_000, 300)
    assert cuts_of(columns, enough, 128) == 1
    assert spread(part, enough, device, 128) == spread(join, enough, device, 128) == (0, 1)
    assert spread(columns, enough, device, 128) == (132 * 32, 1)
    rows = Launch("teams", (0,), 4, rows=((1, 2),), cut="whole")
    assert cuts_of(rows, sizes(10, 1000, 1000), 128) == 204, "along all inner axes"
    assert cuts_of(rows, sizes(10, 0, 1000), 128) == 1
    assert cuts_of(rows, sizes(0, 10, 1000), 128) == 1


@pytest.mark.parametrize("shape", [(3, 2, 4, 5), (2, 3, 1, 1), (40, 2, 9, 9), (2, 0, 3, 3)])
def test_rows_along_several_axes(emulated: Any, shape: tuple[int, ...]) -> None:
    """Members take neighbours, as if all inner axes were one."""
    x = T.ftensor4("x")
    mean = x.mean(axis=(0, 2, 3), keepdims=True)
    spreads = T.sqr(x - mean).mean(axis=(0, 2, 3), keepdims=True)
    f = tensorcore.function([x], [(x - mean) / T.sqrt(spreads + 1), x.max(axis=(0, 2))])
    a = RANDOM.standard_normal(shape).astype("float32")
    normal, largest = f(a)
    over = {"axis": (0, 2, 3), "keepdims": True}
    wanted = (a - a.mean(**over)) / np.sqrt(a.var(**over) + 1)
    np.testing.assert_allclose(normal, wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(largest, a.max(axis=(0, 2)))
