"""What users are told where OpenCL does not work: each cause has its own words, and nothing needs a
device to say them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tensorcore_opencl
from tensorcore_opencl import diagnosis
from tensorcore_opencl.device import Facts, choose

import tensorcore
import tensorcore.tensor as T
from tensorcore.errors import BackendUnavailable, UnsupportedOp

FACTS = Facts(
    "a device", "Portable Computing Language", "OpenCL 3.0", "3.0", 2**30, 2**28, 2, True, False,
    True, True,
)  # fmt: skip


class DriverError(Exception):
    code = -1001


def raising(problem: Exception) -> Any:
    def listing() -> list[Any]:
        raise problem

    return listing


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "find_spec", lambda name: None)
    found = diagnosis.diagnose("")
    assert not found.can_compile
    assert not found.can_run
    assert found.reason == "the package pyopencl is not installed"
    assert "pip install 'pyopencl[pocl]'" in found.hint


def with_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "find_spec", lambda name: True)
    monkeypatch.setattr(diagnosis, "_versions", lambda: {"pyopencl": "1"})


def test_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    with_package(monkeypatch)
    monkeypatch.setattr(diagnosis, "devices", raising(DriverError()))
    found = diagnosis.diagnose("")
    assert not found.can_run
    assert found.reason == "no OpenCL driver (ICD) is installed"
    assert "pip install 'pyopencl[pocl]'" in found.hint


def test_with_a_driver_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    with_package(monkeypatch)
    monkeypatch.setattr(diagnosis, "devices", raising(OSError("a cable is loose")))
    assert "a cable is loose" in diagnosis.diagnose("").reason


def test_without_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    with_package(monkeypatch)
    monkeypatch.setattr(diagnosis, "devices", list)
    found = diagnosis.diagnose("")
    assert found.can_compile
    assert not found.can_run
    assert found.reason == "there is an OpenCL driver, but it finds no device"


def test_of_what_is_no_device_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with_package(monkeypatch)
    platform = SimpleNamespace(name="Some Platform")
    device = SimpleNamespace(name="Some Card", platform=platform)
    monkeypatch.setattr(diagnosis, "devices", lambda: [device])
    monkeypatch.setattr(diagnosis, "facts_of", lambda device: FACTS)
    assert "there are: 0 (Some Card)" in diagnosis.diagnose("7").reason
    assert choose([device], "card") is device
    assert choose([device], "0") is device
    with pytest.raises(BackendUnavailable, match="no OpenCL device 'other'"):
        choose([device], "other")


def test_without_a_linker(monkeypatch: pytest.MonkeyPatch) -> None:
    """PoCL would end this process at the first launch."""
    monkeypatch.setattr(diagnosis.shutil, "which", lambda name: None)
    reason, hint = diagnosis.usable.__wrapped__(0, FACTS)
    assert "linker 'ld'" in reason
    assert "binutils" in hint


def test_a_kernel_that_ends_the_child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(diagnosis.shutil, "which", lambda name: str(tmp_path / name))
    code = "import os, sys; print('no libgcc', file=sys.stderr, flush=True); os.abort()"
    monkeypatch.setattr(diagnosis, "_PROBE", code)
    reason, hint = diagnosis.usable.__wrapped__(0, FACTS)
    assert reason == "a kernel does not run on it: exit -6: no libgcc"
    assert "gcc" in hint


def test_without_double_precision() -> None:
    backend = tensorcore_opencl.OpenCL()
    lacking: Any = SimpleNamespace(facts=FACTS._replace(double=False), group=1)
    backend._devices[backend.chosen()] = lacking
    takes = backend.capabilities()
    assert "float64" not in takes.dtypes
    assert "complex128" not in takes.dtypes
    assert {"float16", "float32", "complex64", "int64"} <= set(takes.dtypes)
    x = T.dvector("x")
    with pytest.raises(UnsupportedOp, match=r"no double precision \(cl_khr_fp64\)"):
        tensorcore.function([x], x + 1, backend=backend)


_CHOSEN = """
import pyopencl
import tensorcore
import tensorcore.tensor as T
from tensorcore import plugins

def no_driver():
    raise pyopencl.LogicError(problem)

class Problem:
    def __str__(self): return "PLATFORM_NOT_FOUND_KHR"
    def routine(self): return "clGetPlatformIDs"
    def code(self): return -1001
    def what(self): return "PLATFORM_NOT_FOUND_KHR"

class Empty:
    name = "Some Platform"
    def get_devices(self): return []

def said(spec, platforms):
    pyopencl.get_platforms = platforms
    plugins.refresh()
    try:
        tensorcore.function([], T.constant(1.0) + 1, backend=spec)
    except tensorcore.errors.BackendUnavailable as error:
        print(error)

problem = Problem()
real = pyopencl.get_platforms
said("opencl", no_driver)
said("opencl", lambda: [Empty()])
if real():
    said("opencl:no-such-card", real)
"""


def test_what_a_user_reads_who_asked_for_it() -> None:
    """Nothing opens a device before the diagnosis has said that there is one."""
    pytest.importorskip("pyopencl")
    env = {name: value for name, value in os.environ.items() if not name.startswith("TENSORCORE")}
    done = subprocess.run(
        [sys.executable, "-c", _CHOSEN], capture_output=True, text=True, check=True, env=env
    )
    lines = done.stdout.splitlines()
    expected = (
        "(missing dependency): no OpenCL driver (ICD) is installed. Hint: pip install",
        "(no device): there is an OpenCL driver, but it finds no device. Hint: pip install",
        "(no device): there is no OpenCL device 'no-such-card'; there are: 0 (",
    )
    assert len(lines) in (2, 3)
    for line, words in zip(lines, expected, strict=False):
        assert words in line
