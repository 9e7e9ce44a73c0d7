"""Whether OpenCL works on this machine, and if not, what is missing and how to get it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from tensorcore import cache
from tensorcore.backend import Diagnosis
from tensorcore.errors import BackendUnavailable

from .device import NO_DRIVER, Facts, choose, devices, facts_of

_GET_DRIVER = "pip install 'pyopencl[pocl]' brings PoCL, a driver for the processor"
_PROBE_SECONDS = 120
#: What the child process does: a kernel of one work-item, on the device with this number.
_PROBE = """\
import sys, numpy, pyopencl
from tensorcore_opencl.device import devices
device = devices()[int(sys.argv[1])]
context = pyopencl.Context([device])
queue = pyopencl.CommandQueue(context)
text = "kernel void probe(global int *x) { x[0] = 42; }"
program = pyopencl.Program(context, text).build(cache_dir=False)
found = numpy.zeros(1, numpy.int32)
buffer = pyopencl.Buffer(context, pyopencl.mem_flags.READ_WRITE, 4)
program.probe(queue, (1,), (1,), buffer)
pyopencl.enqueue_copy(queue, found, buffer)
sys.exit(0 if found[0] == 42 else 9)
"""


def diagnose(words: str) -> Diagnosis:
    """What works for the device that ``words`` name. Never raises."""
    if find_spec("pyopencl") is None:
        return _none("the package pyopencl is not installed", _GET_DRIVER + " with it")
    try:
        found = devices()
    except ImportError as problem:
        return _none(f"pyopencl cannot be imported: {problem}", "install it anew")
    except Exception as problem:  # noqa: BLE001  # a driver may raise anything
        if getattr(problem, "code", None) == NO_DRIVER:
            return _none("no OpenCL driver (ICD) is installed", _GET_DRIVER, _versions())
        return _none(f"the OpenCL drivers cannot be listed: {problem}", "", _versions())
    if not found:
        reason = "there is an OpenCL driver, but it finds no device"
        return Diagnosis(True, False, reason, _GET_DRIVER, _versions())
    facts = [facts_of(device) for device in found]
    listed = [known.words(number) for number, known in enumerate(facts)]
    try:
        chosen = found.index(choose(found, words))
    except BackendUnavailable as problem:
        return Diagnosis(True, False, str(problem), "", _versions(), listed)
    reason, hint = usable(chosen, facts[chosen])
    if reason:
        return Diagnosis(True, False, reason, hint, _versions(), listed)
    # The one that is used comes first: it is what reports name.
    listed.insert(0, listed.pop(chosen))
    return Diagnosis(True, True, versions=_versions(), devices=listed)


def _none(reason: str, hint: str, versions: dict[str, str] | None = None) -> Diagnosis:
    return Diagnosis(False, False, reason, hint, versions or {})


def _versions() -> dict[str, str]:
    import pyopencl

    return {"pyopencl": str(pyopencl.VERSION_TEXT)}


@lru_cache
def usable(number: int, facts: Facts) -> tuple[str, str]:
    """Why kernels do not run on a device, with a hint; empty where they do.

    A child process tries it, as PoCL ends the whole process where it finds no linker. What worked
    once is kept in the cache, under all that it depends on.
    """
    linker = shutil.which("ld") if facts.portable else ""
    if linker is None:
        return (
            "PoCL needs the linker 'ld' to build kernels, and there is none",
            "install binutils (and gcc, whose libraries it links)",
        )
    about = (facts.platform, facts.name, facts.version, facts.driver)
    key = cache.key_of("opencl works", str(number), *about, linker, sys.prefix)
    store = cache.default()
    if store.lookup(key) == b"yes":
        return "", ""
    reason = _tried([sys.executable, "-c", _PROBE, str(number)])
    if not reason:
        store.store(key, b"yes")
        return "", ""
    hint = "install binutils and gcc, which PoCL builds kernels with" if facts.portable else ""
    return f"a kernel does not run on it: {reason}", hint


def _tried(command: Sequence[str]) -> str:
    """Why the child did not succeed; empty when it did."""
    import os

    from . import __file__ as here

    folder = os.path.dirname(os.path.dirname(os.path.abspath(here)))
    path = os.pathsep.join(p for p in (folder, *sys.path) if p)
    try:
        done: Any = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PROBE_SECONDS,
            env={**os.environ, "PYTHONPATH": path},
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return str(problem)
    if done.returncode == 0:
        return ""
    words = [line for line in done.stderr.splitlines() if line.strip()]
    last = words[-1] if words else "it said nothing"
    return f"exit {done.returncode}: {last[:300]}"
