"""Whether CUDA works on this machine, and if not, what is missing and how to get it.

Cheap questions come first: the driver is asked before CuPy, whose import takes half a second, and
nothing here needs a device to say that there is none.
"""

from __future__ import annotations

import ctypes
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import NamedTuple

from tensorcore.backend import Diagnosis
from tensorcore.errors import BackendUnavailable, CompileError

from . import nvrtc
from .device import choose, devices

GET_CUPY = (
    "pip install cupy-cuda13x nvidia-cuda-nvrtc nvidia-cublas (drivers before 580: cupy-cuda12x)"
)
_GET_DRIVER = "install NVIDIA's driver; in a container, pass the devices (--gpus all)"
_NO_DEVICE = 100
_PACKAGES = ("cupy-cuda13x", "cupy-cuda12x", "cupy", "nvidia-cuda-nvrtc", "nvidia-cuda-nvrtc-cu12")


class Driver(NamedTuple):
    """What NVIDIA's driver says: ``state`` is empty where it works, ``major`` the newest CUDA that
    it serves."""

    state: str
    major: int = 0


def driver() -> Driver:
    """Asked through the library that comes with it."""
    try:
        library = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return Driver("missing")
    number = ctypes.c_int()
    library.cuDriverGetVersion(ctypes.byref(number))
    major = number.value // 1000
    ended = library.cuInit(0)
    if ended == _NO_DEVICE:
        return Driver("no device", major)
    if ended:
        return Driver(f"cuInit failed with code {ended}", major)
    library.cuDeviceGetCount(ctypes.byref(number))
    return Driver("" if number.value else "no device", major)


def diagnose(words: str) -> Diagnosis:
    """What works for the device that ``words`` name. Never raises."""
    compiles = bool(nvrtc.find())
    versions = _versions()

    def none(reason: str, hint: str) -> Diagnosis:
        return Diagnosis(compiles, False, reason, hint, versions)

    if find_spec("cupy") is None:
        return none("the package cupy is not installed", GET_CUPY)
    found = driver()
    if found.state == "missing":
        return none("no NVIDIA driver is installed (libcuda.so.1 is not found)", _GET_DRIVER)
    if found.state == "no device":
        hint = "'nvidia-smi' lists devices; CUDA_VISIBLE_DEVICES may hide them"
        return none("there is an NVIDIA driver, but it finds no device", hint)
    if found.state:
        return none(f"the NVIDIA driver does not start: {found.state}", "see 'nvidia-smi'")
    if not compiles:
        return none("NVRTC, which compiles kernels, is not installed", nvrtc.GET_NVRTC)
    return _of_cupy(words, found, versions)


def _of_cupy(words: str, found: Driver, versions: dict[str, str]) -> Diagnosis:
    """With a driver: whether CuPy fits it, and the device that is meant."""

    def none(reason: str, hint: str) -> Diagnosis:
        return Diagnosis(True, False, reason, hint, versions)

    try:
        from cupy.cuda import runtime

        made_for = runtime.runtimeGetVersion() // 1000
    except Exception as problem:  # noqa: BLE001  # a broken installation may raise anything
        return none(f"CuPy cannot be imported: {_first_line(problem)}", "install it anew")
    if made_for > found.major:
        reason = f"CuPy is made for CUDA {made_for}, and the driver serves CUDA {found.major}"
        return none(reason, f"pip install cupy-cuda{found.major}x in its place, or a newer driver")
    try:
        known = devices()
    except Exception as problem:  # noqa: BLE001  # a driver may raise anything
        return none(f"the CUDA devices cannot be listed: {_first_line(problem)}", "")
    try:
        chosen = choose(known, words)
        compiler = nvrtc.compiler()
    except (BackendUnavailable, CompileError) as problem:
        return none(str(problem), "")
    if compiler.version[0] > found.major:
        reason = f"NVRTC is of CUDA {compiler.words}, and the driver serves CUDA {found.major}"
        hint = f"pip install nvidia-cuda-nvrtc-cu{found.major} in its place, or a newer driver"
        return none(reason, hint)
    if not compiler.target(chosen.capability):
        oldest = compiler.architectures[0]
        reason = (
            f"{chosen.name} has compute capability {chosen.capability // 10}."
            f"{chosen.capability % 10}, and NVRTC {compiler.words} compiles for {oldest // 10}."
            f"{oldest % 10} and newer"
        )
        return none(reason, "install an older CuPy with its NVRTC, or use another device")
    # The one that is used comes first: it is what reports name.
    listed = sorted(known, key=lambda facts: facts.number != chosen.number)
    return Diagnosis(True, True, versions=versions, devices=[facts.words() for facts in listed])


def _first_line(problem: Exception) -> str:
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0][:300]


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
