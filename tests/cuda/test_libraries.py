"""Linear algebra and transforms by CuPy's libraries: here by functions as strict as CuPy's, and as
free as cuSOLVER's, over the emulator's memory. No test here has run on a device."""

from __future__ import annotations

import importlib.util
import inspect
from typing import Any

import numpy as np
import pytest

import tensorcore
import tensorcore.tensor as T
from tensorcore.errors import MatrixError
from tensorcore.tensor import fourier, linalg


@pytest.fixture
def nothing_on_host(emulated: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The emulator, where the reference must not be asked."""
    from tensorcore.devices.steps import HostStep

    def refused(self: Any, frame: Any) -> None:
        raise AssertionError(f"{self.step.op} went to the host")

    monkeypatch.setattr(HostStep, "run", refused)
    return emulated


def regular(*lead: int) -> np.ndarray:
    found = np.random.default_rng(4).standard_normal((*lead, 4, 4))
    return np.asarray(found + 4 * np.eye(4))


def test_all_of_it_stays_on_the_device(nothing_on_host: Any) -> None:
    a, b = T.dtensor3("a"), T.dmatrix("b")
    definite = T.batched_dot(a, a.transpose(0, 2, 1))
    u, s, vh = linalg.svd(a, False)
    w, v = linalg.eigh(definite)
    q, r = linalg.qr(a)
    outputs = [
        linalg.solve(a, b), linalg.inv(a), linalg.det(a), linalg.slogdet(a)[1], linalg.expm(a / 9),
        linalg.cholesky(definite), T.batched_dot(u * s.dimshuffle(0, "x", 1), vh),
        T.batched_dot(v * w.dimshuffle(0, "x", 1), v.transpose(0, 2, 1)), T.batched_dot(q, r),
        linalg.pinv(a),
        linalg.solve_triangular(a, b, lower=True), linalg.eigvalsh(definite),
    ]  # fmt: skip
    f = tensorcore.function([a, b], outputs)
    x, y = regular(3), np.random.default_rng(5).standard_normal((4, 2))
    positive = x @ x.swapaxes(1, 2)
    (solved, inverse, det, logarithm, grown, factor, from_svd, from_eigh, from_qr, pseudo, under,
     values) = f(x, y)  # fmt: skip
    np.testing.assert_allclose(x @ solved, np.broadcast_to(y, (3, 4, 2)), atol=1e-12)
    np.testing.assert_allclose(inverse, np.linalg.inv(x), atol=1e-12)
    np.testing.assert_allclose(det, np.linalg.det(x), rtol=1e-12)
    np.testing.assert_allclose(logarithm, np.log(np.abs(np.linalg.det(x))), rtol=1e-12)
    np.testing.assert_allclose(np.linalg.slogdet(grown)[1], np.trace(x / 9, axis1=1, axis2=2))
    np.testing.assert_allclose(factor @ factor.swapaxes(1, 2), positive, atol=1e-12)
    for found, wanted in ((from_svd, x), (from_eigh, positive), (from_qr, x), (pseudo, inverse)):
        np.testing.assert_allclose(found, wanted, atol=1e-11)
    np.testing.assert_allclose(np.tril(x) @ under, np.broadcast_to(y, (3, 4, 2)), atol=1e-12)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(positive), rtol=1e-12)


def test_transforms(nothing_on_host: Any) -> None:
    x = T.dmatrix("x")
    f = tensorcore.function([x], [fourier.irfft(fourier.rfft(x), 7), fourier.fft(x).imag])
    a = np.random.default_rng(6).standard_normal((3, 7))
    back, imaginary = f(a)
    np.testing.assert_allclose(back, a, atol=1e-14)
    np.testing.assert_allclose(imaginary, np.fft.fft(a).imag, atol=1e-13)


def test_what_has_no_frequencies_of_its_own(emulated: Any) -> None:
    """Imaginary parts where a real signal has none do not count, as with NumPy."""
    z = T.zvector("z")
    f = tensorcore.function([z], fourier.irfft(z, 4))
    a = np.array([1 + 5j, 2 - 1j, 3 + 7j])
    np.testing.assert_allclose(f(a), np.fft.irfft(a, 4), atol=1e-15)


MATRICES = {
    "singular": (linalg.inv, np.ones((2, 3, 3)), MatrixError),
    "no factor": (linalg.cholesky, np.array([[[1.0, 2], [2, 1]]]), MatrixError),
    "entries that are NaN": (
        lambda a: linalg.svd(a, compute_uv=False), np.full((2, 2, 2), np.nan), MatrixError,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(MATRICES))
def test_what_cusolver_passes_over_is_judged_by_the_reference(emulated: Any, name: str) -> None:
    expression, value, error = MATRICES[name]
    a = T.dtensor3("a")
    words = []
    for backend in ("numpy_ref", "cuda"):
        y = expression(a)
        f = tensorcore.function([a], y, backend=backend)
        with pytest.raises(error) as caught:
            f(value)
        words.append(str(caught.value).splitlines()[0])
    assert words[0] == words[1]


def test_a_failure_before_is_told_first(emulated: Any) -> None:
    a, i = T.dmatrix("a"), T.lvector("i")
    f = tensorcore.function([a, i], linalg.inv(a[i]))
    with pytest.raises(IndexError, match="9 on axis 0"):
        f(np.ones((2, 2)), np.array([0, 9]))


def test_singular_with_nan_asked_for(emulated: Any) -> None:
    a = T.dtensor3("a")
    f = tensorcore.function([a], linalg.det(a))
    np.testing.assert_array_equal(f(np.ones((2, 3, 3))), [0, 0])
    assert np.isnan(f(np.full((1, 2, 2), np.nan))).all()


def test_a_library_that_is_not_there(emulated: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import cupy

    def lost(a: Any) -> Any:
        raise ImportError('Failure finding "libcusolver.so.12"')

    monkeypatch.setattr(cupy.linalg, "cholesky", lost)
    a = T.dmatrix("a")
    f = tensorcore.function([a], linalg.inv(a))
    np.testing.assert_allclose(f(regular()), np.linalg.inv(regular()))
    words = str(f.report())
    assert "libcusolver.so.12" in words and "cuSOLVER, so on the host" in words


def test_the_functions_that_we_call_are_cupys() -> None:
    """Against CuPy itself, which needs no device to say what it has."""
    if importlib.util.find_spec("cupy") is None:
        pytest.skip("CuPy is not installed")
    import cupy
    import cupyx
    import fake_libraries

    for name in (*fake_libraries.functions(), "cuda.UnownedMemory", "cuda.MemoryPointer"):
        found: Any = cupy
        for part in name.split("."):
            found = getattr(found, part)
    for name in fake_libraries.linalg():
        assert callable(getattr(cupy.linalg, name))
    for name in fake_libraries.transforms():
        assert "norm" in inspect.signature(getattr(cupy.fft, name)).parameters
    assert list(inspect.signature(cupy.linalg.eigh).parameters) == ["a", "UPLO"]
    assert list(inspect.signature(cupy.linalg.qr).parameters) == ["a", "mode"]
    assert {"full_matrices", "compute_uv"} <= set(inspect.signature(cupy.linalg.svd).parameters)
    assert callable(cupyx.errstate) and callable(cupy.cuda.using_allocator)
