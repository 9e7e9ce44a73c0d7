"""Products of matrices by cuBLAS: what it takes of the forms that ``products.Matrices`` has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tensorcore.devices.machine import Multiply

#: By dtype: CuPy's name of the type of entries, that of the computation, the dtype of factors.
_TYPES = {
    "float16": ("CUDA_R_16F", "CUBLAS_COMPUTE_32F", "float32"),
    "float32": ("CUDA_R_32F", "CUBLAS_COMPUTE_32F", "float32"),
    "float64": ("CUDA_R_64F", "CUBLAS_COMPUTE_64F", "float64"),
    "complex64": ("CUDA_C_32F", "CUBLAS_COMPUTE_32F", "complex64"),
    "complex128": ("CUDA_C_64F", "CUBLAS_COMPUTE_64F", "complex128"),
}
#: By dtype the computation with fewer bits, for who asks for it, and the dtype of its factors.
REDUCED = {
    "float16": ("CUBLAS_COMPUTE_16F", "float16"),
    "float32": ("CUBLAS_COMPUTE_32F_FAST_TF32", "float32"),
}
_LARGEST = 2**31 - 1


class Operand(NamedTuple):
    """A matrix as cuBLAS names it: transposed or not, and how far its columns lie apart."""

    transposed: bool
    leading: int


class Form(NamedTuple):
    """A product in cuBLAS's words, by columns. ``swapped``: our second operand comes first, as a
    result by rows is its transpose by columns."""

    rows: int
    columns: int
    summed: int
    first: Operand
    second: Operand
    leading: int
    swapped: bool


def _operand(rows: int, columns: int, row_step: int, column_step: int) -> Operand | None:
    """A matrix whose rows lie ``row_step`` apart; None where neither rows nor columns touch."""
    if row_step == 1 or rows == 1:
        leading = column_step if columns > 1 else rows
        if leading >= rows:
            return Operand(False, max(leading, 1))
    if column_step == 1 or columns == 1:
        leading = row_step if rows > 1 else columns
        if leading >= columns:
            return Operand(True, max(leading, 1))
    return None


def form_of(lengths: Sequence[int], strides: Sequence[int]) -> Form | None:
    """How cuBLAS does it, if it can: nothing empty, no length beyond 32 bits, and in every matrix
    rows or columns that touch."""
    _, m, n, k = lengths
    _, am, ak, _, bk, bn, _, rm, rn = strides
    if min(lengths) < 1 or max(*lengths, *strides) > _LARGEST:
        return None
    result = _operand(n, m, rn, rm)  # the transpose of the result, by columns
    swapped = result is not None and not result.transposed
    if not swapped:
        result = _operand(m, n, rm, rn)
        if result is None or result.transposed:
            return None
        first, second = _operand(m, k, am, ak), _operand(k, n, bk, bn)
    else:
        first, second = _operand(n, k, bn, bk), _operand(k, m, ak, am)
    if first is None or second is None or result is None:
        return None
    rows, columns = (n, m) if swapped else (m, n)
    return Form(rows, columns, k, first, second, result.leading, swapped)


class Multiplier:
    """cuBLAS with a handle of our own, on one stream. Not for two threads at once."""

    def __init__(self, stream: Any) -> None:
        from cupy.cuda import cublas, runtime

        self._cublas, self._runtime = cublas, runtime
        self._handle = cublas.create()
        cublas.setStream(self._handle, stream.ptr)
        #: Factors of the product and of what was in the result, which cuBLAS reads on the host.
        factors = {t for _, _, t in _TYPES.values()} | {t for _, t in REDUCED.values()}
        self._factors = {t: np.array([1, 0], t) for t in factors}

    def product(
        self, dtype: str, lengths: Sequence[int], strides: Sequence[int], reduced: bool
    ) -> Multiply | None:
        """A callable for the buffers of two operands and the result, or None. ``reduced``: with
        fewer bits than the operands have, or than their sum needs, where there is such a thing."""
        form = form_of(lengths, strides) if dtype in _TYPES else None
        if form is None:
            return None
        entries, computed, factor = _TYPES[dtype]
        if reduced and dtype in REDUCED:
            computed, factor = REDUCED[dtype]
        kind = getattr(self._runtime, entries)
        one = self._factors[factor]
        place, cublas = one.ctypes.data, self._cublas
        steps = [strides[3], strides[0]] if form.swapped else [strides[0], strides[3]]
        operation = [
            cublas.CUBLAS_OP_T if x.transposed else cublas.CUBLAS_OP_N
            for x in (form.first, form.second)
        ]
        compute = getattr(cublas, computed)

        def multiply(a: Any, b: Any, r: Any) -> None:
            first, second = (b, a) if form.swapped else (a, b)
            cublas.gemmStridedBatchedEx(
                self._handle, *operation, form.rows, form.columns, form.summed, place,
                first.ptr, kind, form.first.leading, steps[0],
                second.ptr, kind, form.second.leading, steps[1], place + one.itemsize,
                r.ptr, kind, form.leading, strides[6], lengths[0], compute,
                cublas.CUBLAS_GEMM_DEFAULT,
            )  # fmt: skip

        return multiply
