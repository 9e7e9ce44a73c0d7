"""Products of matrices by cuBLAS: what it takes of the forms that ``products.Matrices`` has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorcore.devices.blas import form_of
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


class Multiplier:
    """cuBLAS with a handle of our own, on CuPy's current stream, which each call of CuPy's sets.
    Not for two threads at once."""

    def __init__(self) -> None:
        from cupy.cuda import cublas, runtime

        self._cublas, self._runtime = cublas, runtime
        self._handle = cublas.create()
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
