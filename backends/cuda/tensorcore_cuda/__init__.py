"""The CUDA backend: kernels printed in CUDA C run on NVIDIA devices, through CuPy and NVRTC."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tensorcore import config
from tensorcore.backend import Backend, Capabilities, Diagnosis, Executable, Memory
from tensorcore.devices import OnDevice
from tensorcore.hookspecs import hookimpl
from tensorcore.program import Program

if TYPE_CHECKING:
    from .device import Device

OPTIONS = (
    config.Option(
        "cuda.device",
        config.text,
        "",
        "Which CUDA device: its number in `tensorcore backends -v`, or a part of its name.",
    ),
    config.Option(
        "cuda.block",
        config.integer(1, 512),
        128,
        "Threads in a block, a power of two from 32 to 512.",
    ),
    config.Option(
        "cuda.graphs",
        config.boolean,
        True,
        "Whether calls with known buffers replay a captured CUDA graph.",
    ),
    config.Option(
        "cuda.tf32",
        config.boolean,
        False,
        "Whether float32 products may use TF32, which keeps 11 bits of their operands.",
    ),
    config.Option(
        "cuda.half_sums",
        config.boolean,
        False,
        "Whether products of float16 may be added up in float16 too, and not in float32.",
    ),
    config.Option(
        "cuda.scatter",
        config.choice("sorted", "atomic"),
        "sorted",
        "How values are added at computed places: sorted, with the same bits in every run, or "
        "atomic, at once and in any order, so that float sums differ in their last bits.",
    ),
    config.Option(
        "cuda.architectures",
        config.text,
        "sm_75 sm_90 sm_120",
        "What --compile-only compiles for on a machine without a device.",
    ),
)


class CUDA(OnDevice["Device"]):
    """Fuses kernels, has NVRTC compile them, and keeps buffers on the device."""

    name = "cuda"

    def opened(self, words: str) -> Device:
        """See ``OnDevice``."""
        from .device import opened

        return opened(words)

    @property
    def memory(self) -> Memory:
        """Where buffers live; on a machine that can only compile, a place to leave them."""
        from .absent import NOWHERE, works

        return self.device.memory if works(self.chosen()) else NOWHERE

    def diagnose(self) -> Diagnosis:
        """Whether there are CuPy, NVRTC, a driver and a device, and what is missing."""
        from .diagnosis import diagnose

        return diagnose(self.chosen())

    def capabilities(self) -> Capabilities:
        """Fused kernels, contractions and sorting, in every dtype; linear algebra and transforms
        as calls of libraries."""
        from tensorcore.devices.machine import SCATTERS

        from .libraries import CLAIMED

        calls = frozenset({"argsort"}) | SCATTERS | CLAIMED
        return Capabilities(calls=calls, fuses=True, host_calls=True)

    def compile(self, program: Program) -> Executable:
        """Generate CUDA C, and build it or find it in the cache. Without a device it is compiled
        for each of ``cuda.architectures``, and a call is an error."""
        from .absent import CompiledOnly, works

        if not works(self.chosen()):
            return CompiledOnly(program)
        from .graphs import GraphExecutable

        return GraphExecutable(self.device, program)


@hookimpl
def tensorcore_options() -> Sequence[config.Option]:
    """The options of the section ``cuda``."""
    return OPTIONS


@hookimpl
def tensorcore_backends() -> Mapping[str, Callable[..., Backend]]:
    """The one backend of this package."""
    return {"cuda": CUDA}
