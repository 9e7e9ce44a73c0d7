"""Products of matrices by CLBlast, where that library is installed.

It is found by its name, or where the option ``opencl.clblast`` says. Its C interface is called
through ctypes: it takes the handles of buffers and of the queue, and puts its kernels there.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tensorcore import config
from tensorcore.devices.blas import form_of
from tensorcore.devices.machine import Multiply
from tensorcore.errors import BackendUnavailable

OFF = "off"


class _Complex64(ctypes.Structure):
    _fields_ = (("x", ctypes.c_float), ("y", ctypes.c_float))


class _Complex128(ctypes.Structure):
    _fields_ = (("x", ctypes.c_double), ("y", ctypes.c_double))


#: By dtype: the letter of its function, and its factors 1 and 0, which are passed by value.
_TYPES: dict[str, tuple[str, Any, Any]] = {
    "float32": ("S", ctypes.c_float(1), ctypes.c_float(0)),
    "float64": ("D", ctypes.c_double(1), ctypes.c_double(0)),
    "complex64": ("C", _Complex64(1, 0), _Complex64(0, 0)),
    "complex128": ("Z", _Complex128(1, 0), _Complex128(0, 0)),
}
_BY_COLUMNS, _AS_IS, _TRANSPOSED = 102, 111, 112
_SIZE, _HANDLE = ctypes.c_size_t, ctypes.c_void_p
#: A buffer, where the matrix begins in it, its leading dimension, and the way to the next matrix.
_MATRIX = (_HANDLE, _SIZE, _SIZE, _SIZE)


class Library(NamedTuple):
    """CLBlast's products by dtype, and the library's name."""

    products: dict[str, Callable[..., int]]
    name: str

    def product(
        self, queue: Any, dtype: str, lengths: Sequence[int], strides: Sequence[int]
    ) -> Multiply | None:
        """A callable for the buffers of two operands and the result; None where CLBlast has no
        form for such matrices."""
        form = form_of(lengths, strides) if dtype in self.products else None
        if form is None:
            return None
        function = self.products[dtype]
        _, one, zero = _TYPES[dtype]
        steps = [strides[3], strides[0]] if form.swapped else [strides[0], strides[3]]
        turned = [_TRANSPOSED if m.transposed else _AS_IS for m in (form.first, form.second)]
        sizes = (form.rows, form.columns, form.summed)
        place = _HANDLE(queue.int_ptr)
        name = self.name

        def multiply(a: Any, b: Any, r: Any) -> None:
            first, second = (b, a) if form.swapped else (a, b)
            status = function(
                _BY_COLUMNS, *turned, *sizes, one,
                first.int_ptr, 0, form.first.leading, steps[0],
                second.int_ptr, 0, form.second.leading, steps[1], zero,
                r.int_ptr, 0, form.leading, strides[6], lengths[0], ctypes.byref(place), None,
            )  # fmt: skip
            if status:
                raise BackendUnavailable(
                    f"CLBlast ({name}) ended a product of matrices {sizes} with status {status}. "
                    f"Hint: opencl.clblast={OFF} leaves it out."
                )

        return multiply


def library() -> Library | None:
    """CLBlast as the option ``opencl.clblast`` wants it; None where there is none, or it is off.

    Raises BackendUnavailable where the file that the option names cannot be loaded.
    """
    return _loaded(str(config.get("opencl.clblast")))


@functools.cache
def _loaded(wanted: str) -> Library | None:
    if wanted == OFF:
        return None
    from ctypes.util import find_library

    name = wanted or find_library("clblast")
    if not name:
        return None
    try:
        found = ctypes.CDLL(name)
        return Library({dtype: _function(found, dtype) for dtype in _TYPES}, name)
    except (OSError, AttributeError) as problem:
        if not wanted:  # what the system lists may be of another machine, or too old
            return None
        raise BackendUnavailable(
            f"the option opencl.clblast is {wanted!r}, which is no CLBlast: {problem}. Hint: name "
            f"the library's file, such as libclblast.so, or {OFF!r}."
        ) from problem


def _function(found: ctypes.CDLL, dtype: str) -> Callable[..., int]:
    letter, one, _ = _TYPES[dtype]
    function: Any = getattr(found, f"CLBlast{letter}gemmStridedBatched")
    factor = type(one)
    words = (ctypes.c_int,) * 3 + (_SIZE,) * 3
    function.argtypes = (
        *words, factor, *_MATRIX, *_MATRIX, factor, *_MATRIX, _SIZE, _HANDLE, _HANDLE,
    )  # fmt: skip
    function.restype = ctypes.c_int
    made: Callable[..., int] = function
    return made
