"""Products by CLBlast, of which a stand-in with its C interface is compiled here."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import skip_unless_ready

import tensorcore
import tensorcore.tensor as T
from tensorcore import config
from tensorcore.errors import BackendUnavailable

SOURCE = Path(__file__).parent / "clblast.c"
RNG = np.random.default_rng(7)


def loader() -> str:
    """The library by which pyopencl reaches its drivers."""
    with open("/proc/self/maps", encoding="utf-8") as file:
        paths = {line.split()[-1] for line in file if "libOpenCL" in line}
    if not paths:
        pytest.skip("pyopencl has no libOpenCL of its own")
    return paths.pop()


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The stand-in, loaded, and what is compiled inside uses it."""
    skip_unless_ready("opencl")
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    monkeypatch.setenv("TC_LIBOPENCL", loader())
    target = tmp_path / "libclblast.so"
    command = [compiler, "-O1", "-shared", "-fPIC", str(SOURCE), "-o", str(target), "-ldl"]
    subprocess.run(command, check=True)
    with config.change_flags(**{"backend": "opencl", "opencl.clblast": str(target)}):
        yield ctypes.CDLL(str(target))


def calls(library: Any) -> int:
    return ctypes.c_int.in_dll(library, "tc_calls").value


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_products_of_all_layouts(stand_in: Any, dtype: str) -> None:
    x, y = T.TensorType(dtype, (False,) * 2)("x"), T.TensorType(dtype, (False,) * 2)("y")
    v = T.TensorType(dtype, (False,))("v")
    outputs = [T.dot(x, y), T.dot(y.T, x.T), T.dot(x.T, x), T.dot(x, v), T.dot(v, y)]
    f = tensorcore.function([x, y, v], outputs)
    a, b = (RNG.normal(size=s).astype(dtype) for s in ((7, 5), (5, 9)))
    c = RNG.normal(size=5).astype(dtype)
    if dtype.startswith("complex"):
        a, b = a * (1 + 2j), b * (2 - 1j)
        a, b = a.astype(dtype), b.astype(dtype)
    before = calls(stand_in)
    found = f(a, b, c)
    assert calls(stand_in) == before + 5
    for got, wanted in zip(found, (a @ b, b.T @ a.T, a.T @ a, a @ c, c @ b), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


def test_batches(stand_in: Any) -> None:
    x, y = T.ftensor3("x"), T.ftensor3("y")
    f = tensorcore.function([x, y], T.batched_dot(x, y.dimshuffle(0, 2, 1)))
    a, b = (RNG.normal(size=s).astype("float32") for s in ((4, 3, 6), (4, 8, 6)))
    before = calls(stand_in)
    np.testing.assert_allclose(f(a, b), a @ b.transpose(0, 2, 1), rtol=1e-5)
    assert calls(stand_in) == before + 1


def test_what_it_has_no_form_for_is_ours(stand_in: Any) -> None:
    """float16 and integers, and products without terms."""
    h, i, x = T.TensorType("float16", (False,) * 2)("h"), T.imatrix("i"), T.fmatrix("x")
    f = tensorcore.function([h, i, x], [T.dot(h, h), T.dot(i, i), T.dot(x, x.T)])
    before = calls(stand_in)
    half, whole, empty = f(
        np.eye(3, dtype="float16"), np.eye(3, dtype="int32") * 2, np.ones((2, 0), "f")
    )
    assert calls(stand_in) == before
    np.testing.assert_array_equal(half, np.eye(3))
    np.testing.assert_array_equal(whole, np.eye(3) * 4)
    np.testing.assert_array_equal(empty, np.zeros((2, 2)))


def test_a_status_is_an_error_and_state_stays(stand_in: Any) -> None:
    state = tensorcore.shared(np.eye(3, dtype="float32"))
    f = tensorcore.function([], [], updates=[(state, T.dot(state, state) * 2)])
    ctypes.c_int.in_dll(stand_in, "tc_status").value = -2045
    with pytest.raises(BackendUnavailable, match=r"status -2045.*opencl\.clblast=off"):
        f()
    np.testing.assert_array_equal(state.get_value(), np.eye(3))
    ctypes.c_int.in_dll(stand_in, "tc_status").value = 0
    f()
    np.testing.assert_array_equal(state.get_value(), np.eye(3) * 2)


def test_off_and_a_file_that_is_not_there(stand_in: Any) -> None:
    x = T.fmatrix("x")
    a = RNG.normal(size=(3, 3)).astype("float32")
    before = calls(stand_in)
    with config.change_flags(**{"opencl.clblast": "off"}):
        np.testing.assert_allclose(tensorcore.function([x], T.dot(x, x))(a), a @ a, rtol=1e-5)
    assert calls(stand_in) == before
    with (
        config.change_flags(**{"opencl.clblast": "/nowhere/libclblast.so"}),
        pytest.raises(BackendUnavailable, match=r"opencl\.clblast is '/nowhere/libclblast.so'"),
    ):
        tensorcore.function([x], T.dot(x, x))(a)
