"""Programs through the backend's own code, with an emulator in the place of device and CuPy:
schedules, memory, graphs, errors. No test here has run on a device."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from vocabulary import vocabulary

import tensorcore
import tensorcore.tensor as T
from tensorcore import config
from tensorcore.errors import BackendUnavailable, CompileError, OutOfRange


@pytest.mark.parametrize("block", [32, 128])
def test_all_forms_of_kernels(emulated: Any, block: int) -> None:
    with config.change_flags(**{"cuda.block": block}):
        f, arguments, expected = vocabulary()
    for _ in range(3):  # at once, captured, and replayed
        for found, wanted in zip(f(*arguments), expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1), (300, 2), (2, 3000), (70, 33)])
def test_blocks_take_any_shape(emulated: Any, shape: tuple[int, int]) -> None:
    x = T.fmatrix("x")
    results = [x.sum(axis=1), x.sum(), T.nnet.softmax(x), x.sum(axis=0), x.T + 1, x.T * x.T.sum()]
    results += [T.nnet.softmax(x, axis=0), x.var(axis=0)]
    f = tensorcore.function([x], results)
    a = np.random.default_rng(2).random(shape).astype("float32")
    rows, total, softmax, columns, turned, scaled, down, variance = f(a)
    np.testing.assert_allclose(rows, a.sum(1), rtol=1e-5)
    np.testing.assert_allclose(total, a.sum(), rtol=1e-5)
    np.testing.assert_allclose(columns, a.sum(0), rtol=1e-5)
    np.testing.assert_array_equal(turned, a.T + np.float32(1))
    np.testing.assert_allclose(scaled, a.T * a.sum(), rtol=1e-5)
    assert softmax.shape == shape
    if a.size:
        np.testing.assert_allclose(down, np.exp(a) / np.exp(a).sum(0), rtol=1e-5)
        np.testing.assert_allclose(variance, a.var(0), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("axes", [(1, 0, 2), (2, 1, 0), (0, 2, 1), (2, 0, 1)])
def test_transposes_of_more_axes(emulated: Any, axes: tuple[int, ...]) -> None:
    x = T.dtensor3("x")
    f = tensorcore.function([x], [x.transpose(axes) * 2, x.transpose(axes) + x.sum()])
    a = np.random.default_rng(6).random((3, 40, 35))
    doubled, shifted = f(a)
    np.testing.assert_array_equal(doubled, a.transpose(axes) * 2)
    np.testing.assert_allclose(shifted, a.transpose(axes) + a.sum(), rtol=1e-13)


def test_windows_that_overlap_are_added_in_turn(emulated: Any) -> None:
    """Points that write to one place do so in an order, whoever computes them."""
    from tensorcore.tensor.signal import pool

    x = T.dtensor4("x")
    pooled = pool.pool_2d(x, (3, 3), stride=(1, 1), mode="sum", ignore_border=True)
    weights = np.random.default_rng(7).random((2, 2, 4, 5))  # sums whose order shows in the bits
    f = tensorcore.function([x], T.grad((pooled * weights).sum(), x))
    found, wanted = f(np.ones((2, 2, 6, 7))), np.zeros((2, 2, 6, 7))
    for i in range(4):
        for j in range(5):
            wanted[:, :, i : i + 3, j : j + 3] += weights[:, :, i : i + 1, j : j + 1]
    np.testing.assert_allclose(found, wanted, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "int32"])
@pytest.mark.parametrize(
    "form", ["ij,jk->ik", "ji,jk->ik", "ij,kj->ik", "ji,kj->ki", "bij,bjk->bik"]
)
def test_products_of_every_layout(emulated: Any, dtype: str, form: str) -> None:
    sides, _ = form.split("->")
    first, second = sides.split(",")
    length = {"i": 5, "j": 7, "k": 3, "b": 2}
    generator = np.random.default_rng(3)

    def value(labels: str) -> np.ndarray:
        return generator.integers(-4, 5, [length[x] for x in labels]).astype(dtype)

    a, b = value(first), value(second)
    x, y = T.TensorType(dtype, (False,) * a.ndim)("x"), T.TensorType(dtype, (False,) * b.ndim)("y")
    f = tensorcore.function([x, y], T.einsum(form, x, y))
    np.testing.assert_array_equal(f(a, b), np.einsum(form, a, b))
    products = emulated.COUNTS.get("products", 0)
    assert products == (0 if dtype == "int32" else 1), "cuBLAS has every type but integers"


@pytest.mark.parametrize(
    ("dtype", "option", "exact", "reduced"),
    [("float32", "cuda.tf32", 68, 77), ("float16", "cuda.half_sums", 68, 64)],
)
def test_fewer_bits_by_option_only(
    emulated: Any, dtype: str, option: str, exact: int, reduced: int
) -> None:
    x = T.TensorType(dtype, (False, False))("x")
    f = tensorcore.function([x], T.dot(x, x))
    a = np.eye(3, dtype=dtype) * 2
    np.testing.assert_array_equal(f(a), a * 2)
    assert emulated.COUNTS[f"products by {exact}"] == 1
    with config.change_flags(**{option: True}):
        f = tensorcore.function([x], T.dot(x, x))
        np.testing.assert_array_equal(f(a), a * 2)
    assert emulated.COUNTS[f"products by {reduced}"] == 1
    assert emulated.COUNTS[f"products by {exact}"] == 1


def test_shared_variables_stay_on_the_device(emulated: Any) -> None:
    w = tensorcore.shared(np.zeros(3))
    f = tensorcore.function([], w.sum(), updates={w: w + 1})
    assert [float(f()) for _ in range(8)] == [3.0 * k for k in range(8)]
    assert w.memory.name == "cuda"
    assert w.get_value().tolist() == [8.0, 8.0, 8.0]


def training() -> tuple[Any, Any]:
    """A step with shared variables, and one of them."""
    generator = np.random.default_rng(5)
    a = generator.standard_normal((16, 4))
    data = tensorcore.shared(a)
    target = tensorcore.shared(a @ np.array([1.0, -2.0, 0.5, 3.0]))
    w = tensorcore.shared(np.zeros(4))
    cost = T.sqr(T.dot(data, w) - target).mean()
    return tensorcore.function([], cost, updates={w: w - 0.1 * T.grad(cost, w)}), w


def test_a_steady_state_replays_graphs_and_allocates_nothing(emulated: Any) -> None:
    f, _ = training()
    for _ in range(20):
        f()
    before = dict(emulated.COUNTS)
    costs = [float(f()) for _ in range(10)]
    after = dict(emulated.COUNTS)
    assert after["replays"] == before["replays"] + 10
    assert after["launches"] == before["launches"], "a replay is one command"
    assert after["allocations"] == before["allocations"]
    assert after["captures"] == before["captures"] <= 4
    assert costs == sorted(costs, reverse=True)


def test_graphs_give_the_same_bits(emulated: Any) -> None:
    with config.change_flags(**{"cuda.graphs": False}):
        f, w = training()
        plain = [float(f()) for _ in range(30)], w.get_value().tolist()
        assert "replays" not in emulated.COUNTS
    f, w = training()
    assert ([float(f()) for _ in range(30)], w.get_value().tolist()) == plain
    assert emulated.COUNTS["replays"] > 10


def test_a_result_that_is_held_is_not_written_over(emulated: Any) -> None:
    w = tensorcore.shared(np.zeros(4))
    values = [tensorcore.shared(np.zeros(4)) for _ in range(6)]
    steps = [tensorcore.function([], [], updates={v: w + 1, w: w + 1}) for v in values]
    for step in [*steps, *steps, *steps]:
        step()
    assert [v.get_value()[0] for v in values] == [13.0, 14.0, 15.0, 16.0, 17.0, 18.0]
    assert w.get_value().tolist() == [18.0] * 4


def test_variables_that_change_places_do_not_meet(
    emulated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A set of results that holds the arguments of a call is not written to by it."""
    from tensorcore_cuda.graphs import GraphExecutable

    plain = GraphExecutable.__call__

    def watched(self: Any, inputs: Any, cells: Any) -> Any:
        outputs, values = plain(self, inputs, cells)
        read = {array.buffer.ptr for array in (*inputs, *cells)}
        assert read.isdisjoint(array.buffer.ptr for array in (*outputs, *values))
        return outputs, values

    monkeypatch.setattr(GraphExecutable, "__call__", watched)
    x, y = np.arange(200.0), np.ones(200)
    a, b = tensorcore.shared(x), tensorcore.shared(y)
    f = tensorcore.function([], [], updates={a: b[::-1] * 0.5 + 1, b: T.cumsum(a) * 0.01})
    for _ in range(9):
        f()
        x, y = y[::-1] * 0.5 + 1, np.cumsum(x) * 0.01
        np.testing.assert_allclose(a.get_value(), x, rtol=1e-12)
        np.testing.assert_allclose(b.get_value(), y, rtol=1e-12)


def test_a_call_waits_for_its_results_only(emulated: Any) -> None:
    w = tensorcore.shared(np.ones((8, 8)))
    f = tensorcore.function([], [], updates={w: T.nnet.softmax(T.dot(w, w) * 2)})
    f()
    before = emulated.COUNTS.get("waits", 0)
    for _ in range(5):
        f()
    assert emulated.COUNTS.get("waits", 0) == before


def test_an_index_that_lies_outside_ends_the_call(emulated: Any) -> None:
    x, i = T.dvector("x"), T.lvector("i")
    w = tensorcore.shared(np.zeros(3))
    f = tensorcore.function([x, i], T.exp(x[i]).sum(), updates={w: w + x[i].sum()})
    for _ in range(3):
        with pytest.raises(OutOfRange, match="7 on axis 0, which has 3 entries"):
            f(np.ones(3), np.array([0, 7]))
    assert w.get_value().tolist() == [0.0, 0.0, 0.0]
    assert float(f(np.zeros(3), np.array([0, -1]))) == 2.0


def test_memory_that_runs_out_is_an_exception_and_leaves_all_as_it_was(emulated: Any) -> None:
    w = tensorcore.shared(np.ones(1000))
    f = tensorcore.function([], [], updates={w: T.cumsum(w[::-1]) * w.sum()})
    f()
    memory: Any = w.memory
    before = w.get_value()
    memory.limit = memory.pool.used_bytes() + 100
    try:
        with pytest.raises(MemoryError, match="bytes are left"):
            f()
    finally:
        memory.limit = None
    np.testing.assert_array_equal(w.get_value(), before)
    f()
    f()


def test_an_array_larger_than_the_device(emulated: Any) -> None:
    n = T.lscalar("n")
    f = tensorcore.function([n], T.zeros((n,), "float64") + n)
    with pytest.raises(MemoryError):
        f(10**13)
    assert f(2).tolist() == [2.0, 2.0]


def test_loops_choices_and_python_code(emulated: Any) -> None:
    x = T.dvector("x")
    total, _ = tensorcore.scan(lambda row, before: before * 0.5 + row, x, T.constant(0.0))
    f = tensorcore.function([x], [total, tensorcore.ifelse(x[0] > 0, x.sum(), x.max())])
    a = np.array([1.0, 2.0, 3.0])
    for _ in range(3):
        rows, choice = f(a)
        np.testing.assert_allclose(rows, [1.0, 2.5, 4.25])
        assert float(choice) == 6.0
    assert float(f(-a)[1]) == -1.0
    assert "captures" not in emulated.COUNTS, "what is read on the host cannot be captured"


def test_python_code_with_results_of_known_size(emulated: Any) -> None:
    """Sizes that are known before the call are no arrays on the device."""
    from tensorcore.ops.foreign import Site, results_of_python

    x = T.dvector("x")
    site = Site(
        lambda arrays: [arrays[0][::-1], arrays[0].sum()], [x.type, T.dscalar], title="turned",
        shapes=lambda inputs: [(inputs[0].shape[0],), ()],
    )  # fmt: skip
    turned, total = results_of_python(site, [x * 2])
    f = tensorcore.function([x], [turned + 1, total])
    found = f(np.array([1.0, 2.0, 3.0]))
    assert [r.tolist() for r in found] == [[7.0, 5.0, 3.0], 12.0]


def test_a_device_is_chosen_by_number_and_by_name(emulated: Any) -> None:
    for words in ("cuda:1", "cuda:emulated-1"):
        backend: Any = tensorcore.plugins.select(words).backend
        assert backend.device.facts.number == 1
    with pytest.raises(
        BackendUnavailable, match=r"no CUDA device '7'; there are: 0 \(Emulated-0\)"
    ):
        tensorcore.function([], T.constant(1.0) + 1, backend="cuda:7")


def test_calls_from_several_threads(emulated: Any) -> None:
    x = T.dvector("x")
    f = tensorcore.function([x], T.exp(x).sum())
    found: dict[int, list[float]] = {}

    def work(number: int) -> None:
        found[number] = [float(f(np.full(4, number))) for _ in range(20)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        np.testing.assert_allclose(found[number], 4 * np.exp(number))


def test_a_child_of_a_fork_is_told(emulated: Any) -> None:
    f = tensorcore.function([], T.constant(1.0) + tensorcore.shared(1.0))
    f()
    device: Any = tensorcore.plugins.select("cuda").backend
    process, device.device._process = device.device._process, -1
    try:
        with pytest.raises(BackendUnavailable, match="forked"):
            f()
    finally:
        device.device._process = process


def test_a_block_that_is_no_power_of_two(emulated: Any) -> None:
    with config.change_flags(**{"cuda.block": 96}), pytest.raises(Exception, match="power of two"):
        tensorcore.function([], tensorcore.shared(1.0) + 1)


PLANTED = {
    "depends on the order": "s[t] = (f64)t; p0[t] = s[(t + 1) % 64];",
    "wrote beside a buffer": "p0[t == 0 ? 64 : t] = 1;",
    "never reach": "if (t < 8) { __syncthreads(); } p0[t] = 1;",
}


@pytest.mark.parametrize("words", list(PLANTED))
def test_the_emulator_sees_what_is_planted(emulated: Any, words: str) -> None:
    from emulator import MEMORY, Mistake, Module
    from tensorcore_cuda.build import whole

    body = f"  __shared__ f64 s[64]; const int t = threadIdx.x;\n  {PLANTED[words]}\n"
    text = whole("__global__ void __launch_bounds__(64) k(f64 *__restrict__ p0) {\n" + body + "}\n")
    room = MEMORY.allocate(64 * 8)
    with pytest.raises(Mistake, match=words):
        Module(text).launch("k", (room,), 1, 64)
    MEMORY.buffers.pop(room)


def test_a_kernel_that_is_not_there(emulated: Any) -> None:
    device: Any = tensorcore.plugins.select("cuda").backend
    with pytest.raises(CompileError, match="no kernel nowhere"):
        device.device.build("").entry("nowhere")


def test_without_cublas_products_are_our_own(
    emulated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.delattr(sys.modules["cupy.cuda"], "cublas")
    monkeypatch.setitem(sys.modules, "cupy.cuda.cublas", None)
    x = T.fmatrix("x")
    f = tensorcore.function([x], T.dot(x, x))
    a = np.arange(9, dtype="float32").reshape(3, 3)
    np.testing.assert_array_equal(f(a), a @ a)
    assert "products" not in emulated.COUNTS
    assert "cuBLAS, so by kernels of our own" in f.executable.notes()


def test_code_that_the_driver_does_not_load(emulated: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Any, code: bytes) -> None:
        raise emulated.CUDARuntimeError("CUDA_ERROR_UNSUPPORTED_PTX_VERSION")

    monkeypatch.setattr(emulated.CupyModule, "load", refused)
    with pytest.raises(CompileError, match="CUDA_ERROR_UNSUPPORTED_PTX"):
        tensorcore.function([], tensorcore.shared(1.0) + 1)


def test_devices_in_turn_keep_their_own_streams(emulated: Any) -> None:
    """A host step of a function on one device calls a function on another, and that one the first
    again: each of CuPy's calls finds the device and the stream it needs."""
    first: Any = tensorcore.plugins.select("cuda:0").backend
    second: Any = tensorcore.plugins.select("cuda:1").backend
    with first.device.current():
        with second.device.current():
            with first.device.current():
                assert second.device.facts.number != first.device.facts.number
                first.device.memory.put(np.ones(3))
            second.device.memory.put(np.ones(3))
        made = first.device.memory.put(np.arange(3.0))
    assert first.device.memory.get(made).tolist() == [0.0, 1.0, 2.0]
