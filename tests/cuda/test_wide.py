"""Accesses of 16 bytes and rows that are read once, on the emulator. No test here has run on a
device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorcore
import tensorcore.tensor as T

RANDOM = np.random.default_rng(21)
LENGTHS = (1, 3, 4, 5, 8, 129, 511, 512, 513, 2048, 2049, 4100)


def text_of(f: Any) -> str:
    text: str = f.executable.built.own.text
    return text[text.index("__global__") :]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_rows_of_any_length(emulated: Any, dtype: str) -> None:
    """Shorter than 16 bytes, ending among neighbours, and longer than what a group keeps."""
    x = T.TensorType(dtype, (False, False))("x")
    mean = x.mean(axis=1, keepdims=True)
    outputs = [T.nnet.softmax(x), T.log(T.exp(x).sum(axis=1)), (x - mean) * 2, x.var(axis=1)]
    f = tensorcore.function([x], outputs)
    vector = {"float16": "f16x4", "float32": "f32x4", "float64": "f64x2"}[dtype]
    assert "row0[" in text_of(f) and vector in text_of(f)
    rtol = {"float16": 2e-2, "float32": 3e-5}.get(dtype, 1e-12)
    for length in LENGTHS:
        a = RANDOM.standard_normal((3, length)).astype(dtype)
        w = a.astype("float64")
        e = np.exp(w)
        wanted = [e / e.sum(1, keepdims=True), np.log(e.sum(1)), (w - w.mean(1, keepdims=True)) * 2]
        for found, exact in zip(f(a), [*wanted, w.var(1)], strict=True):
            np.testing.assert_allclose(found, exact, rtol=rtol, atol=rtol)


def test_a_row_is_read_from_memory_once(emulated: Any) -> None:
    """Each later stage takes it from the group where it fits."""
    x = T.fmatrix("x")
    text = text_of(tensorcore.function([x], T.log(T.exp(x).sum(axis=1))))
    assert text.count("= row0[") == 1, "the second stage reads what the first left"
    assert text.count("row0[at] = x") == 1
    sums = text_of(tensorcore.function([x], x.sum(axis=1)))
    assert "row0" not in sums, "what is read once needs no room"
    one = text_of(tensorcore.function([x], T.nnet.softmax(x)))
    assert "row0[512]" in one and "row1[512]" in one, "two rows share the room"


@pytest.mark.parametrize("count", [0, 1, 2, 5, 64, 1023])
def test_elementwise_tails(emulated: Any, count: int) -> None:
    x, y, k = T.fvector("x"), T.dvector("y"), T.TensorType("int8", (False,))("k")
    f = tensorcore.function([x, y, k], [x * 2 + 1, y * x, k + 1, T.switch(k > 0, y, -y)])
    a, b = RANDOM.standard_normal(count).astype("float32"), RANDOM.standard_normal(count)
    c = RANDOM.integers(-3, 3, count).astype("int8")
    wanted = [a * np.float32(2) + np.float32(1), b * a, c + np.int8(1), np.where(c > 0, b, -b)]
    for found, exact in zip(f(a, b, c), wanted, strict=True):
        np.testing.assert_array_equal(found, exact)


@pytest.mark.parametrize("shape", [(3, 5), (4, 8), (2, 3, 7), (0, 4), (5, 1)])
def test_matrices_whose_rows_end_anywhere(emulated: Any, shape: tuple[int, ...]) -> None:
    """A row for all lies next to itself; a column stands still."""
    x = T.TensorType("float32", (False,) * len(shape))("x")
    r, c = T.fvector("r"), T.TensorType("float32", (False,) * (len(shape) - 1) + (True,))("c")
    f = tensorcore.function([x, r, c], [x + r, x * c + r, x[..., ::-1] - r])
    a = RANDOM.standard_normal(shape).astype("float32")
    b = RANDOM.standard_normal(shape[-1]).astype("float32")
    d = RANDOM.standard_normal((*shape[:-1], 1)).astype("float32")
    for found, exact in zip(f(a, b, d), [a + b, a * d + b, a[..., ::-1] - b], strict=True):
        np.testing.assert_allclose(found, exact, rtol=1e-6)


def test_addresses_change_no_bit(emulated: Any) -> None:
    """Rows of odd length lie at every address: each is a part of the matrix."""
    x, v = T.fmatrix("x"), T.fvector("v")
    sums, _ = tensorcore.map(lambda row: T.sqr(row).sum(), x)
    doubled, _ = tensorcore.map(lambda row: T.exp(row) * 2, x)
    many = tensorcore.function([x], [sums, doubled])
    alone = tensorcore.function([v], [T.sqr(v).sum(), T.exp(v) * 2])
    a = RANDOM.standard_normal((5, 1001)).astype("float32")
    found, elements = many(a)
    for k, row in enumerate(a):
        total, entries = alone(row)
        assert found[k].tobytes() == total.tobytes()
        assert elements[k].tobytes() == entries.tobytes()
