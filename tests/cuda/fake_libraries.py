"""CuPy's arrays and the functions on them that the backend calls, over the emulator's memory: as
strict as CuPy about shapes, and as free as cuSOLVER. Nothing is raised unless ``errstate`` asks for
it, and then somebody waits; where signs are open they are not LAPACK's."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Self

import numpy as np

#: What errors of matrices do, and who gives memory; the stream of each thread is the caller's.
STATE = SimpleNamespace(linalg="ignore", allocator=None, stream=None, device=0)
#: Names that CuPy shares with NumPy, with the same meaning.
SHARED = (
    "abs", "arange", "argmax", "asarray", "broadcast_arrays", "broadcast_to", "concatenate", "conj",
    "diagonal", "eye", "full_like", "isfinite", "isnan", "max", "moveaxis", "ones", "pad", "stack",
    "sum", "swapaxes", "tile", "tril", "triu", "where", "zeros", "zeros_like",
)  # fmt: skip
FREE = ("cholesky", "det", "eigh", "eigvalsh", "inv", "pinv", "qr", "slogdet", "solve", "svd")


class UnownedMemory:
    def __init__(self, ptr: int, size: int, owner: Any, device_id: int = -1) -> None:
        self.ptr, self.size, self.owner = ptr, size, owner


class MemoryPointer:
    def __init__(self, mem: UnownedMemory, offset: int) -> None:
        self.mem, self.ptr = mem, mem.ptr + offset


class Ndarray(np.ndarray):
    """An array in the emulator's memory, or one on its way there: see ``data``."""

    _pointer: Any

    def __new__(cls, shape: Any, dtype: Any = float, memptr: Any = None) -> Self:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        room = (ctypes.c_char * max(size, 1)).from_address(memptr.ptr)
        made = super().__new__(cls, shape, dtype, buffer=room)
        made._pointer = memptr
        return made

    def __array_finalize__(self, other: Any) -> None:
        self._pointer = None

    @property
    def data(self) -> Any:  # type: ignore[override]
        if self._pointer is None:
            assert self.flags.c_contiguous, "the head of an array that lies apart"
            assert STATE.allocator is not None, "memory from nobody's pool"
            self._pointer = STATE.allocator(self.nbytes)
            content = np.ascontiguousarray(np.asarray(self))
            ctypes.memmove(self._pointer.ptr, content.ctypes.data, self.nbytes)
        return self._pointer


def _device(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function on arrays of the device alone, in a stream that is not capturing."""

    def called(*args: Any, **kwargs: Any) -> Any:
        assert STATE.stream is not None, "CuPy's own stream, for which nobody waits"
        assert not STATE.stream.is_capturing(), "a library in a capture"
        for value in args:
            for x in value if isinstance(value, (tuple, list)) else (value,):
                on_host = isinstance(x, np.ndarray) and not isinstance(x, Ndarray)
                assert not on_host, "an array of the host among those of the device"
        with np.errstate(all="ignore"):
            return _lifted(function(*args, **kwargs))

    return called


def _lifted(found: Any) -> Any:
    if isinstance(found, np.generic):
        found = np.asarray(found)
    if isinstance(found, tuple | list):
        return tuple(map(_lifted, found))
    return found.view(Ndarray) if isinstance(found, np.ndarray) else found


def _wait() -> None:
    from fake_cupy import count

    count("waits")


def _lax(compute: Callable[..., Any], garbage: Callable[..., Any]) -> Callable[..., Any]:
    """A routine that says nothing of a matrix it could not take, unless it is asked to."""

    def called(*args: Any, **kwargs: Any) -> Any:
        if STATE.linalg == "raise":
            _wait()
        try:
            return compute(*args, **kwargs)
        except np.linalg.LinAlgError:
            if STATE.linalg == "raise":
                raise
            return garbage(*args)

    return called


def _solve(a: Any, b: Any) -> Any:
    assert a.ndim == b.ndim and a.shape[:-1] == b.shape[:-1], "batches must be laid out"
    return np.linalg.solve(np.asarray(a), np.asarray(b))


def _eigh(a: Any, uplo: str = "L") -> Any:
    values, vectors = np.linalg.eigh(np.asarray(a), uplo)
    return values, vectors * _sign(vectors)


def _sign(vectors: Any) -> Any:
    return vectors.dtype.type(1j if vectors.dtype.kind == "c" else -1)


def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    if not np.isfinite(np.asarray(a)).all():  # cuSOLVER does not look
        assert not compute_uv
        return np.full((*a.shape[:-2], min(a.shape[-2:])), np.nan, a.real.dtype)
    found = np.linalg.svd(np.asarray(a), full_matrices, compute_uv)
    if not compute_uv:
        return found
    u, s, vh = found
    return u * _sign(u), s, vh * np.conj(_sign(u))


def _qr(a: Any, mode: str = "reduced") -> Any:
    q, r = np.linalg.qr(np.asarray(a), mode)  # type: ignore[call-overload]
    return q * _sign(q), r * np.conj(_sign(q))


def _plain(name: str) -> Callable[..., Any]:
    function = getattr(np.linalg, name)
    return lambda *args, **kwargs: function(*map(np.asarray, args[:1]), *args[1:], **kwargs)


def linalg() -> dict[str, Any]:
    """The functions of ``cupy.linalg``."""
    own = {"solve": _solve, "eigh": _eigh, "svd": _svd, "qr": _qr}
    made = {name: own.get(name) or _plain(name) for name in FREE}
    lax = {name: _lax(f, lambda *args: np.array(args[-1])) for name, f in made.items()}
    return {name: _device(f) for name, f in lax.items()}


def _irfft(a: Any, n: int, norm: str | None = None) -> Any:
    ends = a[..., [0, -1] if n % 2 == 0 else [0]]
    assert not ends.imag.any(), "what cuFFT does with it is not said"
    return np.fft.irfft(a, n, norm=norm)  # type: ignore[arg-type]


def transforms() -> dict[str, Any]:
    """The functions of ``cupy.fft``."""
    found = {}
    for name in ("fft", "ifft", "rfft", "irfft"):
        function = _irfft if name == "irfft" else getattr(np.fft, name)
        found[name] = _device(lambda a, *rest, f=function, **kw: f(np.asarray(a), *rest, **kw))
    return found


def functions() -> dict[str, Any]:
    """Those of ``cupy`` itself."""
    found = {name: _device(getattr(np, name)) for name in SHARED}
    found["asarray"] = lambda a: a
    found["ascontiguousarray"] = _device(lambda a: np.array(a, order="C", subok=True))
    return {**found, "ndarray": Ndarray, "nan": np.nan}


@contextmanager
def errstate(*, linalg: str) -> Iterator[None]:
    before, STATE.linalg = STATE.linalg, linalg
    try:
        yield
    finally:
        STATE.linalg = before


@contextmanager
def using_allocator(allocator: Any = None) -> Iterator[None]:
    before, STATE.allocator = STATE.allocator, allocator
    try:
        yield
    finally:
        STATE.allocator = before
