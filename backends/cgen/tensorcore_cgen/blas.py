"""The BLAS that NumPy brings along, as a table of function pointers for generated code.

Nothing is linked: the functions are found in NumPy's own library, so the process has one BLAS
with one pool of threads.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from typing import NamedTuple

import numpy as np  # noqa: F401, whose library is wanted

#: Order of the table: the CBLAS functions that generated code may call.
NAMES = ("sgemm", "dgemm", "cgemm", "zgemm", "sgemv", "dgemv")
#: Place in the table of what sets BLAS's number of threads, after the functions themselves.
THREADS = len(NAMES)
#: How builds of BLAS decorate a name, the bytes of their integers, and how OpenBLAS decorates
#: the names of its own.
_SPELLINGS = (
    ("scipy_cblas_{}64_", 8, "scipy_openblas_{}64_"),
    ("cblas_{}64_", 8, "openblas_{}64_"),
    ("cblas_{}$NEWLAPACK$ILP64", 8, ""),
    ("scipy_cblas_{}", 4, "scipy_openblas_{}"),
    ("cblas_{}$NEWLAPACK", 4, ""),
    ("cblas_{}", 4, "openblas_{}"),
)
_ROW_MAJOR, _AS_IS = 101, 111


class Blas(NamedTuple):
    """``table`` holds one address per name, 0 where missing; ``integer`` the bytes of BLAS
    integers, 0 when there is no BLAS; ``source`` says where it came from. ``threads`` holds the
    addresses of what tells and what sets BLAS's number of threads, 0 where the number is not one
    for the whole process."""

    table: tuple[int, ...]
    integer: int
    source: str
    threads: tuple[int, int] = (0, 0)

    def array(self) -> ctypes.Array[ctypes.c_void_p]:
        """The table in memory, for the context of generated code."""
        return (ctypes.c_void_p * (THREADS + 1))(*self.table, self.threads[1])


NONE = Blas((0,) * len(NAMES), 0, "none")


@functools.cache
def find() -> Blas:
    """The first BLAS that is loaded and works: NumPy's, else SciPy's if that is imported."""
    for path in _libraries():
        try:
            library = ctypes.CDLL(path)
        except OSError:
            continue
        for spelling, integer, own in _SPELLINGS:
            found = _table(library, spelling, integer)
            if found.integer and _multiplies(found):
                return found._replace(threads=_threads(library, own))
    return NONE


def _libraries() -> list[str]:
    paths = []
    for name in ("numpy._core._multiarray_umath", "scipy.linalg._fblas"):
        module = sys.modules.get(name)
        path = getattr(module, "__file__", None) if module else None
        if path:
            paths.append(path)
    return paths


def _table(library: ctypes.CDLL, spelling: str, integer: int) -> Blas:
    addresses = [_address(library, spelling.format(name)) for name in NAMES]
    if not addresses[NAMES.index("dgemm")]:
        return NONE
    return Blas(tuple(addresses), integer, spelling.format("*"))


def _address(library: ctypes.CDLL, name: str) -> int:
    try:
        return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0
    except AttributeError:
        return 0


def _threads(library: ctypes.CDLL, spelling: str) -> tuple[int, int]:
    """See ``Blas.threads``. A BLAS that is built on OpenMP (parallel mode 2) keeps one number
    for each calling thread."""
    names = [spelling.format(f"get_{word}") for word in ("parallel", "num_threads")]
    addresses = [_address(library, name) for name in (*names, spelling.format("set_num_threads"))]
    if not spelling or not all(addresses) or getattr(library, names[0])() > 1:
        return 0, 0
    return addresses[1], addresses[2]


def _multiplies(blas: Blas) -> bool:
    """Whether dgemm gets a product of two matrices right: the names promise no integer width."""
    number = ctypes.c_int64 if blas.integer == 8 else ctypes.c_int32
    matrix = ctypes.c_double * 4
    pointer = ctypes.POINTER(ctypes.c_double)
    real = ctypes.c_double
    order = ctypes.c_int
    kind = ctypes.CFUNCTYPE(
        None, order, order, order, number, number, number,
        real, pointer, number, pointer, number, real, pointer, number,
    )  # fmt: skip
    dgemm = kind(blas.table[NAMES.index("dgemm")])
    result = matrix()
    dgemm(
        _ROW_MAJOR, _AS_IS, _AS_IS, 2, 2, 2,
        1.0, matrix(1, 2, 3, 4), 2, matrix(5, 6, 7, 8), 2, 0.0, result, 2,
    )  # fmt: skip
    return list(result) == [19.0, 22.0, 43.0, 50.0]
