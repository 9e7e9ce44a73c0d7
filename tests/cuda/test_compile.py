"""Texts in CUDA C, compiled by NVRTC without a device, and what users are told where something is
missing. Nothing here needs CuPy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorcore_cuda import absent, build, diagnosis, nvrtc
from tensorcore_cuda.device import Facts, choose

import tensorcore
import tensorcore.tensor as T
from tensorcore import config
from tensorcore.errors import BackendUnavailable, CompileError

needs_nvrtc = pytest.mark.skipif(
    not nvrtc.find(), reason="NVRTC is not installed: pip install nvidia-cuda-nvrtc"
)
CARD = Facts(0, "Some Card", 90, 2**30, 132)


@pytest.fixture
def compiles_only(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A backend on a machine without a device, whatever this one has."""
    from tensorcore_cuda import CUDA

    monkeypatch.setattr(absent, "works", lambda words: False)
    return CUDA()


def expressions() -> tuple[list[Any], list[Any]]:
    """Inputs and outputs whose kernels are of every form and dtype."""
    x, i, h = T.fmatrix("x"), T.lvector("i"), T.TensorType("float16", (False, False))("h")
    z, d, k = T.zmatrix("z"), T.dmatrix("d"), T.imatrix("k")
    stream = tensorcore.tensor.shared_randomstreams.RandomStreams(3)
    total, _ = tensorcore.scan(lambda row, before: before * 0.5 + row, d, d[0])
    outputs = [
        T.nnet.softmax(x), x.sum(), x.sum(axis=0), T.argmax(x, axis=1), T.dot(x, x.T), x[i],
        T.sort(x, axis=1), T.inc_subtensor(x[i], 1), T.cumsum(x, axis=1), x.T + 1,
        h * 2, h.sum(axis=1), T.dot(h, h.T), T.sort(h, axis=0), T.exp(z), T.dot(z, z.T), z.sum(),
        T.gammaln(d), T.erfinv(d), d // 3, d % 3, d.var(axis=1), k << 2, T.dot(k, k.T), k // 3,
        stream.normal((4, 3)), total,
    ]  # fmt: skip
    return [x, i, h, z, d, k], outputs


@needs_nvrtc
@pytest.mark.parametrize("block", [32, 128])
def test_every_form_of_kernel_compiles(compiles_only: Any, block: int) -> None:
    inputs, outputs = expressions()
    with config.change_flags(**{"cuda.architectures": "sm_75 sm_120", "cuda.block": block}):
        f = tensorcore.function(inputs, outputs, backend=compiles_only)
    with pytest.raises(BackendUnavailable, match="compiled on a machine without a CUDA device"):
        f(*(np.ones((2,) * x.ndim, x.dtype) for x in inputs))


@needs_nvrtc
def test_the_largest_block_has_room(compiles_only: Any) -> None:
    """Shared memory of a kernel with as many accumulators as one has, of the widest dtypes."""
    x, z = T.dmatrix("x"), T.zmatrix("z")
    columns = [f((x + k), axis=0) for k in range(4) for f in (T.max, T.min)]
    rows = [(z * k).sum(axis=1) for k in range(2, 6)]
    softmax = [T.nnet.softmax(x), T.cumsum(z, axis=1), T.argmax(x, axis=1), x.T + 1]
    with config.change_flags(**{"cuda.architectures": "sm_75", "cuda.block": 512}):
        tensorcore.function([x, z], [*columns, *rows, *softmax], backend=compiles_only)


@needs_nvrtc
def test_a_text_that_does_not_compile() -> None:
    head = "__global__ void __launch_bounds__(128) k0_0(f32 *__restrict__ p0)"
    text = build.whole(head + " {\n  p0[0] = nowhere;\n}\n")
    with pytest.raises(CompileError) as caught:
        build.code_for("sm_90", text)
    words = str(caught.value)
    assert "in k0_0:" in words and 'identifier "nowhere" is undefined' in words
    assert "p0[0] = nowhere;" in words.split("source:")[1]


@needs_nvrtc
def test_an_error_names_kernel_line_and_ops(
    compiles_only: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "HEAD", build.HEAD.replace("typedef double f64;", ""))
    x = T.dvector("x")
    with pytest.raises(CompileError) as caught:
        tensorcore.function([x], T.floor(x) * 3, backend=compiles_only)
    words = str(caught.value)
    assert 'identifier "f64" is undefined' in words
    assert "kernel k0_0 computes: floor, " in words and "test_compile.py:" in words


@needs_nvrtc
def test_an_architecture_that_is_none() -> None:
    with pytest.raises(CompileError, match="sm_13"):
        build.code_for("sm_13", build.whole(""))


@needs_nvrtc
def test_targets() -> None:
    compiler = nvrtc.compiler()
    newest = compiler.architectures[-1]
    assert compiler.target(90) == "sm_90"
    assert compiler.target(newest + 7) == f"compute_{newest}", "the driver translates it"
    assert compiler.target(30) == ""
    assert b".target sm_75" in compiler.compile("", compiler.options("compute_75"))


@needs_nvrtc
def test_machine_code_comes_from_the_cache() -> None:
    text = build.whole("__global__ void k(f32 *p) { p[0] = 42.5f; }\n")
    first, _ = build.code_for("sm_90", text)
    second, origin = build.code_for("sm_90", text)
    assert second == first and origin == "from the cache"


# -- what is missing ------------------------------------------------------------------------


def everything(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """A machine that has all, but for ``changes``: parts of ``diagnosis``."""
    from types import SimpleNamespace

    compiler = SimpleNamespace(
        target=lambda c: "sm_90" if c >= 75 else "", architectures=(75, 90), words="13.0",
        version=(13, 0),
    )  # fmt: skip

    def found(name: str, otherwise: Any) -> Any:
        value = changes.get(name, otherwise)
        if isinstance(value, Exception):
            raise value
        return value

    runtime = SimpleNamespace(runtimeGetVersion=lambda: found("made_for", 13000))
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "cupy.cuda", SimpleNamespace(runtime=runtime))
    monkeypatch.setattr(nvrtc, "find", lambda: changes.get("nvrtc", "somewhere"))
    monkeypatch.setattr(nvrtc, "compiler", lambda: compiler)
    monkeypatch.setattr(diagnosis, "find_spec", lambda name: changes.get("cupy", True))
    driver = changes.get("driver", diagnosis.Driver("", 13))
    monkeypatch.setattr(diagnosis, "driver", lambda: driver)
    monkeypatch.setattr(diagnosis, "devices", lambda: found("devices", [CARD]))


OLD = CARD._replace(name="Old Card", capability=61)
MISSING = [
    ({"cupy": None}, "the package cupy is not installed", "pip install cupy-cuda13x"),
    ({"driver": diagnosis.Driver("missing")}, "no NVIDIA driver is installed", "--gpus all"),
    ({"driver": diagnosis.Driver("no device", 13)}, "finds no device", "nvidia-smi"),
    ({"driver": diagnosis.Driver("cuInit failed with code 999", 13)}, "code 999", "nvidia-smi"),
    ({"nvrtc": ""}, "NVRTC, which compiles kernels, is not installed", "nvidia-cuda-nvrtc"),
    ({"driver": diagnosis.Driver("", 12)}, "made for CUDA 13, and the driver serves CUDA 12",
     "pip install cupy-cuda12x"),
    ({"driver": diagnosis.Driver("", 12), "made_for": 12080}, "NVRTC is of CUDA 13.0, and the",
     "pip install nvidia-cuda-nvrtc-cu12"),
    ({"made_for": RuntimeError("libcudart.so: cannot open\nmore")},
     "CuPy cannot be imported: libcudart.so: cannot open", "install it anew"),
    ({"devices": RuntimeError("cudaErrorSystemNotReady")},
     "the CUDA devices cannot be listed: cudaErrorSystemNotReady", ""),
    ({"devices": [OLD]}, "Old Card has compute capability 6.1, and NVRTC 13.0 compiles for 7.5",
     "an older CuPy"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "reason", "hint"), MISSING, ids=[row[1][:30] for row in MISSING]
)
def test_each_cause_has_its_own_words(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], reason: str, hint: str
) -> None:
    everything(monkeypatch, **changes)
    found = diagnosis.diagnose("")
    assert not found.can_run
    assert reason in found.reason and "\n" not in found.reason
    assert hint in found.hint
    assert found.can_compile == (changes.get("nvrtc", "somewhere") != "")


def test_with_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    everything(monkeypatch, devices=[CARD, CARD._replace(number=1, name="Other Card")])
    found = diagnosis.diagnose("1")
    assert found.can_run
    assert found.devices[0].startswith("Other Card (cuda:1, compute capability 9.0, 132 units")


def test_the_device_that_is_meant() -> None:
    assert choose([CARD], "") is CARD
    assert choose([CARD], "0") is CARD
    assert choose([CARD], "card") is CARD
    with pytest.raises(BackendUnavailable, match=r"'3'; there are: 0 \(Some Card\)"):
        choose([CARD], "3")


def test_the_listing_says_why_and_imports_nothing_heavy() -> None:
    code = """
import sys
from tensorcore import plugins
status = plugins.status("cuda")
print(status.state, "|", status.reason, "|", status.hint)
assert status.state == "ok" or "cupy" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    state, reason, hint = done.stdout.strip().split(" | ")
    if state == "ok":
        pytest.skip("there is a device here")
    assert state in ("no device", "missing dependency") and reason and hint


@needs_nvrtc
def test_texts_are_gathered_from_any_backend_and_compiled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parent))
    import texts

    x = T.fmatrix("x")
    with texts.gathered() as found:
        f = tensorcore.function([x], T.nnet.softmax(x), backend="numpy_ref")
    assert f(np.zeros((1, 2), "float32")).tolist() == [[0.5, 0.5]], "it runs where it was to run"
    (text,) = found
    assert "__global__" in text and not texts.failures(found, ["sm_75"], 1)
    (words,) = texts.failures({text.replace("= row0[", "= nowhere["): None}, ["sm_75"], 1)
    assert 'identifier "nowhere" is undefined' in words
