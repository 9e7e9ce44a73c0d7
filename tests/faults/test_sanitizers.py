"""Generated C and the runtime under the compiler's sanitizers and all its warnings. The small form
runs ``printed.py``; the long one the conformance suite (``TENSORCORE_TESTS_TIER``, or smoke)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from faults.client import HERE, Place, real_compiler
from faults.conftest import Tally

ROOT = HERE.parent.parent
# Dividing by zero is how the text makes infinities and NaN, and `x != x` how it asks for NaN,
# in one template for integers too. Parts find what a kernel's function shares with them through
# the context, which outlives that function. Loops over what unrolled ones have left are said to
# be undefined after 2**60 iterations, which they do not have.
WARNINGS = (
    "-Wall -Wextra -Werror -Wno-div-by-zero -Wno-tautological-compare -Wno-dangling-pointer "
    "-Wno-aggressive-loop-optimizations"
)
SANITIZERS = "-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"


def sanitizer(name: str) -> str:
    """The path of a sanitizer's library."""
    command = [real_compiler(), f"-print-file-name={name}"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if not os.path.isabs(found):
        pytest.skip(f"this compiler has no {name}")
    return os.path.realpath(found)


def run(place: Place, tally: Tally, variables: dict[str, str]) -> tuple[int, str]:
    """The exit code, and all that was said."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TENSORCORE_")}
    environment |= {k: v for k, v in place.environment.items() if v is not None} | variables
    command = [sys.executable, str(HERE / "printed.py")]
    if tally.long:
        tier = os.environ.get("TENSORCORE_TESTS_TIER", "smoke")
        suite = ["-m", "tensorcore", "conformance", "--backend", "cgen", "--tier", tier, "-q"]
        command = [sys.executable, *suite]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_no_undefined_behaviour(place: Place, tally: Tally, tmp_path: Path) -> None:
    """Python itself has no sanitizer, so their libraries are loaded before it. What it leaves
    to the end of the process is no leak."""
    libraries = [sanitizer("libasan.so"), sanitizer("libubsan.so"), sanitizer("libstdc++.so.6")]
    variables = {
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": f"detect_leaks=0:log_path={tmp_path / 'report'}",
        "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={tmp_path / 'report'}",
        "TENSORCORE_FLAGS": f"cgen.flags={SANITIZERS}",
    }
    code, said = run(place, tally, variables)
    reports = [path.read_text() for path in tmp_path.glob("report*")]
    good = code == 0 and not reports and place.compilations > 0
    detail = "" if good else "\n".join([said[-3000:], *reports])[-6000:]
    tally.held("R27 no report of the address and undefined sanitizers", 1, int(good), detail)


def test_no_warnings(place: Place, tally: Tally) -> None:
    code, said = run(place, tally, {"TENSORCORE_FLAGS": f"cgen.flags={WARNINGS}"})
    good = code == 0 and "slower than they could be" not in said and place.compilations > 0
    detail = "" if good else said[-3000:]
    tally.held("R27 no warning of -Wall -Wextra", 1, int(good), detail)


def test_sanitizers_see_something(place: Place, tmp_path: Path) -> None:
    """The same flags and variables find a write past the end, so they would find one of ours."""
    library = sanitizer("libasan.so")
    source, target = tmp_path / "bad.c", tmp_path / "bad.so"
    source.write_text("void bad(char *p, long n) { p[n] = 1; }\n")
    flags = [*SANITIZERS.split(), "-fPIC", "-shared", "-nostdlib"]
    subprocess.run([real_compiler(), *flags, str(source), "-o", str(target)], check=True)
    code = (
        "import ctypes, sys; c = ctypes.CDLL(None); c.malloc.restype = ctypes.c_void_p\n"
        "p = ctypes.c_void_p(c.malloc(8)); ctypes.CDLL(sys.argv[1]).bad(p, ctypes.c_long(8))"
    )
    environment = os.environ | {
        "LD_PRELOAD": f"{library} {sanitizer('libubsan.so')}",
        "ASAN_OPTIONS": "detect_leaks=0",
    }
    command = [sys.executable, "-c", code, str(target)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "heap-buffer-overflow" in done.stderr
    assert shutil.which("cc") is None or done.returncode != 0
