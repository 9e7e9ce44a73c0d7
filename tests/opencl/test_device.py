"""Programs on a device: launches, memory, errors, and the ways in which work is shared out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vocabulary import vocabulary

import tensorcore
import tensorcore.tensor as T
from tensorcore import config
from tensorcore.errors import CompileError, OutOfRange

pytestmark = pytest.mark.usefixtures("on_opencl")


@pytest.mark.parametrize("group", [1, 8])
def test_all_forms_of_kernels(group: int) -> None:
    """Loops of a processor's threads, and groups that share rows as on graphics processors."""
    with config.change_flags(**{"opencl.group": group}):
        f, arguments, expected = vocabulary()
    for found, wanted in zip(f(*arguments), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1), (300, 2), (2, 3000)])
def test_groups_take_any_shape(shape: tuple[int, int]) -> None:
    x = T.fmatrix("x")
    with config.change_flags(**{"opencl.group": 8}):
        f = tensorcore.function([x], [x.sum(axis=1), x.sum(), T.nnet.softmax(x), x.sum(axis=0)])
    a = np.random.default_rng(2).random(shape).astype("float32")
    rows, total, softmax, columns = f(a)
    np.testing.assert_allclose(rows, a.sum(1), rtol=1e-5)
    np.testing.assert_allclose(total, a.sum(), rtol=1e-5)
    np.testing.assert_allclose(columns, a.sum(0), rtol=1e-5)
    assert softmax.shape == shape


def test_two_hundred_sizes_build_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorcore_opencl.build

    count, build = [0], tensorcore_opencl.build.build

    def counting(*arguments: Any) -> Any:
        count[0] += 1
        return build(*arguments)

    monkeypatch.setattr(tensorcore_opencl.build, "build", counting)
    x = T.dmatrix("x")
    f = tensorcore.function([x], T.nnet.softmax(x).sum(axis=0))
    for size in range(1, 201):
        assert f(np.zeros((size, 4))) == pytest.approx(np.full(4, size / 4))
    assert count == [1]


def test_a_steady_state_allocates_nothing() -> None:
    x = tensorcore.shared(np.ones((8, 8), "float32"))
    o = tensorcore.shared(np.ones(1, "float32"))
    f = tensorcore.function([], [], updates={o: T.nnet.softmax(T.dot(x, x) * 2).sum(axis=0)})
    f()
    f()
    pool = o.memory.device.memory.pool  # type: ignore[attr-defined]
    before = pool.managed_bytes
    for _ in range(20):
        f()
    assert pool.managed_bytes == before
    np.testing.assert_allclose(o.get_value(), np.ones(8), rtol=1e-6)


def test_shared_variables_stay_on_the_device() -> None:
    w = tensorcore.shared(np.zeros(3))
    f = tensorcore.function([], w.sum(), updates={w: w + 1})
    assert [float(f()) for _ in range(3)] == [0.0, 3.0, 6.0]
    assert w.memory.name == "opencl"
    assert w.get_value().tolist() == [3.0, 3.0, 3.0]


def test_an_index_that_lies_outside_ends_the_call() -> None:
    x, i = T.dvector("x"), T.lvector("i")
    w = tensorcore.shared(np.zeros(3))
    f = tensorcore.function([x, i], T.exp(x[i]).sum(), updates={w: w + x[i].sum()})
    with pytest.raises(OutOfRange, match="7 on axis 0, which has 3 entries"):
        f(np.ones(3), np.array([0, 7]))
    assert w.get_value().tolist() == [0.0, 0.0, 0.0]
    assert float(f(np.zeros(3), np.array([0, -1]))) == 2.0


def test_memory_that_runs_out_is_an_exception_and_leaves_all_as_it_was() -> None:
    w = tensorcore.shared(np.ones(1000))
    f = tensorcore.function([], [], updates={w: T.cumsum(w[::-1]) * w.sum()})
    f()
    memory = w.memory
    before = w.get_value()
    memory.limit = memory.pool.active_bytes + 100  # type: ignore[attr-defined]
    try:
        with pytest.raises(MemoryError, match="bytes are left"):
            f()
    finally:
        memory.limit = None  # type: ignore[attr-defined]
    np.testing.assert_array_equal(w.get_value(), before)
    f()


def test_an_array_larger_than_the_device_gives_at_once() -> None:
    n = T.lscalar("n")
    f = tensorcore.function([n], T.zeros((n,), "float64") + n)
    with pytest.raises(MemoryError):
        f(10**13)
    assert f(2).tolist() == [2.0, 2.0]


def test_a_text_that_does_not_build() -> None:
    from tensorcore_opencl.build import build
    from tensorcore_opencl.device import opened

    text = "kernel void broken(global f32 *x) {\n  x[0] = nowhere;\n}\n"
    with pytest.raises(CompileError) as caught:
        build(opened(""), text)
    words = str(caught.value)
    assert "nowhere" in words.split("source:", maxsplit=1)[0]
    assert "x[0] = nowhere;" in words.split("source:")[1]


def test_a_child_of_a_fork_is_told() -> None:
    f = tensorcore.function([], T.constant(1.0) + tensorcore.shared(1.0))
    f()
    from tensorcore_opencl.device import opened

    device = opened("")
    process = device._process
    device._process = -1
    try:
        with pytest.raises(tensorcore.errors.BackendUnavailable, match="forked"):
            f()
    finally:
        device._process = process


def test_loops_and_choices() -> None:
    x = T.dvector("x")
    total, _ = tensorcore.scan(lambda row, before: before * 0.5 + row, x, T.constant(0.0))
    f = tensorcore.function([x], [total, tensorcore.ifelse(x[0] > 0, x.sum(), x.max())])
    a = np.array([1.0, 2.0, 3.0])
    rows, choice = f(a)
    np.testing.assert_allclose(rows, [1.0, 2.5, 4.25])
    assert float(choice) == 6.0
    assert float(f(-a)[1]) == -1.0


def under_oclgrind(code: str, folder: Path) -> tuple[str, str]:
    """What Python code prints that runs where OpenCL is oclgrind, a simulator that reports races,
    missing barriers and what lies outside of buffers; and what it reports."""
    from tensorcore_opencl.device import devices

    if not any("oclgrind" in device.platform.name.lower() for device in devices()):
        pytest.skip("oclgrind is not installed: pip install 'pyopencl[oclgrind]'")
    log = folder / "oclgrind.log"
    env = {
        **os.environ,
        "OCLGRIND_DATA_RACES": "1",
        "OCLGRIND_LOG": str(log),
        "TENSORCORE_BACKEND": "opencl:oclgrind",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, log.read_text() if log.exists() else ""


@pytest.mark.parametrize("group", [1, 8])
def test_oclgrind_finds_nothing(group: int, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("TENSORCORE_OPENCL_GROUP", str(group))
    code = """
from vocabulary import vocabulary
import numpy as np
f, arguments, expected = vocabulary()
for found, wanted in zip(f(*arguments), expected, strict=True):
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=1e-6)
print(f.backend)
"""
    said, log = under_oclgrind(code, tmp_path)
    assert said == "opencl\n"
    assert not log, log[:2000]


def test_oclgrind_finds_what_is_planted(tmp_path: Path) -> None:
    code = """
import numpy as np
from tensorcore_opencl.build import build
from tensorcore_opencl.device import opened
import pyopencl as cl
device = opened("oclgrind")
text = "kernel void f(global i32 *x) { x[0] = get_global_id(0); x[4] = 1; }"
f = build(device, text).kernel("f")
room = device.memory.room(16)
f.set_arg(0, room)
cl.enqueue_nd_range_kernel(device.queue, f, (8,), (8,))
device.queue.finish()
"""
    _, log = under_oclgrind(code, tmp_path)
    assert "data race" in log
    assert "Invalid write of size 4" in log


def test_a_device_is_chosen_by_option_and_by_name() -> None:
    from tensorcore_opencl.device import devices

    names = [device.name for device in devices()]
    backend = tensorcore.plugins.select("opencl").backend
    for number, name in enumerate(names):
        with config.change_flags(**{"opencl.device": str(number)}):
            assert backend.device.facts.name == name.strip()  # type: ignore[attr-defined]
    missing = pytest.raises(tensorcore.errors.BackendUnavailable, match="there are: 0")
    with config.change_flags(**{"opencl.device": "no such thing"}), missing:
        tensorcore.function([], T.constant(1.0) + 1, backend="opencl")
