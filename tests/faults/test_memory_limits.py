"""R18: memory that runs out is an exception, and what is kept between calls is bounded, given back
under pressure and gone with the function."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tensorcore_cgen import runtime

import tensorcore.tensor as T
from tensorcore import config, function
from tensorcore.function import Function

if TYPE_CHECKING:
    from faults.conftest import Tally

STARVED = Path(__file__).with_name("starved.py")
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and limits its memory")


def starved(backend: str, limits: int, failures: int) -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, str(STARVED), backend, str(limits), str(failures)],
        capture_output=True, text=True, timeout=1500, check=False,
        # With threads of its own OpenBLAS ends the process where it gets no memory for them.
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    found["words"] = run.stderr[-2000:]
    return found


@linux
@pytest.mark.parametrize("backend", ["cgen", "numpy_ref"])
def test_memory_limits(backend: str, tally: Tally) -> None:
    limits, count = tally.size(16, 200), tally.size(100, 10_000)
    found = starved(backend, limits, count)
    ends = found["endings"]
    good = ends.get("success", 0) + ends.get("refused", 0)
    assert ends.get("success") and ends.get("refused"), found
    tally.held(f"R18 memory limits: {backend}", limits, good, str(found))
    assert found["refused"] == count, found
    held = count if found["grown"] <= 1 << 20 else 0
    tally.held(f"R18 growth over failures: {backend}", count, held, f"{found['grown']} bytes")


def exponential() -> Function:
    x = T.dvector("x")
    with config.change_flags(backend="cgen"):
        f = function([x], T.exp(x) * 2)
    assert runtime._native() is not None
    f(np.ones(1))
    return f


def kept(f: Function) -> int:
    return sum(f.executable.bytes_kept)  # type: ignore[attr-defined]


def test_what_is_kept_is_bounded_and_large_outputs_come_again() -> None:
    f = exponential()
    x = np.ones(4_000_000)
    places = {id(f(x)) for _ in range(6)}
    assert len(places) <= 2, "an output of 32 MB was made anew"
    for size in (5_000_000, 9_000_000, 40_000_000):
        x = np.ones(size)
        f(x)
        f(x)
        assert kept(f) <= 256 << 20
    assert kept(f) < 256 << 20, "an output above the bound is kept"


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


@linux
def test_a_function_that_is_dropped_gives_everything_back() -> None:
    x = np.ones(6_000_000)
    f = exponential()
    f(x)
    f(x)
    assert kept(f) >= 48_000_000
    full = resident()
    del f
    gc.collect()
    assert full - resident() > 40_000_000
