"""Values at computed places, in both forms and with both widths of indices, on the emulator. No
test here has run on a device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorcore
import tensorcore.tensor as T
from tensorcore import config
from tensorcore.errors import OutOfRange

RANDOM = np.random.default_rng(12)
#: By name: the shape of the base, positions, the shape of what is added.
FORMS: dict[str, tuple[tuple[int, ...], tuple[np.ndarray, ...], tuple[int, ...]]] = {
    "rows": ((9, 5), (RANDOM.integers(-9, 9, 70),), (70, 5)),
    "entries of a vector": ((6,), (RANDOM.integers(0, 6, 300),), (300,)),
    "one place": ((4, 3), (np.full(50, 2),), (50, 3)),
    "a number for all": ((7, 3), (np.array([1, 1, -1, 0]),), ()),
    "a row for all": ((7, 3), (np.array([1, 1, -1, 0]),), (3,)),
    "a column": ((7, 3), (np.array([1, 1, -1, 0]),), (4, 1)),
    "pairs": ((4, 5, 2), (np.array([0, -1, 0, 3]), np.array([1, 2, 1, -5])), (4, 2)),
    "pairs that stretch": ((4, 5, 2), (np.array([[0], [3], [0]]), np.array([1, -4])), (3, 2, 2)),
    "matrices of positions": ((8, 2, 3), (RANDOM.integers(0, 8, (3, 4)),), (3, 4, 2, 3)),
    "nothing": ((4, 3), (np.zeros(0, int),), (0, 3)),
    "nothing at a place": ((4, 0), (np.array([1, 2]),), (2, 0)),
}


def _function(form: str, dtype: str, add: bool) -> tuple[Any, list[np.ndarray], np.ndarray]:
    shape, indices, part = FORMS[form]
    base = RANDOM.integers(0, 2 if dtype == "bool" else 9, shape).astype(dtype)
    value = RANDOM.standard_normal(part) * 9
    value = np.asarray(value + 1j * value if dtype.startswith("complex") else value).astype(dtype)
    places = [T.TensorType("int64", tuple(n == 1 for n in i.shape))() for i in indices]
    x = T.TensorType(dtype, (False,) * base.ndim)()
    y = T.TensorType(dtype, tuple(n == 1 for n in part))()
    at = x[tuple(places)]
    made = T.inc_subtensor(at, y) if add else T.set_subtensor(at, y)
    wanted = base.copy()
    if not add:
        wanted[indices] = value
    elif dtype == "bool":
        np.logical_or.at(wanted, indices, value)
    else:
        np.add.at(wanted, indices, value)
    return tensorcore.function([x, y, *places], made), [base, value, *indices], wanted


@pytest.mark.parametrize("add", [True, False], ids=["add", "set"])
@pytest.mark.parametrize("form", list(FORMS))
def test_the_same_bits_as_one_after_the_other(emulated: Any, form: str, add: bool) -> None:
    for dtype in ("float64", "int32"):
        f, arguments, wanted = _function(form, dtype, add)
        assert f(*arguments).tobytes() == wanted.tobytes()


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", "complex128"])
def test_every_kind_of_number(emulated: Any, dtype: str) -> None:
    f, arguments, wanted = _function("rows", dtype, True)
    rtol = {"float16": 2e-2, "float32": 1e-5}.get(dtype, 1e-13)
    np.testing.assert_allclose(f(*arguments), wanted, rtol=rtol, atol=rtol * 30)


def source_of(f: Any) -> str:
    return "".join(f.executable.built.texts)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint32", "complex64", "int8"])
def test_atomic_sums_by_option(emulated: Any, dtype: str) -> None:
    """Whole numbers, whose sums have the same bits in any order."""
    x, i, v = (T.TensorType(d, (False,))() for d in (dtype, "int64", dtype))
    texts = []
    for form in ("sorted", "atomic"):
        with config.change_flags(**{"cuda.scatter": form}):
            f = tensorcore.function([x, i, v], T.inc_subtensor(x[i], v))
        base, places = np.zeros(5, dtype), RANDOM.integers(0, 5, 40)
        value = RANDOM.integers(1, 3, 40).astype(dtype)
        wanted = base.copy()
        np.add.at(wanted, places, value)
        np.testing.assert_array_equal(f(base, places, value), wanted)
        texts.append(source_of(f))
    assert "atomicAdd" not in texts[0]
    assert ("atomicAdd" in texts[1]) is (dtype != "int8"), "CUDA adds no bytes atomically"


def test_a_place_outside_changes_nothing(emulated: Any) -> None:
    w, i = tensorcore.shared(np.zeros((3, 2))), T.lvector("i")
    f = tensorcore.function([i], [], updates={w: T.inc_subtensor(w[i, 0], 1.0)})
    with pytest.raises(OutOfRange, match=r"-4 on axis 0, which has 3 entries") as caught:
        f(np.array([0, -4, 2]))
    assert "test_scatter.py" in str(caught.value) and "inc_subtensor" in str(caught.value)
    assert not w.get_value().any()
    f(np.array([0, -1, 2]))
    assert w.get_value()[:, 0].tolist() == [1.0, 0.0, 2.0]


def test_a_lookup_table_trains_in_graphs(emulated: Any) -> None:
    w = tensorcore.shared(np.zeros((6, 4)))
    i = tensorcore.shared(np.array([1, 1, 5, 0]))
    cost = T.sqr(w[i] - 1).sum()
    f = tensorcore.function([], [], updates={w: w - 0.1 * T.grad(cost, w)})
    for _ in range(12):
        f()
    assert emulated.COUNTS["replays"] > 3
    before = dict(emulated.COUNTS)
    f()
    assert emulated.COUNTS["allocations"] == before["allocations"]
    with config.change_flags(backend="numpy_ref"):
        v = tensorcore.shared(np.zeros((6, 4)))
        cost = T.sqr(v[i.get_value()] - 1).sum()
        g = tensorcore.function([], [], updates={v: v - 0.1 * T.grad(cost, v)})
    for _ in range(13):
        g()
    np.testing.assert_allclose(w.get_value(), v.get_value(), rtol=1e-13)


def test_indices_have_the_width_that_sizes_ask_for(
    emulated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One text with 32 bits; the one with 64 is built when a size is too large for it."""
    from vocabulary import vocabulary

    from tensorcore.devices import steps

    f, arguments, expected = vocabulary()
    executable = f.executable
    narrow = f.executable.built.own.text
    f(*arguments)
    assert executable._wide is None, "small sizes need no second text"
    monkeypatch.setattr(steps, "NARROW", 20)
    f, arguments, expected = vocabulary()
    executable = f.executable
    for found, wanted in zip(f(*arguments), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=1e-6)
    wide = executable._wide.own.text
    assert executable.built.own.text == narrow and wide != narrow
    assert "const i32 n0" in narrow and "const i32 n0" not in wide
    assert "i32 point = " in narrow and "i64 point = " in wide
