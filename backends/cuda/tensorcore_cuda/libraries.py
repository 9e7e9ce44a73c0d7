"""Linear algebra by cuSOLVER and Fourier transforms by cuFFT: the references of these ops, which
take any library with the functions of NumPy's ``linalg`` and ``fft``, computed with CuPy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from tensorcore.devices.machine import Array, LibraryCall
from tensorcore.errors import MatrixError
from tensorcore.ops import OPS
from tensorcore.program import Call

if TYPE_CHECKING:
    from .device import Device

CLAIMED = frozenset(name for name, op in OPS.items() if op.libraries)
#: Those on matrices; the others are Fourier transforms.
LINEAR = frozenset(name for name in CLAIMED if OPS[name].family.name == "matrices")


class Libraries:
    """CuPy's functions on buffers of ours, in our stream and with memory from our pool."""

    def __init__(self, device: Device) -> None:
        self._device = device
        #: By the library why it does not work, empty where it does.
        self.missing: dict[str, str] = {}

    def call(self, step: Call) -> LibraryCall | None:
        """What computes a step. Whether a library works is tried once, as its parts are packages
        of their own, which CuPy loads when they are first needed."""
        name = "cuSOLVER" if step.op in LINEAR else "cuFFT"
        if name not in self.missing:
            self.missing[name] = self._tried(name)
        if self.missing[name]:
            return None
        return self._linear(step) if step.op in LINEAR else self._transform(step)

    def _tried(self, name: str) -> str:
        import cupy

        try:
            with self._ours():
                one = cupy.ones((1, 1), "float32")
                cupy.linalg.cholesky(one) if name == "cuSOLVER" else cupy.fft.fft(one)
        except MemoryError:
            raise
        except Exception as problem:  # noqa: BLE001  # CuPy's own, by version
            return (str(problem).splitlines() or [type(problem).__name__])[0]
        return ""

    @contextmanager
    def _ours(self) -> Iterator[None]:
        import cupy

        device = self._device
        with device.current(), cupy.cuda.using_allocator(device.memory.room):
            yield

    def _seen(self, array: Array) -> Any:
        """A buffer as CuPy sees it."""
        import cupy

        number = self._device.facts.number
        place = cupy.cuda.UnownedMemory(array.buffer.ptr, array.nbytes, array.buffer, number)
        return cupy.ndarray(array.shape, array.dtype, cupy.cuda.MemoryPointer(place, 0))

    def _kept(self, found: Any, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        """What CuPy has made, as an array of ours; both have their memory from one pool."""
        import cupy

        found = cupy.ascontiguousarray(found.astype(dtype, copy=False)).reshape(shape)
        return Array(self._device.memory, found.data, shape, dtype)

    def _linear(self, step: Call) -> LibraryCall:
        """Of an op on matrices. What a library refuses, and what has no finite result, is for the
        reference: CuPy names no matrix, and where LAPACK fails cuSOLVER may give NaN."""
        reference = OPS[step.op].reference

        def compute(
            operands: Sequence[Array], shape: tuple[int, ...], dtype: np.dtype
        ) -> Array | None:
            import cupy
            import cupyx

            if 0 in shape or any(0 in array.shape for array in operands):
                return None
            with self._ours(), cupyx.errstate(linalg="raise"):
                try:
                    found = reference(cupy, *map(self._seen, operands), **step.attrs)
                except (MatrixError, np.linalg.LinAlgError):
                    return None
                if not bool(cupy.isfinite(found).all()):
                    return None
                return self._kept(found, shape, dtype)

        return compute

    def _transform(self, step: Call) -> LibraryCall:
        """Of a Fourier transform; the length of the result says what further operands do."""
        reference = OPS[step.op].reference

        def compute(
            operands: Sequence[Array], shape: tuple[int, ...], dtype: np.dtype
        ) -> Array | None:
            import cupy

            if 0 in shape or 0 in operands[0].shape:
                return None
            with self._ours():
                given, lengths = self._seen(operands[0]), shape[-1:] * (len(operands) - 1)
                if lengths:
                    given = _with_real_ends(given, lengths[0])
                return self._kept(reference(cupy, given, *lengths, **step.attrs), shape, dtype)

        return compute


def _with_real_ends(given: Any, length: int) -> Any:
    """Frequencies of so many real numbers, of which those that are real have no imaginary part:
    NumPy takes none from there, of cuFFT nothing is said."""
    found = given.copy()
    for place in (0, -1) if length % 2 == 0 else (0,):
        found[..., place] = found[..., place].real
    return found
