"""Windows of convolutions that are not written: products read the images themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import skip_unless_ready

import tensorcore
import tensorcore.tensor as T
from tensorcore import config
from tensorcore.devices import copies, steps

RNG = np.random.default_rng(3)


@pytest.fixture(params=["opencl", "opencl in groups", "cuda"])
def device(request: pytest.FixtureRequest) -> Any:
    """What is compiled inside runs on a device, or on the emulator of one."""
    backend = request.param.split()[0]
    if backend == "cuda":
        request.getfixturevalue("emulated")
    else:
        skip_unless_ready("opencl")
    group = {"opencl.group": 8} if "groups" in request.param else {}
    with config.change_flags(backend=backend, **group):
        yield backend


def convolution(dtype: str) -> tuple[Any, list[np.ndarray]]:
    """Padded, with steps, and both gradients; images and filters."""
    x, w = (T.TensorType(dtype, (False,) * 4)(name) for name in "xw")
    y = T.nnet.conv2d(x, w, border_mode=(1, 2), subsample=(2, 1), filter_dilation=(1, 2))
    seed = T.TensorType(dtype, (False,) * 4)("seed")
    gradients = tensorcore.grad(None, [x, w], known_grads={y: seed})
    values = [RNG.integers(-3, 4, s).astype(dtype) for s in ((3, 4, 9, 8), (5, 4, 3, 2))]
    values.append(RNG.integers(-3, 4, (3, 5, 5, 10)).astype(dtype))
    return tensorcore.function([x, w, seed], [y, *gradients]), values


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_convolutions_without_windows(
    device: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole numbers, so that every order of summing gives the same."""
    tables = []

    def noted(operand: Any, *rest: Any) -> Any:
        tables.append(isinstance(operand, copies.Deferred))
        return copies.places(operand, *rest)

    monkeypatch.setattr(steps, "places", noted)
    f, values = convolution(dtype)
    written = f(*values)
    assert not any(tables)
    monkeypatch.setattr(copies, "LARGEST", 0)
    f, _ = convolution(dtype)
    for _ in range(3):  # the later calls of a device with graphs are replayed
        for found, wanted in zip(f(*values), written, strict=True):
            np.testing.assert_array_equal(found, wanted)
    assert any(tables)
    smaller = [values[0][:2], values[1], values[2][:2]]
    for found, wanted in zip(f(*smaller)[0], written[0], strict=False):
        np.testing.assert_array_equal(found, wanted)


def test_flipped_matrices(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy whose first entry is its source's last; in batches, as both operands."""
    monkeypatch.setattr(copies, "LARGEST", 0)
    x, y = T.ftensor3("x"), T.ftensor3("y")
    f = tensorcore.function([x, y], T.batched_dot(x[:, ::-1, ::-1], y[::-1, :, ::-2]))
    a, b = (RNG.integers(-3, 4, s).astype("f") for s in ((3, 4, 5), (3, 5, 7)))
    np.testing.assert_array_equal(f(a, b), a[:, ::-1, ::-1] @ b[::-1, :, ::-2])


def test_memory_that_windows_would_not_fit_into(monkeypatch: pytest.MonkeyPatch) -> None:
    skip_unless_ready("opencl")
    x, filters = T.ftensor4("x"), np.ones((4, 3, 9, 9), "f")
    images = np.ones((2, 3, 40, 40), "f")
    with config.change_flags(backend="opencl"):
        w = tensorcore.shared(filters)
        f = tensorcore.function([x], T.nnet.conv2d(x, w), updates={w: w + 0})
        f(images[:1, :, :9, :9])  # after which the weights are on the device
        memory: Any = w.memory
        windows = 2 * 32 * 32 * 3 * 81 * 4
        monkeypatch.setattr(memory, "limit", memory.pool.active_bytes + windows)
        with pytest.raises(MemoryError):
            f(images)
        monkeypatch.setattr(copies, "LARGEST", windows // 2)
        np.testing.assert_array_equal(f(images), np.full((2, 4, 32, 32), 243, "f"))


def test_a_copy_that_something_else_reads_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """An output, and a sum, of what a product reads too."""
    skip_unless_ready("opencl")
    monkeypatch.setattr(copies, "LARGEST", 0)
    x, w = T.fmatrix("x"), T.fmatrix("w")
    turned = T.concatenate([x.T, x.T], axis=1)
    with config.change_flags(backend="opencl"):
        f = tensorcore.function([x, w], [T.dot(turned, w), turned, turned.sum(axis=0)])
    a, b = RNG.integers(-3, 4, (5, 4)).astype("f"), RNG.integers(-3, 4, (10, 3)).astype("f")
    both = np.concatenate([a.T, a.T], 1)
    for found, wanted in zip(f(a, b), (both @ b, both, both.sum(0)), strict=True):
        np.testing.assert_array_equal(found, wanted)
