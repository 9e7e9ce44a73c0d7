"""The OpenCL backend: kernels printed in OpenCL C run on any device that has a driver."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tensorcore import config
from tensorcore.backend import Backend, Capabilities, Diagnosis, Executable
from tensorcore.devices import OnDevice
from tensorcore.dtypes import ALL
from tensorcore.hookspecs import hookimpl
from tensorcore.program import Program

if TYPE_CHECKING:
    from .device import Device
    from .memory import OpenCLMemory

OPTIONS = (
    config.Option(
        "opencl.device",
        config.text,
        "",
        "Which OpenCL device: its number in `tensorcore backends -v`, or a part of its name.",
    ),
    config.Option(
        "opencl.group",
        config.integer(0),
        0,
        "Work-items in a group, a power of two; 1: loops as for processors; 0: what fits the "
        "device.",
    ),
    config.Option(
        "opencl.clblast",
        config.text,
        "",
        "The file of the library CLBlast, for products of matrices; empty: where the system finds "
        "it, if it is installed; off: products are kernels of our own.",
    ),
)
#: The dtypes that need double precision.
_DOUBLE = ("float64", "complex128")
NO_DOUBLE = "the OpenCL device has no double precision (cl_khr_fp64)"


class OpenCL(OnDevice["Device"]):
    """Fuses kernels, has the device's driver compile them, and keeps buffers on the device."""

    name = "opencl"

    def opened(self, words: str) -> Device:
        """See ``OnDevice``."""
        from .device import opened

        return opened(words)

    @property
    def memory(self) -> OpenCLMemory:
        """Where buffers live."""
        return self.device.memory

    def diagnose(self) -> Diagnosis:
        """Whether there are pyopencl, a driver and a device, and whether kernels run there."""
        from .diagnosis import diagnose

        return diagnose(self.chosen())

    def capabilities(self) -> Capabilities:
        """Fused kernels, contractions and sorting, in the dtypes that the device has."""
        from tensorcore.devices.machine import SCATTERS

        lacking = () if self.device.facts.double else _DOUBLE
        calls = frozenset({"argsort"}) | (SCATTERS if self.device.group > 1 else frozenset())
        return Capabilities(
            dtypes=tuple(dtype for dtype in ALL if dtype not in lacking),
            calls=calls,
            fuses=True,
            unsupported=dict.fromkeys(lacking, NO_DOUBLE),
            host_calls=True,
        )

    def compile(self, program: Program) -> Executable:
        """Generate OpenCL C, and build it or find it in the cache."""
        from tensorcore.devices.overwriting import executable

        return executable(self.device, program)


@hookimpl
def tensorcore_options() -> Sequence[config.Option]:
    """The options of the section ``opencl``."""
    return OPTIONS


@hookimpl
def tensorcore_backends() -> Mapping[str, Callable[..., Backend]]:
    """The one backend of this package."""
    return {"opencl": OpenCL}
